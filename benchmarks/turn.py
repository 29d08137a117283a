"""How long the turn of an epoch takes: from the end of an epoch's last step to the first batch of the next.

    python benchmarks/turn.py DATA

DATA is what benchmarks/make_coco.py wrote, with --times 1.

A model that computes nothing is trained by MMDetection's runner with MMDetection's loader, whose workers start anew or
persist, and by penstock's runner with both of its loaders; two workers or threads each, the same pipeline, batch size
and images. Every run is a process of its own, and contenders take turns.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import write_record
from recipes import RECIPES

HERE = Path(__file__).resolve().parent
BATCH, WORKERS = 16, 2
CONTENDERS = ("mmdet", "mmdet persistent", "penstock c++", "penstock python")


@contextmanager
def loader_of(name: str, data: Path) -> Iterator[Any]:
    """A loader of training data."""
    if name.startswith("mmdet"):
        from mmdet.datasets import build_dataloader, build_dataset

        dataset = build_dataset(
            {
                "type": "CocoDataset",
                "ann_file": str(data / "annotations.json"),
                "img_prefix": str(data / "images"),
                "pipeline": RECIPES["c"],
            }
        )
        yield build_dataloader(dataset, BATCH, WORKERS, dist=False, seed=0, persistent_workers="persistent" in name)
        return
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    dataset = build_dataset({"deeplake_path": str(data / "lake"), "pipeline": RECIPES["c"]})
    with build_dataloader(dataset, BATCH, WORKERS, seed=0, loader_type=name.split()[1]) as loader:
        yield loader


def measure(name: str, data: Path, epochs: int) -> list[float]:
    """Seconds of each turn."""
    import cv2
    import torch
    from mmcv.runner import EpochBasedRunner, Hook

    from penstock.integrations.mmdet.training.hooks import LoaderEpochHook
    from penstock.integrations.mmdet.training.runners import EpochRunner

    # What MMDetection's training script does.
    cv2.setNumThreads(0)

    class Nothing(torch.nn.Module):
        def train_step(self, data: Any, optimizer: Any) -> dict[str, Any]:
            return {}

    class Turns(Hook):  # type: ignore[misc]
        def __init__(self) -> None:
            self.ended = 0.0
            self.seconds: list[float] = []

        def after_train_iter(self, runner: Any) -> None:
            self.ended = time.perf_counter()

        def before_train_iter(self, runner: Any) -> None:
            if runner.inner_iter == 0 and runner.epoch > 0:
                self.seconds.append(time.perf_counter() - self.ended)

    turns = Turns()
    with tempfile.TemporaryDirectory() as work_dir, loader_of(name, data) as loader:
        kind = EpochBasedRunner if name.startswith("mmdet") else EpochRunner
        runner = kind(Nothing(), work_dir=work_dir, logger=logging.getLogger("turn"), max_epochs=epochs)
        runner.register_hook(turns, priority="LOWEST")
        if kind is EpochRunner:
            runner.register_hook(LoaderEpochHook())
        runner.run([loader], [("train", 1)])
    return turns.seconds


def run(name: str, data: Path, epochs: int) -> list[float]:
    """As :func:`measure`, in a process of its own."""
    command = [sys.executable, __file__, str(data), "--epochs", str(epochs), "--measure", name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="what make_coco.py wrote")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "turn.json")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.data, arguments.epochs)))
        return
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(arguments.rounds):
        first = number % len(CONTENDERS)
        for name in (*CONTENDERS[first:], *CONTENDERS[:first]):
            seconds[name] += run(name, arguments.data, arguments.epochs)
    results = {}
    for name, found in seconds.items():
        results[name] = {"median": statistics.median(found), "min": min(found), "max": max(found), "turns": len(found)}
        print(f"{name:18}" + "".join(f"  {key} {value:.4g}" for key, value in results[name].items()))
    setting = {"batch_size": BATCH, "workers": WORKERS, "rounds": arguments.rounds, "epochs": arguments.epochs}
    command = f"python benchmarks/turn.py DATA --rounds {arguments.rounds}"
    write_record(arguments.out, command, setting, results, unit="seconds")
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()

"""The stages of benchmarks/gpu.py, each in a process of its own.

    python benchmarks/gpu_stages.py STAGE DATA DEVICE [--quick]

Prints what was measured as one JSON line. DATA has the datasets ``pictures`` and ``squares`` that
``tools/gpu-check --pack`` writes.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness import Process, Summary, compare

__all__ = ["STAGES", "Asked", "Skipped"]

HERE = Path(__file__).resolve().parent
#: Losses of the first step come out of the same kernels with the same bytes; the second one's follow gradients that a
#: GPU adds up in any order.
SAME_LOSS = (1e-5, 1e-2)


class Skipped(Exception):
    """A stage that this machine cannot run, and why."""


class Asked:
    """What a stage is asked for: the folder of datasets, the device, whether a trial will do."""

    def __init__(self, data: Path, device: str, quick: bool) -> None:
        self.data, self.device, self.quick = data, device, quick
        self.threads = len(os.sched_getaffinity(0))

    @property
    def size(self) -> str:
        return "small" if self.quick else "full"


def need_gpu(asked: Asked) -> None:
    """Ends a stage that measures what only a GPU does."""
    if asked.device == "cpu":
        raise Skipped("no GPU")


def need_modules(*names: str) -> None:
    """Ends a stage for which something is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise Skipped(f"the module {name} is not installed")


def detector(asked: Asked) -> dict[str, Any]:
    """Faster R-CNN, with and without mixed precision."""
    return {precision: trained(asked, "detector", precision) for precision in ("float32", "bfloat16")}


def classifier(asked: Asked) -> dict[str, Any]:
    """ResNet-50 in bfloat16: many images a second."""
    return {"bfloat16": trained(asked, "classifier", "bfloat16")}


def trained(asked: Asked, task: str, precision: str) -> dict[str, Any]:
    """Both contenders in turn, after their losses were found to be equal."""
    need_modules("torchvision", "cv2")
    from gpu_contenders import CONTENDERS, MODELS

    path = asked.data / ("pictures" if task == "detector" else "squares")
    full = {"detector": (8, 16), "classifier": (64, 60)}[task]
    batch_size, steps = (2, 2) if asked.quick else full
    rounds = 1 if asked.quick else 2
    numbers = [str(number) for number in (batch_size, steps, asked.threads)]
    with ExitStack() as stack:
        processes = []
        for name in CONTENDERS:
            command = [sys.executable, str(HERE / "gpu_contenders.py"), name, task, str(path), asked.device, precision]
            processes.append(Process(name, [*command, *numbers, asked.size]))
            stack.callback(processes[-1].close)
        losses = {process.name: process.ask("sums") for process in processes}
        check_losses(losses, precision)
        summaries = compare(processes, rounds)
    return {
        "model": MODELS[task][asked.size],
        "batch_size": batch_size,
        "steps": steps,
        "rounds": rounds,
        "losses": losses,
        **{summary.name: figures(summary) for summary in summaries},
    }


def check_losses(losses: dict[str, list[float]], precision: str) -> None:
    """That both loaders have given the same samples."""
    first, second = losses.values()
    for number, (one, other, bound) in enumerate(zip(first, second, SAME_LOSS, strict=True), 1):
        if not math.isclose(one, other, rel_tol=bound):
            raise AssertionError(f"losses of step {number} ({precision}) differ by more than {bound}: {losses}")


def figures(summary: Summary) -> dict[str, Any]:
    """Of each figure the values of all rounds."""
    names = ("waiting_share", "step_seconds", "images_per_second")
    return {name: [run[name] for run in summary.runs] for name in names} | {"peak_mib": summary.peak_mib}


def copies(asked: Asked) -> dict[str, Any]:
    """GB/s to the device, and how much of a copy goes on under computation."""
    need_gpu(asked)
    from gpu_copies import bandwidth, overlap

    return {"gigabytes_per_second": bandwidth(asked.data / "squares"), "overlap": overlap()}


def normalizing(asked: Asked) -> dict[str, Any]:
    """Normalised on the device, on the host, by the loader."""
    from gpu_copies import normalized

    return normalized(asked.data / "squares", asked.device, asked.threads, rounds=2 if asked.quick else 10)


def scaling(asked: Asked) -> dict[str, Any]:
    """benchmarks/scaling.py, with batches of 4, 8 and 32, up to as many threads as there are cores."""
    need_modules("cv2", "tqdm")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scaling.json"
        command = [sys.executable, str(HERE / "scaling.py"), str(asked.data / "pictures"), "--out", str(out)]
        command += ["--batch-sizes", "4", "8", "32", "--no-sleepers"]
        command += ["--rounds", "1", "--threads", "1"] if asked.quick else ["--rounds", "3", "--epochs", "4"]
        # Its table is for people; the last line of this program is for one.
        subprocess.run(command, check=True, stdout=sys.stderr)
        record: dict[str, Any] = json.loads(out.read_text())
    kept = ("rate", "of_the_ceiling")
    return {
        threads: {name: {key: found[key] for key in kept} for name, found in row.items()}
        for threads, row in record["results"].items()
    }


STAGES: dict[str, Callable[[Asked], dict[str, Any]]] = {
    "detector": detector,
    "copies": copies,
    "normalizing": normalizing,
    "classifier": classifier,
    "scaling": scaling,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("data", type=Path)
    parser.add_argument("device")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    asked = Asked(arguments.data, arguments.device, arguments.quick)
    answer: dict[str, Any]
    try:
        answer = {"results": STAGES[arguments.stage](asked)}
    except Skipped as reason:
        answer = {"skipped": str(reason)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()

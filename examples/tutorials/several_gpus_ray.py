"""The training of several_gpus.py, in workers that Ray Train starts.

python examples/tutorials/several_gpus_ray.py --workers 2
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

# Before Ray is imported: it otherwise reports its use to its makers.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
import ray
import torch
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, get_device

from several_gpus import train_rank


def train_worker(config: dict[str, Any]) -> None:
    """What each worker runs. Ray has joined the workers already."""
    train_rank(config["datasets"], config["epochs"], get_device(), config["out"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, help="the dataset to train on; default: pictures of shapes")
    parser.add_argument("--val", type=Path, help="the dataset to evaluate on")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("demo/several_gpus"), help="default: demo/several_gpus")
    arguments = parser.parse_args()
    # Workers have a working directory of their own.
    out = arguments.out.resolve()
    if arguments.train is None:
        from sample_data import classification_datasets

        datasets = classification_datasets(out, train=601, val=161)
    else:
        datasets = {"train": arguments.train.resolve(), "val": arguments.val.resolve()}
    out.mkdir(parents=True, exist_ok=True)

    # Workers import several_gpus.py from the folder of this file.
    here = {"env_vars": {"PYTHONPATH": str(Path(__file__).resolve().parent)}}
    ray.init(runtime_env=here, include_dashboard=False)
    trainer = TorchTrainer(
        train_worker,
        train_loop_config={"datasets": datasets, "epochs": arguments.epochs, "out": out},
        scaling_config=ScalingConfig(num_workers=arguments.workers, use_gpu=torch.cuda.is_available()),
        run_config=RunConfig(storage_path=str(out / "ray")),
    )
    trainer.fit()


if __name__ == "__main__":
    main()

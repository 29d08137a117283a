"""One of two ranks whose framework has got a loader of benchmarks/reliability.py.

    RANK=0 WORLD_SIZE=2 ... python benchmarks/reliability_ranks.py FRAMEWORK NAME DATA [MORE_PACKAGES]

prints the indices that this rank was given in one epoch, as JSON. "ray" starts its two workers itself.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

if len(sys.argv) > 4:
    sys.path.append(sys.argv[4])
warnings.simplefilter("ignore")

from reliability_contenders import indices, make  # noqa: E402

#: What each framework does with a loader.
FRAMEWORKS = (
    "accelerate",
    "accelerate, split_batches",
    "accelerate, dispatch_batches",
    "lightning, fit",
    "lightning, predict",
    "ray",
)


def accelerate(load: Callable[[], Any], option: str) -> list[int]:
    from accelerate import Accelerator
    from accelerate.utils import DataLoaderConfiguration

    options = {option: True} if option else {}
    accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(**options))
    prepared = accelerator.prepare(load())
    return [index for batch in prepared for index in indices(batch)]


def lightning(load: Callable[[], Any], action: str) -> list[int]:
    import torch
    from lightning import LightningModule, Trainer

    found: list[int] = []

    class Model(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: Any, number: int) -> Any:
            found.extend(indices(batch))
            return self.layer(torch.zeros(1, 1)).sum()

        def predict_step(self, batch: Any, number: int) -> None:
            found.extend(indices(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            devices=2,
            strategy="ddp",
            max_epochs=1,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            default_root_dir=folder,
        )
        getattr(trainer, action)(Model(), load())
    return found


def ray(name: str, data: str) -> list[int]:
    """What both workers are given."""
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        TorchTrainer(
            in_ray,
            train_loop_config={"name": name, "data": data, "folder": folder},
            scaling_config=ScalingConfig(num_workers=2),
            run_config=RunConfig(storage_path=folder),
        ).fit()
        found = [json.loads(file.read_text()) for file in Path(folder).glob("*.indices")]
    ray.shutdown()
    return [index for rank in found for index in rank]


def in_ray(config: dict[str, str]) -> None:
    import ray.train
    import ray.train.torch

    rank = ray.train.get_context().get_world_rank()
    loader = ray.train.torch.prepare_data_loader(make(config["name"], Path(config["data"])))
    found = [index for batch in loader for index in indices(batch)]
    Path(config["folder"], f"{rank}.indices").write_text(json.dumps(found))


def main() -> None:
    framework, name, data = sys.argv[1:4]
    answers, sys.stdout = sys.stdout, sys.stderr
    kind, _, option = framework.partition(", ")

    def load() -> Any:
        return make(name, Path(data))

    work = accelerate if kind == "accelerate" else lightning
    found = ray(name, data) if kind == "ray" else work(load, option)
    print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()

"""Loaders in the Trainer of Hugging Face's transformers, in one process or on ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from support.clients import BATCH, Run, make

__all__ = ["of_its_dataset", "prepared"]


def prepared(path: Path, folder: Path, **arguments: Any) -> Run:
    """Two epochs where the trainer's loader is ours, which its Accelerate has prepared."""
    from transformers import Trainer

    class OwnLoader(Trainer):
        def get_train_dataloader(self) -> Any:
            return self.accelerator.prepare(loader)

    with make(path, **arguments) as loader:
        return _trained(OwnLoader, folder, loader)


def of_its_dataset(path: Path, folder: Path, **arguments: Any) -> Run:
    """Two epochs where the trainer makes its own loader of our dataset."""
    from transformers import Trainer

    with make(path, **arguments) as loader:
        return _trained(Trainer, folder, loader, data_collator=loader.collate_fn)


def _trained(kind: Any, folder: Path, loader: Any, **more: Any) -> Run:
    from transformers import TrainingArguments

    run = Run()

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        # Not **batch: the trainer would add words of its own.
        def forward(self, index: Any, number: Any, image: Any, draw: Any, core: Any) -> Any:
            batch = {"index": index, "number": number, "image": image, "draw": draw, "core": core}
            run.take(batch, int(trainer.state.epoch or 0))
            return {"loss": self.layer(number.float()).sum() * 0}

    settings = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=2,
        per_device_train_batch_size=BATCH,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        logging_strategy="no",
        remove_unused_columns=False,
        ddp_backend="gloo" if torch.distributed.is_initialized() else None,
    )
    trainer = kind(Model(), settings, train_dataset=loader.dataset, **more)
    trainer.train()
    run.stats = loader.stats()
    return run

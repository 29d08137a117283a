"""Loaders in Lightning's Trainer and Fabric, in one process or on ranks.

Lightning is imported when this module is: it is not imported where Lightning is not installed.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric import Fabric
from lightning.pytorch.callbacks import ModelCheckpoint

import penstock
from support.clients import Run, make

__all__ = ["CASES", "Data", "Model", "fabric", "on_rank", "resumed", "trainer", "trainer_run"]


class Model(lightning.LightningModule):
    """A model that notes what it gets, and learns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.run, self.validation = Run(), Run()

    def training_step(self, batch: dict[str, torch.Tensor], number: int) -> torch.Tensor:
        self.run.take(batch, self.current_epoch)
        loss: torch.Tensor = self.layer(batch["number"].float()).sum() * 0
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], number: int) -> None:
        # Apart from what it is trained with.
        (self.validation if self.trainer.state.fn == "fit" else self.run).take(batch, 0)

    def _note(self, batch: dict[str, torch.Tensor], number: int) -> None:
        self.run.take(batch, 0)

    test_step = predict_step = _note

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


class Data(lightning.LightningDataModule):
    """Loaders that are made while Lightning asks for them, which it watches."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.made: list[penstock.DataLoader] = []

    def _make(self, **arguments: Any) -> penstock.DataLoader:
        self.made.append(make(self.path, **arguments))
        return self.made[-1]

    def train_dataloader(self) -> penstock.DataLoader:
        return self._make()

    def val_dataloader(self) -> penstock.DataLoader:
        return self._make(shuffle=False)

    test_dataloader = predict_dataloader = val_dataloader


def trainer(folder: Path, **arguments: Any) -> lightning.Trainer:
    """A quiet trainer of two epochs, on as many processes as there are."""
    settings: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1,
        "max_epochs": 2,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": folder,
    }
    return lightning.Trainer(**(settings | arguments))


#: Case -> arguments of the trainer, and what is called on it with which loader.
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "fit": ({}, "fit", {}),
    "fit_odd": ({}, "fit", {"samples": 101}),
    "fit_workers": ({}, "fit", {"num_workers": 2}),
    "fit_persistent_workers": ({}, "fit", {"num_workers": 2, "persistent_workers": True}),
    "fit_without_its_sampler": ({"use_distributed_sampler": False}, "fit", {}),
    "fit_chunk": ({}, "fit", {"shuffle": "chunk"}),
    "fit_python": ({}, "fit", {"loader_type": "python"}),
    "validate": ({}, "validate", {"shuffle": False}),
    "test": ({}, "test", {"shuffle": False}),
    "predict": ({}, "predict", {"shuffle": False}),
    "predict_odd": ({}, "predict", {"shuffle": False, "samples": 101}),
    "predict_python": ({}, "predict", {"shuffle": False, "loader_type": "python"}),
    "overfit_batches": ({"overfit_batches": 3}, "fit", {}),
    "limit_train_batches": ({"limit_train_batches": 3}, "fit", {}),
}


def trainer_run(path: Path, folder: Path, case: str) -> Run:
    """What the model gets in a case."""
    settings, action, arguments = CASES[case]
    model = Model()
    with make(path, **arguments) as loader:
        getattr(trainer(folder, **settings), action)(model, loader)
        model.run.stats = loader.stats()
    return model.run


def data_module_run(path: Path, folder: Path, action: str) -> Run:
    """The same with loaders of a data module."""
    model, data = Model(), Data(path)
    getattr(trainer(folder), action)(model, datamodule=data)
    for loader in data.made:
        loader.close()
    return model.run


def resumed(path: Path, folder: Path, steps: int, loader_type: str = "c++") -> Run:
    """Two epochs of which one trainer runs so many steps, and another one the rest, from a checkpoint.

    ``steps`` 0: from the checkpoint that is made at the end of the first epoch by default.
    """
    each = {"every_n_train_steps": steps} if steps else {}
    kept = ModelCheckpoint(folder, filename="kept", save_top_k=-1, **each)
    first = Model()
    with make(path, loader_type=loader_type) as loader:
        limits = {"max_steps": steps, "max_epochs": -1} if steps else {"max_epochs": 1}
        trainer(folder, callbacks=[kept], enable_checkpointing=True, **limits).fit(first, loader)
    model = Model()
    model.run = first.run
    with make(path, loader_type=loader_type) as loader:
        trainer(folder).fit(model, loader, ckpt_path=folder / "kept.ckpt")
    return model.run


def fabric(path: Path, **arguments: Any) -> Run:
    """Two epochs of a plain loop over what Fabric has set up."""
    distributed = torch.distributed.is_initialized()
    devices = torch.distributed.get_world_size() if distributed else 1
    made = Fabric(accelerator="cpu", devices=devices, strategy="ddp" if distributed else "auto")
    made.launch()
    with make(path, **arguments) as loader:
        run = Run().iterate(made.setup_dataloaders(loader), 2)
        run.stats = loader.stats()
    return run


def on_rank(path: Path, folder: Path) -> dict[str, Run | str]:
    """All cases on one of the ranks; text where one failed."""
    rank = torch.distributed.get_rank()
    work: dict[str, Any] = {case: (trainer_run, path, folder, case) for case in CASES}
    work |= {f"data_module_{action}": (data_module_run, path, folder, action) for action in ("fit", "predict")}
    work |= {"fabric": (fabric, path)}
    work |= {f"resumed_{steps}": (resumed, path, folder / f"resumed_{steps}", steps) for steps in (0, 3)}
    found: dict[str, Run | str] = {}
    for name, (function, *arguments) in work.items():
        try:
            found[name] = function(*arguments)
        except Exception:
            found[name] = f"rank {rank}: {traceback.format_exc()}"
    return found

"""Detectron2's DefaultTrainer with loaders of Deep Lake datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detectron2.config import CfgNode
from detectron2.data import MetadataCatalog
from detectron2.engine import DefaultTrainer
from detectron2.evaluation import COCOEvaluator
from detectron2.utils import comm

from penstock.errors import ConfigError
from penstock.integrations.detectron2.building import build_test_loader, build_train_loader
from penstock.integrations.detectron2.loaders import TestLoader, TrainLoader
from penstock.integrations.ranks.random_state import random_state, restore_random_state

__all__ = ["PenstockTrainer"]

_KEY = "penstock"


class PenstockTrainer(DefaultTrainer):  # type: ignore[misc]
    """Trains and evaluates on datasets that :func:`register_deeplake` has registered.

    A checkpoint also holds where the loader is and, of rank 0, the random generators: ``resume_or_load(resume=True)``
    goes on with the next batch, and of one process with the losses of a training that was never interrupted.
    """

    @classmethod
    def build_train_loader(cls, cfg: CfgNode) -> TrainLoader:
        """See :func:`penstock.integrations.detectron2.build_train_loader`."""
        return build_train_loader(cfg)

    @classmethod
    def build_test_loader(cls, cfg: CfgNode, dataset_name: str) -> TestLoader:
        """See :func:`penstock.integrations.detectron2.build_test_loader`."""
        return build_test_loader(cfg, dataset_name)

    @classmethod
    def build_evaluator(cls, cfg: CfgNode, dataset_name: str, output_folder: str | None = None) -> COCOEvaluator:
        """COCO's metrics. Results are written to ``output_folder``, "inference" in the configuration's OUTPUT_DIR where
        it is None.

        Raises:
            ConfigError: The dataset was registered with another evaluator_type.
        """
        kind = MetadataCatalog.get(dataset_name).get("evaluator_type")
        if kind != "coco":
            raise ConfigError(
                f"'{dataset_name}' has the evaluator_type {kind!r}, and only 'coco' is known here",
                hint="Override build_evaluator",
            )
        return COCOEvaluator(dataset_name, output_dir=output_folder or str(Path(cfg.OUTPUT_DIR) / "inference"))

    def state_dict(self) -> dict[str, Any]:
        """Detectron2's state, with the loader's and the random generators'."""
        state: dict[str, Any] = super().state_dict()
        loader = self._trainer.data_loader
        if isinstance(loader, TrainLoader):
            state[_KEY] = {"loader": loader.state_dict(), "random": random_state()}
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where :meth:`state_dict` was taken. A checkpoint of Detectron2's own begins with the first batch.

        Raises:
            ConfigError: The state is of another dataset, mapper or batch size.
        """
        super().load_state_dict(state_dict)
        own, loader = state_dict.get(_KEY), self._trainer.data_loader
        if own is None or not isinstance(loader, TrainLoader):
            return
        loader.load_state_dict(own["loader"])
        if comm.is_main_process():
            restore_random_state(own["random"])

"""Detectron2 on Deep Lake datasets.

    from penstock.integrations import detectron2 as detectron2_deeplake

    detectron2_deeplake.register_deeplake("my_train", "path/to/dataset")
    cfg.DATASETS.TRAIN = ("my_train",)
    detectron2_deeplake.PenstockTrainer(cfg).train()

A dataset that is registered has the dicts and the metadata that Detectron2 has of the same dataset in COCO's files, and
its images can be read by the names in the dicts. The loaders take the place of ``build_detection_train_loader`` and
``build_detection_test_loader``, and give what Detectron2's ``DatasetMapper`` gives; see ``docs/how-to/detectron2.md``.
"""

from penstock.integrations.detectron2._require import require_detectron2

require_detectron2()

from penstock.integrations.detectron2.building import build_test_loader, build_train_loader  # noqa: E402
from penstock.integrations.detectron2.catalog import register_deeplake  # noqa: E402
from penstock.integrations.detectron2.loaders import TestLoader, TrainLoader  # noqa: E402
from penstock.integrations.detectron2.trainer import PenstockTrainer  # noqa: E402

__all__ = [
    "PenstockTrainer",
    "TestLoader",
    "TrainLoader",
    "build_test_loader",
    "build_train_loader",
    "register_deeplake",
]

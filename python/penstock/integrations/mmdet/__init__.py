"""MMDetection 2.28 on Deep Lake datasets.

    from penstock.integrations import mmdet as mmdet_deeplake

    model = mmdet_deeplake.build_detector(cfg.model)
    mmdet_deeplake.train_detector(model, cfg)

The configuration is MMDetection's, with ``deeplake_path`` in ``data.train`` and ``data.val``; see
:mod:`penstock.integrations.mmdet.config` for all keys. Results are those of MMDetection's own
``CocoDataset`` or ``VOCDataset`` on the annotation files that the Deep Lake dataset was made of.
A checkpoint is evaluated by

    mmdet_deeplake.test_detector(None, cfg, "work_dirs/latest.pth", show_dir="shown")
"""

from penstock.integrations.mmdet._require import require_mmdet

require_mmdet()

from mmdet.models import build_detector  # noqa: E402

from penstock.integrations.mmdet.building import build_dataset  # noqa: E402
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset  # noqa: E402
from penstock.integrations.mmdet.data.voc import DeepLakeVOCDataset  # noqa: E402
from penstock.integrations.mmdet.detection_loader import DetectionLoader, build_dataloader  # noqa: E402
from penstock.integrations.mmdet.pipeline.dataset_program import compile_pipeline  # noqa: E402
from penstock.integrations.mmdet.testing import test_detector  # noqa: E402
from penstock.integrations.mmdet.train import train_detector  # noqa: E402

__all__ = [
    "DeepLakeCocoDataset",
    "DeepLakeVOCDataset",
    "DetectionLoader",
    "build_dataloader",
    "build_dataset",
    "build_detector",
    "compile_pipeline",
    "test_detector",
    "train_detector",
]

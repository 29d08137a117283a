"""MMDetection 3 on Deep Lake datasets.

A configuration of MMDetection's needs three things, and runs with its own ``tools/train.py`` and ``tools/test.py``:

    custom_imports = dict(imports=["penstock.integrations.mmdet3"])
    runner_type = "PenstockRunner"
    train_dataloader = dict(dataset=dict(type="DeepLakeDetDataset", deeplake_path="s3://bucket/lake"))

See :mod:`penstock.integrations.mmdet3.config` for all keys. In a script:

    from penstock.integrations import mmdet3 as mmdet_deeplake

    mmdet_deeplake.train_detector(cfg)

Results are those of MMDetection's own ``CocoDataset`` or ``VOCDataset`` on the annotation files that the Deep Lake
dataset was made of. Importing this registers the dataset, the runner and hooks with MMDetection.
"""

from penstock.integrations.mmdet3._require import require_mmdet3

require_mmdet3()

from penstock.integrations.mmdet3.building import build_dataloader  # noqa: E402
from penstock.integrations.mmdet3.data.dataset import DeepLakeDetDataset  # noqa: E402
from penstock.integrations.mmdet3.detection_loader import DetectionLoader  # noqa: E402
from penstock.integrations.mmdet3.looking.prediction_tables import PredictionTablesHook  # noqa: E402
from penstock.integrations.mmdet3.runner import PenstockRunner  # noqa: E402
from penstock.integrations.mmdet3.train import train_detector  # noqa: E402

__all__ = [
    "DeepLakeDetDataset",
    "DetectionLoader",
    "PenstockRunner",
    "PredictionTablesHook",
    "build_dataloader",
    "train_detector",
]

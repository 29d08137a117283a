"""COCO files to a trained detector, with MMDetection 3.

python examples/tutorials/coco_mmdetection_3.py                                    pictures of shapes, drawn here
python examples/tutorials/coco_mmdetection_3.py --coco DIR --config CONFIG.py      your own COCO files
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
from mmengine.config import Config, DictAction

from penstock.ingest import ingest_coco
from penstock.integrations.mmdet3 import PenstockRunner
from sample_data import coco_of_shapes, contact_sheet

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "mmdet3" / "shapes.py"


def ingest(coco: Path, out: Path) -> dict[str, Path]:
    """Writes both splits as Deep Lake datasets, unless they are there."""
    datasets = {split: out / split for split in ("train", "val")}
    for split, dataset in datasets.items():
        if not dataset.exists():
            annotations = coco / "annotations" / f"instances_{split}2017.json"
            summary = ingest_coco(annotations, coco / f"{split}2017", dataset)
            print(f"{dataset}: {summary['images']} images, {summary['annotations']} annotations")
    return datasets


def read_config(file: Path, datasets: dict[str, Path], work_dir: Path) -> Any:
    """MMDetection's configuration, with the keys that say where the images are."""
    cfg = Config.fromfile(str(file))
    cfg.custom_imports = dict(imports=["penstock.integrations.mmdet3"], allow_failed_imports=False)
    cfg.runner_type = "PenstockRunner"
    for name, split in (("train_dataloader", "train"), ("val_dataloader", "val"), ("test_dataloader", "val")):
        cfg[name].dataset.type = "DeepLakeDetDataset"
        cfg[name].dataset.deeplake_path = str(datasets[split])
    cfg.default_hooks.visualization = dict(
        type="DetVisualizationHook", draw=True, interval=10**9, score_thr=0.25, test_out_dir="shown"
    )
    cfg.randomness = dict(seed=0)
    cfg.work_dir = str(work_dir)
    return cfg


def train_and_test(cfg: Any) -> dict[str, float]:
    """Trains from random weights, then evaluates the last checkpoint and draws what it finds."""
    PenstockRunner.from_cfg(cfg).train()
    cfg.load_from = (Path(cfg.work_dir) / "last_checkpoint").read_text()
    metrics: dict[str, float] = PenstockRunner.from_cfg(cfg).test()
    return metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a folder with annotations/, train2017/ and val2017/")
    parser.add_argument("--config", type=Path, default=CONFIG, help="default: a small detector for shapes")
    parser.add_argument("--quick", action="store_true", help="fewer pictures and epochs: to see that all works")
    parser.add_argument("--options", nargs="+", action=DictAction, default={}, metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=Path("demo/coco_mmdetection_3"))
    arguments = parser.parse_args()
    # The loader has threads of its own. OpenCV's threads would compete with them for the cores.
    cv2.setNumThreads(0)
    train_pictures, val_pictures, epochs = (240, 24, 2) if arguments.quick else (640, 100, 16)
    coco = arguments.coco or coco_of_shapes(arguments.out / "coco", train_pictures, val_pictures)
    datasets = ingest(coco, arguments.out)
    cfg = read_config(arguments.config, datasets, arguments.out / "work")
    if arguments.config == CONFIG:
        cfg.train_cfg.max_epochs = epochs
        cfg.default_hooks.logger.interval = 10
    cfg.merge_from_dict(arguments.options)
    cfg.dump(str(arguments.out / "config.py"))  # for MMDetection's own tools/train.py and tools/test.py

    metrics = train_and_test(cfg)
    for name in ("bbox_mAP", "bbox_mAP_50", "bbox_mAP_75"):
        print(f"{name:12} {metrics[f'coco/{name}']:.3f}")
    shown = sorted((arguments.out / "work").glob("*/shown"))[-1]
    contact_sheet(sorted(shown.iterdir())[:8], arguments.out / "predictions.png", columns=2)


if __name__ == "__main__":
    main()

"""COCO files to a trained detector, with MMDetection 2.

python examples/tutorials/coco_mmdetection_2.py                                    pictures of shapes, drawn here
python examples/tutorials/coco_mmdetection_2.py --coco DIR --config CONFIG.py      your own COCO files
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import torch
from mmcv import Config, DictAction

from penstock.ingest import ingest_coco
from penstock.integrations import mmdet as mmdet_deeplake
from sample_data import coco_of_shapes
from training import draw_predictions

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "shapes.py"


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
    cfg.deeplake_dataloader_type = "c++"
    cfg.deeplake_metrics_format = "COCO"
    cfg.data.train.deeplake_path = str(datasets["train"])
    cfg.data.val.deeplake_path = str(datasets["val"])
    cfg.work_dir = str(work_dir)
    cfg.seed = 0
    return cfg


def train(cfg: Any) -> torch.nn.Module:
    """Trains from random weights, evaluates after epochs, and writes checkpoints into ``cfg.work_dir``."""
    torch.manual_seed(cfg.seed)
    model = mmdet_deeplake.build_detector(cfg.model)
    model.init_weights()
    Path(cfg.work_dir).mkdir(parents=True, exist_ok=True)
    mmdet_deeplake.train_detector(model, cfg, validate=True)
    return model


def evaluate(cfg: Any, shown: Path) -> dict[str, Any]:
    """Evaluates the last checkpoint, and draws what it finds into files of ``shown``."""
    checkpoint = Path(cfg.work_dir) / "latest.pth"
    return mmdet_deeplake.test_detector(None, cfg, checkpoint, show_dir=shown, show_score_thr=0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a folder with annotations/, train2017/ and val2017/")
    parser.add_argument("--config", type=Path, default=CONFIG, help="default: a small detector for shapes")
    parser.add_argument("--quick", action="store_true", help="fewer pictures and epochs: to see that all works")
    parser.add_argument("--options", nargs="+", action=DictAction, default={}, metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=Path("demo/coco_mmdetection_2"))
    arguments = parser.parse_args()
    # The loader has threads of its own. OpenCV's threads would compete with them for the cores.
    cv2.setNumThreads(0)
    train_pictures, val_pictures, epochs = (240, 24, 2) if arguments.quick else (640, 100, 16)
    coco = arguments.coco or coco_of_shapes(arguments.out / "coco", train_pictures, val_pictures)
    datasets = ingest(coco, arguments.out)
    cfg = read_config(arguments.config, datasets, arguments.out / "work")
    if arguments.config == CONFIG:
        # For a few pictures, so that this takes two minutes. examples/demo.py trains on more of them.
        few = {"data.samples_per_gpu": 8, "runner.max_epochs": epochs, "evaluation.interval": min(epochs, 4)}
        cfg.merge_from_dict({**few, "log_config.interval": 10})
    cfg.merge_from_dict(arguments.options)

    model = train(cfg)
    metrics = evaluate(cfg, arguments.out / "shown")
    for name in ("bbox_mAP", "bbox_mAP_50", "bbox_mAP_75"):
        print(f"{name:12} {metrics[name]:.3f}")
    draw_predictions(model, cfg, 9, arguments.out / "predictions.png")


if __name__ == "__main__":
    main()

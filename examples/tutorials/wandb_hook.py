"""The training of coco_mmdetection_2.py, logged to Weights & Biases: offline, without an account.

python examples/tutorials/wandb_hook.py
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import cv2
from mmcv import DictAction

from coco_mmdetection_2 import CONFIG, ingest, read_config, train
from sample_data import coco_of_shapes


def log_to_wandb(cfg: Any, folder: Path) -> Any:
    """The configuration with MMDetection's hook. What the run logs lies in ``folder/wandb``."""
    folder.mkdir(parents=True, exist_ok=True)
    cfg.log_config.hooks = [
        dict(type="TextLoggerHook"),
        dict(
            type="MMDetWandbHook",
            init_kwargs=dict(project="shapes", name="atss", mode="offline", dir=str(folder)),
            interval=20,
            log_checkpoint=True,
            log_checkpoint_metadata=True,
            num_eval_images=16,
            bbox_score_thr=0.3,
        ),
    ]
    # The hook logs an artifact for each checkpoint and each evaluation.
    cfg.checkpoint_config.interval = cfg.evaluation.interval
    return cfg


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a folder with annotations/, train2017/ and val2017/")
    parser.add_argument("--config", type=Path, default=CONFIG, help="default: a small detector for shapes")
    parser.add_argument("--options", nargs="+", action=DictAction, default={}, metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=Path("demo/wandb_hook"))
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    coco = arguments.coco or coco_of_shapes(arguments.out / "coco", train=240, val=24)
    cfg = read_config(arguments.config, ingest(coco, arguments.out), arguments.out / "work")
    if arguments.config == CONFIG:
        cfg.merge_from_dict({"data.samples_per_gpu": 8, "runner.max_epochs": 4, "evaluation.interval": 2})
    cfg.merge_from_dict(arguments.options)
    # Artifacts wait to be sent in a folder of their own, which is in the home directory by default.
    os.environ.setdefault("WANDB_DATA_DIR", str(arguments.out.resolve() / "artifacts"))
    train(log_to_wandb(cfg, arguments.out))
    (run,) = arguments.out.glob("wandb/offline-run-*")
    print(f"the run: {run}")


if __name__ == "__main__":
    main()

"""The training of coco_mmdetection_2.py, which can be killed at any time: the same command goes on.

timeout -s KILL 30 python examples/tutorials/resume_mmdetection.py
python examples/tutorials/resume_mmdetection.py
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
from mmcv import DictAction

from coco_mmdetection_2 import CONFIG, ingest, read_config, train
from sample_data import coco_of_shapes


def resumable(cfg: Any) -> Any:
    """The configuration with checkpoints within epochs, and with the order to go on from the latest one."""
    cfg.checkpoint_config = dict(interval=20, by_epoch=False, max_keep_ckpts=2)
    cfg.auto_resume = True
    return cfg


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a folder with annotations/, train2017/ and val2017/")
    parser.add_argument("--config", type=Path, default=CONFIG, help="default: a small detector for shapes")
    parser.add_argument("--options", nargs="+", action=DictAction, default={}, metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=Path("demo/resume_mmdetection"))
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    coco = arguments.coco or coco_of_shapes(arguments.out / "coco", train=240, val=24)
    cfg = resumable(read_config(arguments.config, ingest(coco, arguments.out), arguments.out / "work"))
    if arguments.config == CONFIG:
        cfg.merge_from_dict({"data.samples_per_gpu": 8, "runner.max_epochs": 2, "log_config.interval": 10})
    cfg.merge_from_dict(arguments.options)
    train(cfg)


if __name__ == "__main__":
    main()

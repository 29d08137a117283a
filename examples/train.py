"""Trains a detector, as Deep Lake's tutorial for MMDetection does: of its script, one import line is another.

python examples/train.py --cfg_file examples/configs/yolov3.py --validate
torchrun --nproc_per_node 2 examples/train.py --cfg_file examples/configs/yolov3.py --distributed
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmcv import Config, DictAction

from penstock.integrations import mmdet as mmdet_deeplake


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cfg_file", required=True, help="the configuration, with deeplake_path in data.train")
    parser.add_argument("--validate", action="store_true", help="evaluate on data.val while training")
    parser.add_argument("--distributed", action="store_true", help="a process for each GPU, or those of torchrun")
    parser.add_argument("--num_classes", type=int, help="the model's number of classes, if not the configuration's")
    parser.add_argument(
        "--cfg_options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="keys to set in the configuration: data.train.deeplake_path=/data/coco_train optimizer.lr=0.001",
    )
    return parser.parse_args()


def set_num_classes(model: Any, num_classes: int) -> None:
    """Of a detector with one stage or with two; of a cascade, whose heads are lists, in each stage."""
    heads = model.get("roi_head", model)
    for name in ("bbox_head", "mask_head"):
        found = heads.get(name) or []
        for head in found if isinstance(found, list) else [found]:
            head.num_classes = num_classes


def main() -> None:
    args = parse_args()
    cfg = Config.fromfile(args.cfg_file)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    if args.num_classes is not None:
        set_num_classes(cfg.model, args.num_classes)
    if "work_dir" not in cfg:
        cfg.work_dir = str(Path("work_dirs") / Path(args.cfg_file).stem)
    model = mmdet_deeplake.build_detector(cfg.model)
    model.init_weights()
    Path(cfg.work_dir).mkdir(parents=True, exist_ok=True)
    mmdet_deeplake.train_detector(model, cfg, distributed=args.distributed, validate=args.validate)


if __name__ == "__main__":
    main()

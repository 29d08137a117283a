"""The training script of the examples, with each of its configurations, on a few small images."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def shrunk(value: Any) -> Any:
    """The same pipelines on images of 64 to 96 pixels."""
    if isinstance(value, dict):
        return {key: (96, 64) if key == "img_scale" else shrunk(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(shrunk(each) for each in value)
    return value


def small_config(name: str, lake: Path, folder: Path) -> Path:
    """A configuration that inherits the example's: two iterations, from random weights."""
    from mmcv import Config

    example = Config.fromfile(EXAMPLES / "configs" / f"{name}.py")
    data = {"samples_per_gpu": 2, "workers_per_gpu": 1}
    for split in ("train", "val"):
        keys = {"deeplake_path": str(lake), "pipeline": shrunk(example.data[split].pipeline)}
        data[split] = {"deeplake_dataloader": {"batch_size": 2, "num_workers": 1}, "classes": None, **keys}
    changes = {
        "data": data,
        "model": {"backbone": {"init_cfg": None, **({"depth": 18} if name != "yolov3" else {})}},
        "runner": {"_delete_": True, "type": "IterBasedRunner", "max_iters": 2},
        "evaluation": {"interval": 2},
        "work_dir": str(folder / "work"),
        "log_config": {"interval": 1},
        "load_from": None,
        "device": "cpu",
    }
    # Random weights find nothing that deserves a score, and everything without one.
    found = {"score_thr": 0.0, "max_per_img": 10}
    if name == "yolov3":
        changes["model"]["test_cfg"] = {"nms_pre": 50, "conf_thr": 0.0, **found}
    else:
        changes["model"]["neck"] = {"in_channels": [64, 128, 256, 512]}
        changes["model"]["test_cfg"] = {"rpn": {"nms_pre": 50, "max_per_img": 20}, "rcnn": found}
    text = "".join(f"{key} = {value!r}\n" for key, value in changes.items())
    config = folder / "small.py"
    config.write_text(f"_base_ = [{str(EXAMPLES / 'configs' / (name + '.py'))!r}]\n{text}")
    return config


@pytest.mark.parametrize("name", ["yolov3", "faster_rcnn", "mask_rcnn"])
def test_the_training_script(name: str, coco_pair: Callable[[str], CocoPair], native: Any, tmp_path: Path) -> None:
    pair = coco_pair("polygon masks" if name == "mask_rcnn" else "awkward")
    config = small_config(name, pair.lake, tmp_path)
    script = [sys.executable, "-W", "ignore", str(EXAMPLES / "train.py"), "--cfg_file", str(config), "--validate"]
    options = ["--num_classes", "4", "--cfg_options", "optimizer.lr=0.0001", "seed=1"]
    done = subprocess.run([*script, *options], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (log,) = (tmp_path / "work").glob("*.log.json")
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(entry.get("mode") == "train" for entry in entries) == 2
    measured = {key for entry in entries if entry.get("mode") == "val" for key in entry}
    assert {"bbox_mAP", "segm_mAP"} & measured == {"bbox_mAP", *(["segm_mAP"] if name == "mask_rcnn" else [])}


def test_the_number_of_classes_of_each_stage(mmdet: Any) -> None:
    from mmcv import ConfigDict

    set_num_classes = runpy.run_path(str(EXAMPLES / "train.py"))["set_num_classes"]
    model = ConfigDict(roi_head={"bbox_head": [{"num_classes": 80}] * 3, "mask_head": {"num_classes": 80}})
    set_num_classes(model, 4)
    assert [head.num_classes for head in model.roi_head.bbox_head] == [4, 4, 4]
    assert model.roi_head.mask_head.num_classes == 4

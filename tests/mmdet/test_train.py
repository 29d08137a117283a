"""Training and evaluation, a few steps of a small detector on the CPU."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock.errors import ConfigError, TensorNotFoundError, UnsupportedError
from support.coco_lakes import CocoPair
from support.detection import TEST_PIPELINE, augmenting

pytestmark = [
    # Of mmcv's runner, hooks and checkpoints, with a torch that is newer than they are.
    pytest.mark.filterwarnings("ignore::FutureWarning:mmcv"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mmcv"),
]
CLASSES = 4


def detector() -> dict[str, Any]:
    """YOLOv3 with a tenth of MobileNetV2."""
    sigmoid = {"type": "CrossEntropyLoss", "use_sigmoid": True, "reduction": "sum"}
    return {
        "type": "YOLOV3",
        "backbone": {"type": "MobileNetV2", "out_indices": (2, 4, 6), "widen_factor": 0.1},
        "neck": {
            "type": "YOLOV3Neck",
            "num_scales": 3,
            "in_channels": [32, 16, 8],
            "out_channels": [16, 8, 8],
        },
        "bbox_head": {
            "type": "YOLOV3Head",
            "num_classes": CLASSES,
            "in_channels": [16, 8, 8],
            "out_channels": [16, 8, 8],
            "anchor_generator": {
                "type": "YOLOAnchorGenerator",
                "base_sizes": [[(60, 60)] * 3, [(30, 30)] * 3, [(15, 15)] * 3],
                "strides": [32, 16, 8],
            },
            "bbox_coder": {"type": "YOLOBBoxCoder"},
            "featmap_strides": [32, 16, 8],
            "loss_cls": sigmoid,
            "loss_conf": sigmoid,
            "loss_xy": sigmoid,
            "loss_wh": {"type": "MSELoss"},
        },
        "train_cfg": {"assigner": {"type": "GridAssigner", "pos_iou_thr": 0.5, "neg_iou_thr": 0.5, "min_pos_iou": 0}},
        "test_cfg": {
            "nms_pre": 100,
            "score_thr": 0.0,
            "conf_thr": 0.0,
            "min_bbox_size": 0,
            "nms": {"type": "nms", "iou_threshold": 0.5},
            "max_per_img": 10,
        },
    }


def config(pair: CocoPair, work_dir: Path, **changes: Any) -> Any:
    from mmcv import Config

    return Config(
        {
            "model": detector(),
            "data": {
                "samples_per_gpu": 4,
                "workers_per_gpu": 0,
                "train": {"pipeline": augmenting(64), "deeplake_path": str(pair.lake)},
                "val": {"pipeline": TEST_PIPELINE, "deeplake_path": str(pair.lake)},
            },
            "deeplake_metrics_format": "COCO",
            "evaluation": {"metric": ["bbox"], "interval": 1},
            "optimizer": {"type": "SGD", "lr": 0.0001, "momentum": 0.9},
            "optimizer_config": {"grad_clip": {"max_norm": 10}},
            "lr_config": {"policy": "step", "step": [5]},
            "runner": {"type": "EpochBasedRunner", "max_epochs": 1},
            "checkpoint_config": {"interval": 1},
            "log_config": {"interval": 1, "hooks": [{"type": "TextLoggerHook"}]},
            "custom_hooks": [{"type": "NumClassCheckHook"}],
            "work_dir": str(work_dir),
            "seed": 3,
            "device": "cpu",
            **changes,
        }
    )


def train(cfg: Any, **options: Any) -> list[dict[str, Any]]:
    """Trains from the same weights each time; gives the log's lines."""
    from penstock.integrations import mmdet as mmdet_deeplake

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    model = mmdet_deeplake.build_detector(cfg.model)
    model.init_weights()
    Path(cfg.work_dir).mkdir(parents=True, exist_ok=True)
    mmdet_deeplake.train_detector(model, cfg, timestamp="log", **options)
    assert model.CLASSES == ("cat", "dog", "emu", "fox")
    lines = (Path(cfg.work_dir) / "log.log.json").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if "mode" in entry]


def losses(log: list[dict[str, Any]]) -> list[float]:
    return [line["loss"] for line in log if line["mode"] == "train"]


def test_both_loader_types_train_and_evaluate_alike(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    logs = {
        kind: train(config(awkward, tmp_path / name, deeplake_dataloader_type=kind))
        for kind, name in (("c++", "cpp"), ("python", "python"))
    }
    assert len(losses(logs["c++"])) > 2
    assert losses(logs["c++"]) == losses(logs["python"])
    measured = [{key: value for key, value in log[-1].items() if key.startswith("bbox_mAP")} for log in logs.values()]
    assert measured[0] == measured[1]
    assert set(measured[0]) >= {"bbox_mAP", "bbox_mAP_50", "bbox_mAP_s"}


def test_iterations_in_place_of_epochs(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(
        awkward,
        tmp_path,
        deeplake_dataloader_type="python",
        runner={"type": "IterBasedRunner", "max_iters": 6},
        evaluation={"metric": "bbox", "interval": 6},
        custom_hooks=[],
    )
    log = train(cfg)
    assert len(losses(log)) == 6
    assert "bbox_mAP" in log[-1]


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(awkward: CocoPair, tmp_path: Path) -> None:
    def part(name: str, epochs: int, **changes: Any) -> list[float]:
        runner = {"type": "EpochBasedRunner", "max_epochs": epochs}
        cfg = config(awkward, tmp_path / name, runner=runner, deeplake_dataloader_type="python", **changes)
        return losses(train(cfg, validate=False))

    straight = part("straight", 2)
    first = part("stopped", 1)
    second = part("stopped", 2, resume_from=str(tmp_path / "stopped" / "epoch_1.pth"))
    assert first == straight[: len(first)]
    assert second[-len(first) :] == straight[len(first) :]


def test_checkpoints_know_the_classes(awkward: CocoPair, tmp_path: Path) -> None:
    train(config(awkward, tmp_path, deeplake_dataloader_type="python"), validate=False)
    meta = torch.load(tmp_path / "epoch_1.pth", weights_only=False)["meta"]
    assert meta["CLASSES"] == ("cat", "dog", "emu", "fox")


def test_datasets_as_arguments_go_before_the_configuration(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    for name in ("train", "val"):
        cfg.data[name].deeplake_path = str(tmp_path / "missing")
        cfg.data[name].deeplake_tensors = {"img": "missing"}
    tensors = {"img": "images", "gt_bboxes": "boxes", "gt_labels": "categories"}
    dataset = penstock.open(awkward.lake)
    log = train(cfg, ds_train=dataset, ds_train_tensors=tensors, ds_val=awkward.lake, ds_val_tensors=tensors)
    assert "bbox_mAP" in log[-1]


def test_the_configuration_is_left_as_it_was(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    cfg.data.val.deeplake_dataloader = {"batch_size": 2}
    before = without_model(cfg)
    with pytest.warns(UserWarning, match="ImageToTensor"):
        train(cfg)
    assert without_model(cfg) == before


def without_model(cfg: Any) -> dict[str, Any]:
    """A copy of the configuration without what MMDetection's ``build_detector`` changes."""
    return {key: value for key, value in copy.deepcopy(cfg._cfg_dict.to_dict()).items() if key != "model"}


def test_the_learning_rate_scales_with_the_batch(awkward: CocoPair, tmp_path: Path) -> None:
    scale = {"enable": True, "base_batch_size": 8}
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python", auto_scale_lr=scale)
    assert train(cfg, validate=False)[0]["lr"] == pytest.approx(0.00005)


@pytest.mark.parametrize(
    ("changes", "options", "kind", "message"),
    [
        ({}, {"distributed": True}, ConfigError, "distributed training is not supported yet"),
        ({"gpu_ids": [0, 1]}, {}, ConfigError, "training on 2 GPUs is not supported yet"),
        ({"deeplake_dataloader_type": "c+"}, {}, ConfigError, "Did you mean 'c++'?"),
        ({"evaluation": {"metric": ["bbox", "segm"]}}, {}, ConfigError, "'segm' is not supported yet"),
        ({"data.train.deeplake_path": None}, {}, ConfigError, "data.train has no deeplake_path"),
        ({"data.val": None}, {}, ConfigError, "data.val has no deeplake_path"),
        ({"data.val.deeplake_tensors": {"img": "image"}}, {}, TensorNotFoundError, "Did you mean 'images'"),
        ({"data.train.pipeline": [{"type": "Resise"}]}, {}, ConfigError, "no transform 'Resise'"),
        ({"data.train.deeplake_commit_id": "a1"}, {}, UnsupportedError, "not supported yet"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_cannot_work_ends_before_training(
    awkward: CocoPair,
    tmp_path: Path,
    changes: dict[str, Any],
    options: dict[str, Any],
    kind: type[Exception],
    message: str,
) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    cfg = config(awkward, tmp_path)
    cfg.merge_from_dict(changes)
    with pytest.raises(kind) as caught:
        mmdet_deeplake.train_detector(torch.nn.Linear(1, 1), cfg, **options)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []

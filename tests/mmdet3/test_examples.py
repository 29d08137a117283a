"""The configurations of the examples, on small images, against the same with MMDetection's own dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import CLASSES, Run, run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "configs" / "mmdet3"
#: What makes a model small, by example.
SMALL: dict[str, dict[str, Any]] = {
    "faster_rcnn": {
        "backbone": {"depth": 18, "base_channels": 8},
        "neck": {"in_channels": [8, 16, 32, 64], "out_channels": 16},
        "rpn_head": {"in_channels": 16, "feat_channels": 16},
        "roi_head": {
            "bbox_roi_extractor": {"out_channels": 16},
            "bbox_head": {"in_channels": 16, "fc_out_channels": 32, "num_classes": 4},
        },
        "train_cfg": {"rpn_proposal": {"nms_pre": 100, "max_per_img": 50}},
    },
    "rtmdet_tiny": {
        "backbone": {"widen_factor": 0.125},
        "neck": {"in_channels": [32, 64, 128], "out_channels": 32},
        "bbox_head": {"in_channels": 32, "feat_channels": 32, "num_classes": 4},
        # Random weights find nothing that deserves a score, and boxes inside out.
        "test_cfg": {"score_thr": 0.0, "min_bbox_size": -1, "max_per_img": 10},
    },
    "yolox_tiny": {
        "backbone": {"widen_factor": 0.125},
        "neck": {"in_channels": [32, 64, 128], "out_channels": 32},
        "bbox_head": {"in_channels": 32, "feat_channels": 32, "num_classes": 4},
        "test_cfg": {"score_thr": 0.0, "max_per_img": 10},
    },
    "dino": {
        "num_queries": 20,
        "backbone": {"depth": 18, "base_channels": 8, "init_cfg": None},
        "neck": {"in_channels": [16, 32, 64]},
        "encoder": {"num_layers": 1, "layer_cfg": {"ffn_cfg": {"feedforward_channels": 64}}},
        "decoder": {"num_layers": 1, "layer_cfg": {"ffn_cfg": {"feedforward_channels": 64}}},
        "bbox_head": {"num_classes": 4},
        "dn_cfg": {"group_cfg": {"num_dn_queries": 10}},
        "test_cfg": {"max_per_img": 10},
    },
}
SMALL["mask_rcnn"] = {
    **SMALL["faster_rcnn"],
    "roi_head": {
        **SMALL["faster_rcnn"]["roi_head"],
        "mask_roi_extractor": {"out_channels": 16},
        "mask_head": {"in_channels": 16, "conv_out_channels": 16, "num_convs": 1, "num_classes": 4},
    },
}
#: Steps whose draws the example's dataset and MMDetection's have in different order.
_CHANCE = frozenset(
    {
        *("Mosaic", "MixUp", "CachedMosaic", "CachedMixUp", "RandomAffine", "RandomResize", "RandomCrop"),
        *("YOLOXHSVRandomAug", "RandomFlip", "RandomChoice"),
    }
)


def shrunk(value: Any) -> Any:
    """The same pipelines on images of 64 pixels."""
    if isinstance(value, dict):
        pairs = ("scale", "img_scale", "crop_size", "size")
        small = {"scales": [(64, 64), (48, 64)], **dict.fromkeys(pairs, (64, 64))}
        return {key: small[key] if key in small and each is not None else shrunk(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(shrunk(each) for each in value)
    return value


def without_chance(pipeline: list[Any]) -> list[Any]:
    steps = [step for step in pipeline if step["type"] not in _CHANCE]
    place = next((number for number, step in enumerate(steps) if step["type"] in ("Pad", "PackDetInputs")), 0)
    return [*steps[:place], {"type": "Resize", "scale": (64, 64), "keep_ratio": True}, *steps[place:]]


def small_config(name: str, pair: CocoPair, work_dir: Path) -> Any:
    from mmengine.config import Config

    cfg = Config.fromfile(str(EXAMPLES / f"{name}.py"))
    cfg.model.backbone.init_cfg = None
    cfg.merge_from_dict({"model": SMALL[name]})
    cfg.merge_from_dict(shrunk({key: cfg[key].to_dict() for key in ("train_dataloader", "val_dataloader")}))
    cfg.merge_from_dict(
        {
            "work_dir": str(work_dir),
            "log_level": 40,
            "randomness": {"seed": 1},
            "train_cfg": {"max_epochs": 1, "val_interval": 1, "dynamic_intervals": None},
            "train_dataloader": {"batch_size": 3, "num_workers": 0, "persistent_workers": False,
                                 "num_batch_per_epoch": 3},
            "val_dataloader": {"batch_size": 2, "num_workers": 0, "persistent_workers": False},
            "default_hooks": {"logger": {"interval": 1}},
        }
    )
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    for dataset in leaves(cfg):
        dataset.deeplake_path = str(pair.lake)
    return cfg


def leaves(cfg: Any) -> list[Any]:
    from penstock.integrations.mmdet3.building import deep_lake_datasets

    return [one for key in ("train_dataloader", "val_dataloader") for one in deep_lake_datasets(cfg[key].dataset)]


def stock_of(cfg: Any, pair: CocoPair) -> Any:
    """The same with MMDetection's own dataset and runner."""
    for dataset in leaves(cfg):
        del dataset["deeplake_path"]
        dataset.update(type="CocoDataset", ann_file=str(pair.annotations), data_root="", metainfo={"classes": CLASSES})
        dataset.data_prefix = {"img": str(pair.images)}
    cfg.val_evaluator.ann_file = str(pair.annotations)
    for key in ("runner_type", "custom_imports"):
        cfg.pop(key)
    return cfg


def settled(cfg: Any, name: str) -> Any:
    """Without chance in the pipeline of training."""
    dataset = cfg.train_dataloader.dataset
    dataset.pipeline = without_chance([step.to_dict() for step in dataset.pipeline])
    return cfg


@pytest.mark.parametrize("name", list(SMALL))
def test_an_example(name: str, coco_pair: Any, native: Any, tmp_path: Path) -> None:
    pair = coco_pair("bitmap masks" if name == "mask_rcnn" else "awkward")
    trained = run(small_config(name, pair, tmp_path / "as it is"))
    assert len(trained.losses) == 3 and all(loss == loss for loss in trained.losses)
    expected = {"coco/bbox_mAP", *(["coco/segm_mAP"] if name == "mask_rcnn" else [])}
    assert expected == {"coco/bbox_mAP", "coco/segm_mAP"} & trained.metrics[0].keys()
    own: Run = run(settled(small_config(name, pair, tmp_path / "own"), name))
    stock = run(stock_of(settled(small_config(name, pair, tmp_path / "stock"), name), pair))
    assert own.images == stock.images and own.losses == stock.losses
    assert own.metrics == stock.metrics

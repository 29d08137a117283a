"""MMDetection's own configurations, with the keys of Deep Lake's put in."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.detection import stock_dataset

TRAINABLE = [
    "yolo/yolov3_d53_mstrain-416_273e_coco.py",
    "yolo/yolov3_d53_320_273e_coco.py",
    "faster_rcnn/faster_rcnn_r50_fpn_1x_coco.py",
    "faster_rcnn/faster_rcnn_r50_caffe_fpn_mstrain_1x_coco.py",
    "retinanet/retinanet_r50_fpn_1x_coco.py",
    "detr/detr_r50_8x2_150e_coco.py",
    "cornernet/cornernet_hourglass104_mstest_8x6_210e_coco.py",
    "fcos/fcos_r50_caffe_fpn_gn-head_1x_coco.py",
]
LATER = {
    "ssd/ssd300_coco.py": "'RepeatDataset' is not supported yet",
    "yolox/yolox_s_8x8_300e_coco.py": "'MultiImageMixDataset' is not supported yet",
    "mask_rcnn/mask_rcnn_r50_fpn_1x_coco.py": "there is no tensor of htype 'polygon' or 'binary_mask' for 'gt_masks'",
}


def base_config(name: str, mmdet: Any) -> Any:
    from mmcv import Config

    return Config.fromfile(Path(mmdet.__file__).parent / ".mim" / "configs" / name)


def build(keys: Any, pair: CocoPair, **options: Any) -> Any:
    from penstock.integrations.mmdet import build_dataset

    return build_dataset({**keys, "deeplake_path": str(pair.lake), "classes": None}, options)


def seeded_item(dataset: Any, index: int) -> Any:
    random.seed(index)
    np.random.seed(index)
    torch.manual_seed(index)
    return dataset[index]


@pytest.mark.parametrize("name", TRAINABLE)
def test_items_are_stocks_with_the_same_draws(awkward: CocoPair, mmdet: Any, name: str) -> None:
    cfg = base_config(name, mmdet)
    stock, own = stock_dataset(awkward, cfg.data.train.pipeline), build(cfg.data.train, awkward)
    for index in range(len(stock)):
        expected, found = seeded_item(stock, index), seeded_item(own, index)
        assert list(found) == list(expected)
        for key in set(found) - {"img_metas"}:
            assert torch.equal(found[key].data, expected[key].data), key
        assert found["img_metas"].data["ori_filename"] == expected["img_metas"].data["ori_filename"]


@pytest.mark.parametrize("name", TRAINABLE)
def test_images_of_validation_are_stocks(awkward: CocoPair, mmdet: Any, name: str) -> None:
    cfg = base_config(name, mmdet)
    stock = stock_dataset(awkward, cfg.data.val.pipeline, test_mode=True)
    own = build(cfg.data.val, awkward, test_mode=True)
    for index in range(3):
        for found, expected in zip(own[index]["img"], stock[index]["img"], strict=True):
            assert torch.equal(found, expected)


@pytest.mark.parametrize("name", LATER)
def test_what_is_not_supported_yet_says_so(awkward: CocoPair, mmdet: Any, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(base_config(name, mmdet).data.train, awkward)
    assert LATER[name] in str(caught.value)

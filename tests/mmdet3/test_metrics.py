"""COCO's metrics without an annotation file, against those with one."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import CLASSES


def predictions(dataset: Any, *, masks: bool) -> list[dict[str, Any]]:
    """For each image its objects, moved a little, some of another class or left out, and boxes of nothing."""
    import torch
    from mmdet.datasets.transforms import LoadAnnotations

    to_bitmap = LoadAnnotations(with_mask=True)._poly2mask
    rng = np.random.default_rng(3)
    samples = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        size = (info["height"], info["width"])
        found = [one for one in info["instances"] if rng.random() < 0.9]
        boxes = np.array([one["bbox"] for one in found], np.float32).reshape(-1, 4)
        boxes = np.concatenate((boxes + rng.normal(0, 1.5, boxes.shape), rng.uniform(0, 30, (2, 4)))).astype(np.float32)
        labels = [one["bbox_label"] if rng.random() < 0.9 else int(rng.integers(4)) for one in found] + [0, 1]
        instances = {
            "bboxes": torch.from_numpy(boxes),
            "labels": torch.tensor(labels),
            "scores": torch.from_numpy(rng.uniform(0.1, 1, len(boxes)).astype(np.float32)),
        }
        if masks:
            bitmaps = [to_bitmap(one["mask"], *size) for one in found] + [np.zeros(size, np.uint8)] * 2
            instances["masks"] = torch.from_numpy(np.roll(np.stack(bitmaps), 1, axis=2).astype(bool))
        samples.append({"img_id": info["img_id"], "ori_shape": size, "pred_instances": instances})
    return samples


def measured(metric: Any, samples: list[dict[str, Any]]) -> dict[str, float]:
    metric.dataset_meta = {"classes": CLASSES}
    metric.process({}, samples)
    with contextlib.redirect_stdout(io.StringIO()):
        found: dict[str, float] = metric.evaluate(len(samples))
    return found


OPTIONS: list[dict[str, Any]] = [
    {"metric": "bbox"},
    {"metric": ["bbox", "segm"], "classwise": True},
    {"metric": "proposal", "proposal_nums": (1, 3, 10)},
    {"metric": "segm", "iou_thrs": [0.5, 0.75], "metric_items": ["mAP", "mAP_50", "AR_s@1000"]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: str(options["metric"]))
@pytest.mark.parametrize("name", ["awkward", "bitmap masks"])
def test_figures_are_stocks(name: str, options: dict[str, Any], coco_pair: Callable[[str], CocoPair]) -> None:
    from mmdet.evaluation import CocoMetric

    from penstock.integrations.mmdet3 import DeepLakeDetDataset
    from penstock.integrations.mmdet3.evaluation import attach_truth

    masks = "segm" in options["metric"]
    if masks and name == "awkward":
        pytest.skip("it has no masks")
    pair = coco_pair(name)
    dataset = DeepLakeDetDataset(str(pair.lake), test_mode=True)
    with contextlib.redirect_stdout(io.StringIO()):
        stock = CocoMetric(ann_file=str(pair.annotations), **options)
    own = CocoMetric(**options)
    attach_truth([own], dataset, "val_evaluator")
    expected = measured(stock, predictions(dataset, masks=masks))
    assert measured(own, predictions(dataset, masks=masks)) == expected
    assert max(expected.values()) > 0.2


def test_several_datasets(awkward: CocoPair) -> None:
    from mmdet.evaluation import CocoMetric
    from mmengine.dataset import ConcatDataset

    from penstock.errors import ConfigError
    from penstock.integrations.mmdet3 import DeepLakeDetDataset
    from penstock.integrations.mmdet3.evaluation import attach_truth

    both = ConcatDataset([DeepLakeDetDataset(str(awkward.lake), test_mode=True) for _ in range(2)])
    with pytest.raises(ConfigError, match="val_evaluator: metrics are of one dataset, and there are 2"):
        attach_truth([CocoMetric()], both, "val_evaluator")

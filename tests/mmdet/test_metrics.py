"""COCO's metrics against MMDetection's own on the annotation file, digit by digit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import UnsupportedError
from support.coco_lakes import CocoPair
from support.detection import LOAD, stock_dataset


def detections(dataset: Any, noise: float) -> list[list[Any]]:
    """Ground truth moved at random; some of it is missing, found twice or in a wrong class."""
    rng = np.random.default_rng(1)
    classes = len(dataset.CLASSES)
    results = []
    for image_id in dataset.img_ids:
        found: list[list[Any]] = [[] for _ in range(classes)]
        for annotation in dataset.coco.load_anns(dataset.coco.get_ann_ids(img_ids=[image_id])):
            x, y, width, height = annotation["bbox"]
            for _ in range(int(rng.integers(0, 3))):
                label = dataset.cat2label[annotation["category_id"]]
                if rng.random() < 0.1:
                    label = int(rng.integers(classes))
                moved = rng.normal(0, noise, 4) * (width, height, width, height)
                found[label].append([*(np.array([x, y, x + width, y + height]) + moved), rng.random()])
        results.append([np.array(boxes, np.float32).reshape(-1, 5) for boxes in found])
    return results


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("name", ["awkward", "val", "ingested"])
def test_metrics_are_stocks(coco_pair: Callable[[str], CocoPair], name: str, noise: float) -> None:
    pair = coco_pair(name)
    stock = stock_dataset(pair, LOAD, test_mode=True)
    own = build(pair)
    results = detections(stock, noise)
    options: dict[str, Any] = {"metric": ["bbox", "proposal"], "classwise": True}
    expected = stock.evaluate(results, **options)
    assert own.evaluate(results, **options) == expected
    assert 0 < expected["bbox_mAP"] < 1


def test_nothing_is_decoded_for_metrics(awkward: CocoPair, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr("penstock.reference.sample.decode_image", refuse)
    with pytest.raises(AssertionError, match="decoded"):
        penstock.open(awkward.lake)["images"][0]
    own = build(awkward)
    own.evaluate(detections(own, 0.1))


@pytest.mark.parametrize("metric", ["segm", "proposal_fast"])
def test_other_metrics_are_not_supported_yet(awkward: CocoPair, metric: str) -> None:
    with pytest.raises(UnsupportedError, match=f"'{metric}' is not supported yet"):
        build(awkward).evaluate([], metric=["bbox", metric])


def build(pair: CocoPair) -> Any:
    from penstock.integrations import mmdet as mmdet_deeplake

    return mmdet_deeplake.build_dataset({"deeplake_path": str(pair.lake), "pipeline": LOAD}, {"test_mode": True})

"""Pipelines that cannot work are refused when they are compiled, by step."""

from __future__ import annotations

from typing import Any

import pytest

import penstock
from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.detection import LOAD, TEST_PIPELINE, training
from support.require import require

require("mmdet")

from penstock.integrations.mmdet.pipeline.build_steps import build_steps, is_test_pipeline  # noqa: E402


def nested(step: dict[str, Any]) -> dict[str, Any]:
    return {"type": "MultiScaleFlipAug", "img_scale": (9, 9), "transforms": [{"type": "Resize"}, step]}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [*LOAD, {"type": "Resise"}],
            "pipeline step 3: there is no transform 'Resise'. Did you mean 'Resize'?",
        ),
        (
            [*LOAD, nested({"type": "Padd"})],
            "pipeline step 3: there is no transform 'Padd'. Did you mean 'Pad'?",
        ),
        (
            [*LOAD, {"type": "AutoAugment", "policies": [[{"type": "Rotat"}]]}],
            "pipeline step 3: there is no transform 'Rotat'. Did you mean 'Rotate'?",
        ),
        ([*LOAD, {"type": "Resize", "scale": 3}], "pipeline step 3: 'Resize' cannot be built"),
        ([*LOAD, {"type": "RandomFlip", "flip_ratio": 2}], "pipeline step 3: 'RandomFlip' cannot be built"),
        ([*LOAD, {"flip_ratio": 2}], "pipeline step 3: a dict with a 'type' is needed"),
        ([*LOAD, "Resize"], "pipeline step 3: a dict with a 'type' is needed, got 'Resize'"),
        ([*LOAD, {"type": "Mosaic", "img_scale": 3}], "pipeline step 3: 'Mosaic' cannot be built"),
        ([*LOAD, {"type": "CopyPaste", "max": 3}], "pipeline step 3: 'CopyPaste' cannot be built"),
        (
            [LOAD[0], {"type": "LoadAnnotations", "with_seg": True}],
            "step 2: 'gt_semantic_seg' (with_seg=True)",
        ),
        ([{"type": "LoadImageFromFile", "color_type": "gray"}], "no color_type 'gray'. Did you mean 'grayscale'?"),
        ([{"type": "LoadImageFromFile", "channel_order": "rbg"}], "channel_order 'rbg'. Did you mean 'rgb'?"),
        (
            [{"type": "LoadImageFromFile", "to_float": True}],
            "step 1: 'LoadImageFromFile' cannot be built: LoadImageFromFile.__init__() got an unexpected",
        ),
        ([], "pipeline: a list of dicts is needed"),
        ({"type": "Resize"}, "pipeline: a list of dicts is needed"),
    ],
    ids=lambda value: value[:45] if isinstance(value, str) else "",
)
def test_wrong_pipelines(awkward: CocoPair, steps: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_steps(steps, penstock.open(awkward.lake)["images"], test_mode=False)
    assert message in str(caught.value)


def test_pipelines_of_test_and_training_are_told_apart() -> None:
    assert is_test_pipeline(TEST_PIPELINE)
    assert is_test_pipeline([LOAD[0], {"type": "Collect", "keys": ["img"]}])
    assert not is_test_pipeline(training())
    assert not is_test_pipeline(training()[2:])


def test_a_transform_of_the_users_own(awkward: CocoPair) -> None:
    class Marked:
        def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
            return {**results, "mark": 1}

    image = penstock.open(awkward.lake)["images"]
    built = build_steps([*LOAD, {"type": Marked}], image, test_mode=False)
    assert isinstance(built[-1], Marked)


def test_dicts_within_a_transform_need_not_be_transforms(awkward: CocoPair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Albu's are classes of albumentations; a user's own transform may be made of anything."""
    from mmdet.datasets import pipelines
    from mmdet.datasets.builder import PIPELINES

    class Shaken:
        def __init__(self, by: dict[str, Any]) -> None:
            self.by = by

    class Albu:
        def __init__(self, transforms: list[dict[str, Any]]) -> None:
            self.transforms = transforms

    monkeypatch.setitem(PIPELINES.module_dict, "Shaken", Shaken)
    if not albumentations_is_there():
        monkeypatch.setitem(PIPELINES.module_dict, "Albu", Albu)
        monkeypatch.setattr(pipelines, "Albu", Albu)
    image = penstock.open(awkward.lake)["images"]
    own, albu = {"type": "Shaken", "by": {"type": "Normal"}}, {"type": "Albu", "transforms": [{"type": "Blur"}]}
    built = build_steps([*LOAD, own, albu], image, test_mode=False)
    assert built[-2].by == {"type": "Normal"}
    assert len(built[-1].transforms) == 1


def albumentations_is_there() -> bool:
    import importlib.util

    return importlib.util.find_spec("albumentations") is not None

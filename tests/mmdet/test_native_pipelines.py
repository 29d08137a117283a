"""The same samples from both loader types, whatever the pipeline."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from penstock.errors import PenstockError, TransformError
from support.coco_lakes import CocoPair
from support.examples import examples
from support.random_pipelines import pipelines, steps
from support.same_batches import Tolerance, assert_same_batches

pytestmark = pytest.mark.usefixtures("native")

_QUIET = examples(
    12,
    # A failing pipeline is short enough as it is, and trying shorter ones takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _batches(pair: CocoPair, pipeline: list[dict[str, Any]], loader_type: str, seed: int, **options: Any) -> Any:
    """The batches of an epoch, or the kind of error that ended it and the sample that it names."""
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    dataset = build_dataset({"pipeline": pipeline, "deeplake_path": str(pair.lake)})
    with build_dataloader(dataset, 4, 0, shuffle=True, seed=seed, loader_type=loader_type, **options) as loader:
        try:
            return list(loader), None
        except PenstockError as error:
            return None, (type(error).__name__, error.index)


@pytest.mark.parametrize("step", sorted(steps))
@_QUIET
@given(data=st.data(), seed=st.integers(0, 2**40))
def test_equal(awkward: CocoPair, step: str, data: Any, seed: int) -> None:
    """Batches of pipelines that begin with each step; or the same error."""
    pipeline = data.draw(pipelines(step))
    native, native_error = _batches(awkward, pipeline, "c++", seed)
    python, python_error = _batches(awkward, pipeline, "python", seed)
    assert native_error == python_error
    if native is not None:
        assert_same_batches(native, python, _tolerance(pipeline))


@pytest.mark.parametrize("seed", range(4))
def test_both_name_the_sample_that_was_planned_where_all_are_rejected(awkward: CocoPair, seed: int) -> None:
    """And not the last of those that were tried in its place."""
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    pipeline: list[dict[str, Any]] = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True},
        # The one rejects images with boxes, the other those without.
        {"type": "FilterAnnotations", "min_gt_bbox_wh": (1e6, 1e6)},
        {"type": "RandomCrop", "crop_size": (1.0, 1.0), "crop_type": "relative"},
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels"], "meta_keys": ()},
    ]
    data = {"pipeline": pipeline, "deeplake_path": str(awkward.lake)}
    named = []
    for loader_type in ("c++", "python"):
        with build_dataloader(build_dataset(data), 4, 0, shuffle=True, seed=seed, loader_type=loader_type) as loader:
            with pytest.raises(TransformError, match="rejected 100 samples in a row") as caught:
                next(iter(loader))
            named.append((caught.value.path, caught.value.index))
    with build_dataloader(build_dataset(data), 4, 0, shuffle=True, seed=seed, loader_type="python") as loader:
        first = next(iter(loader.batch_sampler))[0]
    assert named == [(str(awkward.lake), first)] * 2


def _tolerance(pipeline: list[dict[str, Any]]) -> Tolerance:
    """RandomAffine multiplies float32 matrices, which numpy's BLAS rounds in its own way; from the last bit of the
    matrix follow the last bits of boxes, and a level of the pixels on the border between two.
    """
    names = [step["type"] for step in pipeline]
    if "RandomAffine" in names:
        return Tolerance(share=0.03, boxes=1e-3)
    floats = next((i for i, step in enumerate(pipeline) if _gives_floats(step)), len(names))
    if {"YOLOXHSVRandomAug", "MixUp"} & set(names[floats:]):
        # Both run in Python there, after native steps that may differ in last bits, and cut what they get to integers.
        return Tolerance(share=0.06)
    # Each distortion adds to the last bits of the one before, and may stretch them.
    return Tolerance(level=1e-3 * max(1, names.count("PhotoMetricDistortion")))


def _gives_floats(step: dict[str, Any]) -> bool:
    return step.get("to_float32", False) or step["type"] in ("PhotoMetricDistortion", "Normalize")

"""Pipelines that drop or add boxes and not their masks: both loaders give the same, or the same error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from penstock.errors import PenstockError
from support.examples import examples
from support.random_pipelines import steps
from support.same_batches import Tolerance, assert_same_batches

pytestmark = pytest.mark.usefixtures("native")

_DROPPING = ("RandomShift", "Mosaic", "MixUp")
_COPY_PASTE = st.builds(
    lambda selected: [
        {"type": "Resize", "img_scale": (64, 64), "keep_ratio": False, "override": True},
        {"type": "CopyPaste", "selected": selected},
    ],
    st.booleans(),
)


@st.composite
def _changing(draw: Any) -> list[dict[str, Any]]:
    """One to three steps, the first of which changes the number of boxes."""
    result = [draw(steps[draw(st.sampled_from(_DROPPING))])]
    for _ in range(draw(st.integers(0, 2))):
        name = draw(
            st.sampled_from(
                [*_DROPPING, "RandomCrop", "MinIoURandomCrop", "FilterAnnotations", "CopyPaste", "Pad", "Resize"]
            )
        )
        more = draw(_COPY_PASTE) if name == "CopyPaste" else [draw(steps[name])]
        if name == "RandomCrop":
            more[0]["recompute_bbox"] = draw(st.booleans())
        if name == "FilterAnnotations":
            more[0] |= {"by_mask": draw(st.booleans()), "min_gt_mask_area": draw(st.sampled_from([0, 1, 100]))}
        result += more
    return result


def _pipeline(changing: list[dict[str, Any]], masks: bool, poly2mask: bool = True) -> list[dict[str, Any]]:
    needs = [step for step in changing if step.get("by_mask") and not masks]
    for step in needs:
        step["by_mask"] = False
    keys = ["img", "gt_bboxes", "gt_labels", "gt_bboxes_ignore", *(["gt_masks"] if masks else [])]
    return [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": masks, "poly2mask": poly2mask},
        *changing,
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": keys, "meta_keys": ("filename", "img_shape")},
    ]


def _batches(lake: str, pipeline: list[dict[str, Any]], loader_type: str, seed: int) -> Any:
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    dataset = build_dataset({"pipeline": pipeline, "deeplake_path": lake})
    with build_dataloader(dataset, 3, 0, shuffle=True, seed=seed, loader_type=loader_type) as loader:
        try:
            return list(loader), None
        except PenstockError as error:
            return None, (type(error).__name__, error.index)


@pytest.mark.parametrize("kind", ["polygon masks", "bitmap masks", "polygons", "none"])
@examples(
    15,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changing=_changing(), seed=st.integers(0, 2**40))
def test_equal_from_both_loaders(coco_pair: Any, kind: str, changing: list[dict[str, Any]], seed: int) -> None:
    pair = coco_pair("bitmap masks" if kind == "bitmap masks" else "polygon masks")
    pipeline = _pipeline(changing, kind != "none", poly2mask=kind != "polygons")
    native, native_error = _batches(str(pair.lake), pipeline, "c++", seed)
    python, python_error = _batches(str(pair.lake), pipeline, "python", seed)
    assert native_error == python_error
    if native is not None:
        assert_same_batches(native, python, Tolerance(level=1e-3))


@pytest.mark.parametrize("selected", [True, False])
@pytest.mark.parametrize("kind", ["awkward", "polygon masks"])
def test_copy_paste_without_masks(coco_pair: Any, kind: str, selected: bool) -> None:
    """Masks are made from the boxes, as MMDetection makes them, in the core as in Python."""
    changing = [
        {"type": "Resize", "img_scale": (64, 64), "keep_ratio": False},
        {"type": "CopyPaste", "selected": selected},
    ]
    lake = str(coco_pair(kind).lake)
    native, error = _batches(lake, _pipeline(changing, masks=False), "c++", 3)
    assert error is None
    python, _ = _batches(lake, _pipeline(changing, masks=False), "python", 3)
    assert_same_batches(native, python, Tolerance())


@pytest.mark.parametrize("step", ["Mosaic", "MixUp", "CopyPaste"])
def test_mixing_needs_labels(coco_pair: Any, step: str) -> None:
    """MMDetection looks them up; no loader mixes boxes that have none."""
    pipeline = _pipeline(
        [{"type": "Resize", "img_scale": (64, 64), "keep_ratio": False}, {"type": step}], masks=False
    )
    pipeline[1]["with_label"] = False
    pipeline[-1]["keys"] = ["img", "gt_bboxes"]
    errors = [_batches(str(coco_pair("awkward").lake), pipeline, kind, 1)[1] for kind in ("c++", "python")]
    assert errors[0] == errors[1] and errors[0][0] == "TransformError"

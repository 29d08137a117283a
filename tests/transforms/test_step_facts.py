"""Every step states what has to be known of it, states it truly, and is known wherever steps have to be."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
import pytest

from support.require import PROJECT_ROOT, require

require("mmdet")

from penstock.detection import augmentations as aug  # noqa: E402
from penstock.detection import mixing_steps as mixing  # noqa: E402
from penstock.detection import steps as st  # noqa: E402
from penstock.detection.reference import run  # noqa: E402
from penstock.integrations.mmdet.pipeline.batch_forms import (  # noqa: E402
    Collect,
    DefaultFormatBundle,
    ImageToTensor,
)
from penstock.integrations.mmdet.pipeline.conversions import CONVERSIONS  # noqa: E402
from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS  # noqa: E402
from penstock.loading.draws import Stream  # noqa: E402
from support.detection_samples import make_sample  # noqa: E402

_SOURCES = (".py", ".pyi", ".h", ".cpp")
#: Of each kind steps with arguments that let it do what it does.
STEPS: list[Any] = [
    st.LoadImage(),
    st.LoadImage(to_float32=True),
    st.LoadAnnotations(),
    st.Resize(((40, 50),)),
    st.RandomFlip(("horizontal",), (1.0, 0.0)),
    st.RandomShift(shift_ratio=1),
    st.Pad(size_divisor=32),
    st.Normalize((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),
    st.RandomCrop((30, 30), allow_negative_crop=True),
    st.RandomCrop((1, 1)),
    st.PhotoMetricDistortion(),
    st.Expand(ratio_range=(2, 3), prob=1),
    st.MinIoURandomCrop(),
    st.CutOut((1, 2), ((5, 5),), False),
    st.RandomAffine(),
    st.YOLOXHSVRandomAug(),
    st.Mosaic((30, 40)),
    st.MixUp((30, 40)),
    st.CopyPaste(),
    st.FilterAnnotations(min_gt_bbox_wh=(1000, 1000)),
    st.FilterAnnotations(min_gt_bbox_wh=(1000, 1000), keep_empty=False),
    st.MultiScaleFlipAug((st.Resize(), st.RandomFlip(None, None)), ((40, 50),), (None,)),
    st.RandomChoice(
        ((st.RandomFlip(("horizontal",), (1.0, 0.0)),), (st.RandomCrop((30, 30), allow_negative_crop=True),))
    ),
    st.TestTimeAug(((st.Resize(((40, 50),)),), (st.Resize(((40, 50),)), st.RandomFlip(("vertical",), (1.0, 0.0))))),
    aug.ResizeShortestEdge((40, 50), 100),
    aug.ResizeScale(0.5, 2.0, 40, 50),
    aug.ResizeExactly((40, 50)),
    aug.FixedSizeCrop((20, 30)),
    aug.RandomLevels("mean", 0.5, 1.5),
    ImageToTensor(),
    DefaultFormatBundle(),
    Collect(("img",), ("flip",)),
]


def kinds(base: type[st.Step] = st.Step) -> list[type[st.Step]]:
    found = [one for kind in base.__subclasses__() for one in (kind, *kinds(kind))]
    return [kind for kind in found if kind is not st.BatchForm]


def outcomes(step: Any) -> list[tuple[dict[str, Any], Any]]:
    """What some samples are before and after a step."""
    masks = "bitmap" if isinstance(step, st.CopyPaste) else "none"
    found = []
    for seed in range(12):
        before = make_sample(seed, masks=masks)  # type: ignore[arg-type]
        before |= {"img_info": {"filename": "a.jpg"}, **({"flip": False} if isinstance(step, Collect) else {})}
        before["ann_info"] = {
            "bboxes": before["gt_bboxes"],
            "labels": before["gt_labels"],
            "bboxes_ignore": before["gt_bboxes_ignore"],
        }
        if isinstance(step, st.LoadAnnotations):
            before["bbox_fields"] = []
        others = [make_sample(seed + 50 + part, masks=masks) for part in range(3)]  # type: ignore[arg-type]
        given = {**before, "bbox_fields": list(before["bbox_fields"])}
        partners = others[: step.facts.partners]
        after = run.run_step(step, given, Stream(seed, 0, 0), 0, lambda step, draws, found=partners: found, WRAPPERS)
        found.append((before, after))
    return found


def test_no_fact_has_a_default() -> None:
    assert all(field.default is MISSING and field.default_factory is MISSING for field in fields(st.Facts))


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_step_states_its_facts_and_is_known_everywhere(kind: type[st.Step]) -> None:
    assert isinstance(vars(kind).get("facts"), st.Facts), "a step takes over no other step's facts"
    assert any(type(step) is kind for step in STEPS), "this file tries every step"
    framework_s = issubclass(kind, st.BatchForm)
    assert framework_s == (kind.__module__ not in (st.__name__, mixing.__name__, aug.__name__))
    assert framework_s or kind.__name__ in (*st.__all__, *aug.__all__)
    structural = (st.LoadAnnotations, st.MultiScaleFlipAug, st.TestTimeAug)
    table = run._MIXING if kind.facts.partners else run._ALONE
    assert framework_s or kind in structural or kind in table, "detection/reference/run.py runs it"
    # These hold other transforms, and lowering makes them itself; tests/detectron2 tries Detectron2's conversions.
    of_others = (st.MultiScaleFlipAug, st.RandomChoice, st.TestTimeAug)
    detectron2_s = kind.__module__ == aug.__name__
    assert detectron2_s or kind in of_others or kind in {made for made, _ in CONVERSIONS.values()}


def test_the_core_reads_the_steps_that_there_are() -> None:
    reader = (PROJECT_ROOT / "csrc/bindings/step_reader.cpp").read_text()
    known = set(re.findall(r'^ +\{"(\w+)", \w+\},$', reader, re.MULTILINE))
    assert known == {kind.__name__ for kind in kinds() if not issubclass(kind, st.BatchForm)} | {"Format"}


def test_the_core_mixes_in_as_many_samples() -> None:
    structs = (PROJECT_ROOT / "csrc/transform/steps/steps.h").read_text()
    partners = dict(re.findall(r"^struct (\w+) \{\n  static constexpr std::size_t kPartners = (\d+);", structs, re.M))
    assert partners == {kind.__name__: str(kind.facts.partners) for kind in kinds() if kind.facts.partners}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_facts_are_true(step: Any) -> None:
    rejected = moved = floating = False
    for before, after in outcomes(step):
        if after is None:
            rejected = True
            continue
        views = isinstance(step, st.MultiScaleFlipAug | st.TestTimeAug)
        assert set(step.facts.notes) <= after.keys()
        if isinstance(step, st.BatchForm):
            continue
        image, boxes = (after[key][0] if views else after[key] for key in ("img", "gt_bboxes"))
        floating |= image.dtype == np.float32
        # A step whose notes tell where it moves boxes tells by notes that it sets, and one that moves none keeps them.
        if not views and not step.may_reject():
            moved |= not np.array_equal(boxes, before["gt_bboxes"])
    assert rejected <= step.may_reject()
    assert floating == step.gives_float()
    if step.facts.told_by is None:
        assert moved or step.may_reject() or isinstance(step, st.RandomCrop | st.TestTimeAug)
    else:
        assert set(step.facts.told_by) <= set(step.facts.notes)
        assert moved == bool(step.facts.told_by) or isinstance(step, st.FilterAnnotations)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (st.Resize(), "it has no img_scale"),
        (st.RandomFlip(None, None), "it has no flip_ratio"),
        (st.Normalize((1.0,), (2.0,)), "its mean has not three values"),
        (st.Mosaic(pad_val=0.5), "pad_val is not an integer"),
        (st.MixUp(pad_val=0.5), "pad_val is not an integer"),
        (st.Resize(((4, 5),)), ""),
        (st.RandomShift(), ""),
    ],
    ids=str,
)
def test_what_the_core_cannot_do_with_some_arguments(step: st.Step, reason: str) -> None:
    assert step.why_not_native() == reason


def test_the_guide_names_the_files_that_name_a_step() -> None:
    guide = (PROJECT_ROOT / "docs/how-to/adding-a-step.md").read_text()
    named = re.findall(r"^\d+\. `(\S+)`:", guide, re.MULTILINE)
    sources = [file for folder in ("python", "csrc") for file in (PROJECT_ROOT / folder).rglob("*.*")]
    texts = {str(file.relative_to(PROJECT_ROOT)): file.read_text() for file in sources if file.suffix in _SOURCES}
    uses = re.compile(r"(?:class |struct |step::|steps\.|import .*)RandomShift\b")
    naming = {name for name, text in texts.items() if uses.search(text)}
    assert naming <= set(named)
    assert all("RandomShift" in (PROJECT_ROOT / name).read_text() for name in named)
    assert f"A step touches {len(named) + 1} files" in guide
    quoted = re.search(r"```python\n(.*?)```", guide, re.DOTALL)
    assert quoted is not None
    lines = [line.strip() for line in quoted[1].splitlines() if line.strip()]
    shift = texts["python/penstock/detection/steps.py"].split("class RandomShift")[1].split("@dataclass")[0]
    assert all(line in shift for line in lines[2:])

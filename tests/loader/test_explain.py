"""Where the steps of a transform run, and what the loader says of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock
from support.coco_lakes import CocoPair, write_awkward_coco
from support.detection import augmenting, training
from support.same_batches import Tolerance, assert_same_batches

TENSORS = {"img": "images", "gt_bboxes": "boxes", "gt_labels": "categories"}


class Mine:
    """A user's own transform."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        return results


@pytest.fixture(scope="module")
def awkward(mmdet: Any, deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> CocoPair:
    return write_awkward_coco(tmp_path_factory.mktemp("awkward"))


def load(pair: CocoPair, pipeline: Any, loader_type: str = "c++", **options: Any) -> penstock.DataLoader:
    return penstock.DataLoader(
        pair.lake, 3, transform=pipeline, tensors=TENSORS, loader_type=loader_type, seed=5, **options
    )


def marks(loader: penstock.DataLoader) -> str:
    return "".join(line[0] for line in loader.explain().splitlines())


def test_a_native_pipeline(awkward: CocoPair, native: Any) -> None:
    loader = load(awkward, augmenting())
    lines = loader.explain().splitlines()
    assert marks(loader) == "+" * len(augmenting())
    assert all(line.endswith("  C++") for line in lines)
    for line, step in zip(lines[1:], augmenting()[1:], strict=True):
        assert line.startswith(f"+ {step['type']}(")
    assert len(loader.steps) == len(lines)


def test_from_a_step_of_the_users_on_it_is_python(awkward: CocoPair, native: Any) -> None:
    pipeline = augmenting()
    pipeline.insert(5, {"type": Mine})
    loader = load(awkward, pipeline)
    assert marks(loader) == "+" * 5 + "-" * (len(pipeline) - 5)
    lines = loader.explain().splitlines()
    assert lines[5].startswith("- Mine ")
    assert lines[5].endswith("Python: Mine is not one of MMDetection's own")
    assert lines[6].endswith("Python: it comes after")


def test_formatting_before_a_python_step_is_pythons_too(awkward: CocoPair, native: Any) -> None:
    pipeline = training()
    pipeline.insert(-1, {"type": Mine})
    loader = load(awkward, pipeline)
    assert pipeline[-3]["type"] == "DefaultFormatBundle"
    assert marks(loader) == "+" * (len(pipeline) - 3) + "---"
    assert loader.explain().splitlines()[-3].endswith("Python: what comes after it runs in Python")
    # What it says is what the core gets.
    assert len(loader.dataset.program.native.steps) == len(pipeline) - 3  # type: ignore[attr-defined]


def test_batches_of_another_form_are_made_in_python(awkward: CocoPair, native: Any) -> None:
    pipeline = [*training()[:-2], {"type": "Collect", "keys": ["img"], "meta_keys": ()}]
    loader = load(awkward, pipeline, collate_fn=None)
    assert marks(loader) == "+" * (len(pipeline) - 1) + "-"
    assert "usual batches" in loader.explain()


def test_the_python_loader_was_chosen(awkward: CocoPair) -> None:
    loader = load(awkward, augmenting(), "python")
    assert marks(loader) == "-" * len(augmenting())
    assert all(line.endswith("Python: the Python loader was chosen") for line in loader.explain().splitlines())


def test_a_callable_and_no_transform(awkward: CocoPair, native: Any) -> None:
    said = load(awkward, Mine()).explain()
    assert said.startswith("- ") and said.endswith("Python: it is a Python callable")
    assert load(awkward, None).explain() == "no transform: samples come out as they are stored"


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_collate_fn_gets_what_the_pipeline_returns(loader_type: str, awkward: CocoPair, native: Any) -> None:
    calls = []

    def keep(samples: list[Any]) -> list[Any]:
        calls.append(len(samples))
        return samples

    loader = load(awkward, augmenting(), loader_type, collate_fn=keep)
    batches = list(loader)
    loader.set_epoch(0)
    assert [len(batch) for batch in batches] == calls
    index = 0
    for batch in batches:
        assert isinstance(batch, list)
        for sample in batch:
            expected = load(awkward, augmenting(), "python").dataset[index]
            assert set(sample) == {"img", "img_metas", "gt_bboxes", "gt_labels"}
            assert_same_batches([sample], [expected], Tolerance())
            assert isinstance(sample["img"].data, torch.Tensor)
            index += 1
    assert index == len(loader.dataset)  # type: ignore[arg-type]
    assert marks(loader) == "-" * len(augmenting())
    if loader_type == "c++":
        assert "collate_fn takes samples as the whole pipeline returns them" in loader.explain()


def test_the_log_says_it_once_at_the_start(awkward: CocoPair, native: Any, caplog: pytest.LogCaptureFixture) -> None:
    pipeline = training()
    pipeline.insert(3, {"type": Mine})
    loader = load(awkward, pipeline)
    with caplog.at_level(logging.INFO, logger="penstock"):
        list(loader)
        list(loader)
    (line,) = [record.getMessage() for record in caplog.records if "transforms:" in record.getMessage()]
    assert "in C++: LoadImageFromDeepLake, LoadAnnotations, Resize; in Python: Mine (Mine is not one of" in line
    assert "RandomFlip (it comes after)" in line


def test_stages_are_counted_apart(awkward: CocoPair, native: Any, lake: Callable[[str], Path]) -> None:
    with load(awkward, augmenting()) as loader:
        list(loader)
        stats = loader.stats()
    assert stats["decode_seconds"] > 0 and stats["transform_seconds"] > 0 and stats["fetch_seconds"] > 0
    with penstock.DataLoader(lake("equal_images"), 5, tensors=["jpegs"], loader_type="c++") as loader:
        list(loader)
        plain = loader.stats()
    assert plain["decode_seconds"] > 0
    assert (plain["transform_seconds"], plain["python_seconds"]) == (0, 0)


def test_pythons_part_is_counted_by_itself(awkward: CocoPair, native: Any) -> None:
    import time

    class Sleeps:
        def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
            time.sleep(0.01)
            return results

    pipeline = training()
    pipeline.insert(-2, {"type": Sleeps})
    with load(awkward, pipeline) as loader:
        list(loader)
        stats = loader.stats()
    slept = 0.01 * stats["samples"]
    assert stats["python_seconds"] >= slept
    assert stats["transform_seconds"] < slept

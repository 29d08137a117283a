"""Errors of stored values that reach a batch in the place of others: mixed in, or taken for a rejected sample.

Whatever the loader, an error names the value that is damaged: its kind, tensor, sample and chunk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import PenstockError
from support.damage import chunk_file, replace_sample, shorten_sample
from support.images import jpeg, picture
from support.lake import encoded, new_lake
from support.same_batches import assert_same_batches

pytestmark = pytest.mark.usefixtures("native", "mmdet")

SAMPLES = 16
#: An odd one, so that no pipeline here rejects it.
BAD = 15
HEIGHT, WIDTH = 64, 80

STEPS: dict[str, list[dict[str, Any]]] = {
    "Mosaic": [{"type": "Mosaic", "img_scale": (64, 64)}],
    "MixUp": [{"type": "MixUp", "img_scale": (64, 64)}],
    "CopyPaste": [{"type": "CopyPaste", "selected": False}],
    "Mosaic and MixUp": [{"type": "Mosaic", "img_scale": (64, 64)}, {"type": "MixUp", "img_scale": (64, 64)}],
    "rejected": [{"type": "FilterAnnotations", "min_gt_bbox_wh": (10, 10)}],
    "rejected partners": [
        {"type": "FilterAnnotations", "min_gt_bbox_wh": (10, 10)},
        {"type": "Mosaic", "img_scale": (64, 64)},
    ],
}


def _missing(path: Path, tensor: str) -> None:
    chunk_file(path, tensor, BAD).unlink()


def _cut(path: Path, tensor: str) -> None:
    shorten_sample(path, tensor, BAD)


def _overwritten(path: Path, tensor: str) -> None:
    replace_sample(path, tensor, BAD, lambda data: b"\xff\xff\xff\xff" + data[4:])


Damage = Callable[[Path, str], None]
DAMAGES: dict[str, tuple[str, Damage]] = {
    "scan": ("images", _cut),
    "head": ("images", _overwritten),
    "missing chunk": ("images", _missing),
    "mask": ("masks", _overwritten),
    "missing chunk of masks": ("masks", _missing),
}


@pytest.fixture(scope="module", params=["polygon", "binary_mask"])
def lake(request: pytest.FixtureRequest, deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of one size, two or three to a chunk, the even ones with small boxes alone, with masks of either htype."""
    path = tmp_path_factory.mktemp("places") / "lake"
    rng = np.random.default_rng(3)
    polygons = request.param == "polygon"
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=10_000)
        lake.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
        lake.create_tensor("categories", htype="class_label", class_names=["cat", "dog"])
        kind = {"max_chunk_size": 100} if polygons else {"sample_compression": "lz4", "max_chunk_size": 500}
        lake.create_tensor("masks", htype=request.param, **kind)
        for number in range(SAMPLES):
            lake.images.append(encoded(jpeg(picture(HEIGHT, WIDTH, 3, seed=number)), "jpeg"))
            left, top = rng.uniform(2, 20, 2)
            extent = 5 + 25 * (number % 2)
            lake.boxes.append(np.array([[left, top, extent, extent]], np.float32))
            lake.categories.append(np.array([number % 2], np.uint32))
            corners = np.array([[0, 0], [extent, 0], [extent, extent]]) + np.array([left, top])
            mask = np.zeros((HEIGHT, WIDTH, 1), bool)
            mask[int(top) : int(top) + extent, int(left) : int(left) + extent] = True
            lake.masks.append([corners.astype(np.float32)] if polygons else mask & (rng.random(mask.shape) < 0.8))
    for tensor in ("images", "masks"):
        assert len(penstock.open(path)[tensor].chunks.ids) > 3
    return path


def _batches(
    path: Path, steps: list[dict[str, Any]], loader_type: str, seed: int, **options: Any
) -> Iterator[Any]:
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True},
        *steps,
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels", "gt_masks"], "meta_keys": ("filename",)},
    ]
    dataset = build_dataset({"pipeline": pipeline, "deeplake_path": str(path)})
    with build_dataloader(dataset, 2, 0, shuffle=False, seed=seed, loader_type=loader_type, **options) as loader:
        assert loader_type == "python" or all(step.native for step in loader.steps[: 2 + len(steps)])
        yield from loader


def _first_error(path: Path, steps: list[dict[str, Any]], loader_type: str, seed: int) -> tuple[int, PenstockError]:
    """The number of batches before it, and the error."""
    count = 0
    with pytest.raises(PenstockError) as caught:
        for _ in _batches(path, steps, loader_type, seed):
            count += 1
    return count, caught.value


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("steps", STEPS)
def test_the_damaged_value_is_named(lake: Path, steps: str, damage: str, tmp_path: Path) -> None:
    path = Path(shutil.copytree(lake, tmp_path / "lake"))
    tensor, spoil = DAMAGES[damage]
    key = chunk_file(path, tensor, BAD).relative_to(path).as_posix()
    chunks = penstock.open(path)[tensor].chunks
    lost = {index for index in range(SAMPLES) if chunks.key(chunks.locate(index)[0]) == key}
    spoil(path, tensor)
    before_its_turn = 0
    # The core reads what a sample would be mixed with before the pipeline rejects that sample.
    ahead = steps == "rejected partners" and ("missing" in damage or tensor == "masks")
    for seed in range(2):
        found = []
        for loader_type in ("c++", "python"):
            count, error = _first_error(path, STEPS[steps], loader_type, seed)
            assert (error.tensor, error.chunk, error.path) == (tensor, key, str(path))
            assert error.index in (lost if damage.startswith("missing") else {BAD})
            found.append((count, type(error), error.tensor, error.index, error.chunk))
        assert ahead or found[0] == found[1]
        before_its_turn += 2 * found[0][0] + 1 < min(lost if damage.startswith("missing") else {BAD})
    assert before_its_turn > 0, "no other sample took it up"


# Not the masks of rejected partners: the core reads them before the pipeline rejects the sample.
@pytest.mark.parametrize(
    ("steps", "damage"),
    [
        *(("Mosaic", damage) for damage in ("head", "mask")),
        *(("CopyPaste", damage) for damage in ("head", "mask")),
        ("rejected partners", "head"),
    ],
)
def test_samples_that_mix_a_bad_one_give_place_to_others(
    lake: Path, steps: str, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = Path(shutil.copytree(lake, tmp_path / "lake"))
    tensor, spoil = DAMAGES[damage]
    spoil(path, tensor)
    found = []
    for loader_type in ("c++", "python"):
        caplog.clear()
        found.append(list(_batches(path, STEPS[steps], loader_type, 0, on_error="skip")))
        lines = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
        assert len(lines) == 1 and f"tensor '{tensor}', sample {BAD}" in lines[0]
    assert len(found[0]) == SAMPLES // 2
    assert all(len(batch["img_metas"].data[0]) == 2 for batch in found[0])
    assert_same_batches(*found)

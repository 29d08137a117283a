"""What ingest wrote, as deeplake itself opens, checks and continues it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import penstock
from penstock.ingest import ingest_coco


def opened(deeplake: Any, path: Path, *, read_only: bool) -> Any:
    # Of more tensors than 20, hidden ones counted, deeplake skips its check and warns, unless it is asked for.
    return deeplake.load(str(path), read_only=read_only, lock_enabled=False, verbose=False, check_integrity=True)


@pytest.mark.parametrize("there", ["nothing", "empty", "dataset"])
@pytest.mark.parametrize("masks", ["polygon", "binary_mask"])
def test_deeplake_appends(
    there: str, masks: Literal["polygon", "binary_mask"], shapes: Any, deeplake: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    if there == "empty":
        out.mkdir()
    elif there == "dataset":
        ingest_coco(shapes.annotations, shapes.images, out, limit=2)
    shapes.change(lambda content: content["annotations"][1].update(ignore=1))
    ingest_coco(shapes.annotations, shapes.images, out, overwrite=there == "dataset", limit=5, masks=masks)

    lake = opened(deeplake, out, read_only=False)
    samples = {name: tensor[3].numpy(aslist=True) for name, tensor in lake.tensors.items()}
    samples["images"] = np.zeros((7, 9, 3), np.uint8)
    with lake:
        lake.append(samples)

    again = opened(deeplake, out, read_only=True)
    assert set(again.tensors) == {
        *("images", "boxes", "categories", "iscrowds", "ignores", "areas", "masks", "image_ids", "filenames")
    }
    dataset = penstock.open(out)
    assert {len(tensor) for tensor in again.tensors.values()} == {len(dataset)} == {6}
    assert dataset["images"][5].shape == (7, 9, 3)
    for name in set(again.tensors) - {"images"}:
        for index in (3, 5):
            wanted, got = again[name][index].numpy(aslist=True), dataset[name][index]
            assert len(wanted) == len(got)
            for one, other in zip(wanted, got, strict=True):
                np.testing.assert_array_equal(one, other)


def test_nothing_is_left_beside_tensors_and_metadata(shapes: Any, deeplake: Any, tmp_path: Path) -> None:
    """No lock, which would keep others from writing, and nothing that is still to be committed."""
    ingest_coco(shapes.annotations, shapes.images, tmp_path / "out", limit=5)
    lake = opened(deeplake, tmp_path / "out", read_only=True)
    files = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert files == {"dataset_meta.json", "version_control_info.json"}
    folders = {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert folders == set(lake._tensors(include_hidden=True))

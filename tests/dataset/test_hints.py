"""What metadata notes of all samples refuses no dataset: each sample has a shape of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import penstock
from penstock.cli import main
from support.damage import edit_json
from support.images import picture
from support.lake import new_lake, open_lake

EXTENTS = st.one_of(
    st.integers(-3, 40), st.just(2**70), st.floats(allow_nan=False), st.booleans(), st.none(), st.text()
)
VALUES = st.one_of(st.lists(EXTENTS, max_size=4), EXTENTS, st.just({}), st.just("missing"))


@pytest.fixture(scope="module")
def pictures(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of several sizes, boxes of several numbers, numbers of one shape, text."""
    path = tmp_path_factory.mktemp("hints") / "lake"
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="png")
        lake.create_tensor("boxes", htype="bbox")
        lake.create_tensor("numbers", dtype="int32", chunk_compression="lz4")
        lake.create_tensor("texts", htype="text")
        for number in range(6):
            lake.images.append(picture(10 + number, 20 - number, 3, seed=number))
            lake.boxes.append(np.arange(4 * number, dtype=np.float32).reshape(-1, 4))
            lake.numbers.append(np.arange(number, number + 6, dtype=np.int32).reshape(2, 3))
            lake.texts.append(f"text {number}")
    return path


def set_hints(path: Path, hints: dict[str, Any]) -> None:
    def change(values: dict[str, Any]) -> None:
        for name, value in hints.items():
            if value == "missing":
                values.pop(name, None)
            else:
                values[name] = value

    edit_json(path, change)


@pytest.mark.parametrize("smallest", [[1, -1, 2], [-1, -1, -1], [], None, "missing", [1, 2], ["a", 1, 2], 7])
def test_deeplakes_own_note_of_an_odd_file(pictures: Path, smallest: Any, native: Any) -> None:
    """After an odd PNG, deeplake notes ``[1, -1, 2]``, and opens what it wrote."""
    meta = pictures / "images" / "tensor_meta.json"
    kept = meta.read_text()
    try:
        set_hints(meta, {"min_shape": smallest})
        opened = penstock.open(pictures)
        if smallest == [1, -1, 2]:
            with open_lake(pictures) as oracle:
                for index in range(6):
                    np.testing.assert_array_equal(opened["images"][index], oracle.images[index].numpy())
        for loader_type in ("c++", "python"):
            found = [image.numpy() for batch in penstock.DataLoader(
                pictures, 1, tensors=["images"], loader_type=loader_type) for image in batch["images"]]  # fmt: skip
            assert len(found) == 6
            for number, image in enumerate(found):
                np.testing.assert_array_equal(image, picture(10 + number, 20 - number, 3, seed=number))
    finally:
        meta.write_text(kept)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(smallest=VALUES, largest=VALUES, tensor=st.sampled_from(["images", "boxes", "numbers", "texts"]))
def test_no_hint_refuses_a_dataset(pictures: Path, smallest: Any, largest: Any, tensor: str) -> None:
    meta = pictures / tensor / "tensor_meta.json"
    kept = meta.read_text()
    try:
        set_hints(meta, {"min_shape": smallest, "max_shape": largest})
        opened = penstock.open(pictures)
        assert len(opened) == 6
        others = {"images", "boxes", "numbers", "texts"} - {tensor}
        assert len(list(penstock.DataLoader(opened, 2, tensors=sorted(others), loader_type="python"))) == 3
    finally:
        meta.write_text(kept)


@pytest.mark.parametrize(
    ("tensor", "shape"),
    [("images", [10, 20, 3]), ("boxes", [1, 4]), ("numbers", [3, 2]), ("numbers", [2]), ("raw", [5])],
)
def test_one_shape_that_the_chunks_contradict_shifts_nothing(
    pictures: Path, tmp_path: Path, tensor: str, shape: list[int], native: Any
) -> None:
    """Deep Lake finds samples of one shape by arithmetic, and here returns other bytes than were stored, or fails."""
    path = tmp_path / "lake"
    shutil.copytree(pictures, path)
    with open_lake(path, read_only=False) as lake:
        lake.create_tensor("raw", dtype="int16")
        lake.raw.extend([np.arange(number + 1, dtype=np.int16) for number in range(6)])
    set_hints(path / tensor / "tensor_meta.json", {"min_shape": shape, "max_shape": shape})
    dataset = penstock.open(path)
    damaged = {number for number in range(6) if _reads_wrongly(pictures, path, tensor, number)}
    assert damaged
    for loader_type in ("c++", "python"):
        loader = penstock.DataLoader(dataset, 1, tensors=[tensor], loader_type=loader_type)
        with pytest.raises(penstock.errors.ChunkFormatError, match="all samples have one shape") as caught:
            list(loader)
        assert (caught.value.tensor, caught.value.index) == (tensor, min(damaged))
    assert not penstock.verify(path).ok


def _reads_wrongly(sound: Path, path: Path, tensor: str, number: int) -> bool:
    """Whether a sample is refused; where it is not, it is the one that was stored."""
    try:
        sample = penstock.open(path)[tensor][number]
    except penstock.errors.ChunkFormatError:
        return True
    kept = np.arange(number + 1) if tensor == "raw" else penstock.open(sound)[tensor][number]
    np.testing.assert_array_equal(sample, kept)
    return False


@pytest.mark.parametrize("length", [10**12, 7, 2**62])
@pytest.mark.parametrize("tensor", ["images", "numbers", "texts"])
def test_a_length_without_samples_is_named_before_memory_is_taken(
    pictures: Path, tmp_path: Path, length: int, tensor: str, native: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lake"
    shutil.copytree(pictures, path)
    for folder in ("images", "boxes", "numbers", "texts"):
        meta = path / folder / "tensor_meta.json"
        if folder == tensor:
            values = json.loads(meta.read_text())
            values["length"] = length
            meta.write_text(json.dumps(values))
    cause = f"describes 6 samples, the tensor's metadata says {length}"
    opened = penstock.open(path)
    with pytest.raises(penstock.errors.DatasetFormatError, match=cause) as caught:
        opened[tensor][0]
    assert (caught.value.tensor, caught.value.path) == (tensor, str(path))
    for loader_type in ("c++", "python"):
        with pytest.raises(penstock.errors.DatasetFormatError, match=cause):
            penstock.DataLoader(path, 2, tensors=[tensor], loader_type=loader_type, shuffle=True)
    if tensor == "images":
        assert main(["show", str(path), "--out", str(tmp_path / "x.png"), "--shuffle"]) == 1
        assert cause in capsys.readouterr().err
    assert any(cause in finding.cause for finding in penstock.verify(path).findings)

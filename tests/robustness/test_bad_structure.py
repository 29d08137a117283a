"""Damaged tiles and encoders: an error that names the place, with either loader type; never wrong samples."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.dataset.lake3.encoders import parse_sequences, parse_tiles
from penstock.errors import ChunkFormatError, ChunkNotFoundError, DatasetFormatError, PenstockError
from support.same import assert_same

Copy = Callable[[str], Path]
Edit = Callable[[bytes], bytes]


def encoder_file(dataset: Path, tensor: str, folder: str) -> Path:
    commit = penstock.open(dataset).commit_id
    return dataset / "versions" / commit / tensor / folder / "unsharded"


def loaded(path: Path, name: str, loader_type: str) -> list[Any]:
    with penstock.DataLoader(path, 1, tensors=[name], loader_type=loader_type) as loader:
        return [batch[name] for batch in loader]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_missing_tile_is_named(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("tiled")
    chunks = penstock.open(path)["jpeg"].chunks
    key = chunks.key(chunks.tile_rows(1)[2])
    (path / key).unlink()
    with pytest.raises(ChunkNotFoundError) as caught:
        loaded(path, "jpeg", loader_type)
    assert (caught.value.tensor, caught.value.index, caught.value.chunk) == ("jpeg", 1, key)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_tiles_that_are_not_of_their_place(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("tiled")
    chunks = penstock.open(path)["floats"].chunks
    rows = chunks.tile_rows(1)
    first, last = path / chunks.key(rows[0]), path / chunks.key(rows[-1])
    last.write_bytes(first.read_bytes())
    with pytest.raises(ChunkFormatError, match=r"its place in the sample|the shape of its place") as caught:
        loaded(path, "floats", loader_type)
    assert (caught.value.tensor, caught.value.index, caught.value.chunk) == ("floats", 1, chunks.key(rows[-1]))


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_sample_with_more_tiles_than_chunks(loader_type: str, lake_copy: Copy, native: Any) -> None:
    """Deep Lake itself leaves such an encoder when a sample in tiles is replaced, and cannot read the sample then."""
    path = lake_copy("tiled")
    file = encoder_file(path, "jpeg", "tiles_index")
    data = file.read_bytes()
    wide = struct.pack("<QQQ", 40, 90, 3)
    assert data.count(wide)
    file.write_bytes(data.replace(wide, struct.pack("<QQQ", 400, 900, 3)))
    with pytest.raises(ChunkFormatError, match=r"the sample is in \d+ tiles, the index has \d+ chunks") as caught:
        loaded(path, "jpeg", loader_type)
    assert (caught.value.tensor, caught.value.index, caught.value.path) == ("jpeg", 1, str(path))
    assert penstock.open(path)["jpeg"][0].shape == (9, 8, 3)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_bad_item_is_named_by_its_sequence(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("sequences")
    tensor = penstock.open(path)["images_jpeg"]
    chunks = tensor.chunks
    row, _ = chunks.locate(tensor.sequences.items(3)[1])
    file = path / chunks.key(row)
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(ChunkFormatError) as caught:
        loaded(path, "images_jpeg", loader_type)
    bad = next(index for index in range(5) if any(chunks.locate(k)[0] == row for k in tensor.sequences.items(index)))
    assert (caught.value.tensor, caught.value.index) == ("images_jpeg", bad)
    assert caught.value.chunk == chunks.key(row)


@pytest.mark.parametrize(
    ("name", "folder"), [("png", "tiles_index"), ("boxes", "sequence_index"), ("in_tiles", "tiles_index")]
)
def test_every_prefix_and_every_flipped_byte_of_an_encoder(
    name: str, folder: str, lake_copy: Copy, native: Any
) -> None:
    """Either the right samples, or others that the damaged numbers truly describe, or a typed error."""
    path = lake_copy("tiled" if name == "png" else "sequences")
    file = encoder_file(path, name, folder)
    data = file.read_bytes()
    damaged = [data[:size] for size in range(len(data))]
    damaged += [data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :] for at in range(len(data))]
    for step, content in enumerate(damaged[:: max(1, len(damaged) // 60)]):
        file.write_bytes(content)
        results: list[Any] = []
        for loader_type in ("c++", "python"):
            try:
                results.append(loaded(path, name, loader_type))
            except PenstockError as error:
                results.append((type(error), error.tensor, error.index))
        assert len(str(results[0])) and type(results[0]) is type(results[1]), step
        if isinstance(results[0], tuple):
            assert results[0] == results[1], step
        else:
            for ours, theirs in zip(*results, strict=True):
                assert_same(np.asarray(ours, dtype=object).shape, np.asarray(theirs, dtype=object).shape, step)


CLAIMS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "2**60 entries of tiles": (parse_tiles, struct.pack("<QQ", 2**60, 3)),
    "2**60 axes": (parse_tiles, struct.pack("<QQ", 1, 2**60)),
    "a tile without extent": (parse_tiles, struct.pack("<QQQQQ", 1, 1, 0, 8, 0)),
    "a sample of 2**40": (parse_tiles, struct.pack("<QQQQQ", 1, 1, 0, 2**40, 8)),
    "sequences past the items": (lambda data: parse_sequences(data, 5), struct.pack("<III", 2, 0, 2)),
    "2**64 items": (lambda data: parse_sequences(data, 5), struct.pack("<III", 2**32 - 1, 0, 2**32 - 1)),
    "sequences that go backwards": (lambda data: parse_sequences(data, 5), struct.pack("<6I", 1, 0, 2, 1, 3, 1)),
    "an item in two sequences": (lambda data: parse_sequences(data, 5), struct.pack("<6I", 2, 0, 0, 2, 1, 1)),
    "half a row": (lambda data: parse_sequences(data, 5), struct.pack("<II", 1, 0)),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_claims_of_an_encoder_are_checked(claim: str) -> None:
    parse, words = CLAIMS[claim]
    with pytest.raises(DatasetFormatError):
        parse(b"\x063.9.52" + words)

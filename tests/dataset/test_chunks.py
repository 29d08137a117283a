"""Chunks that are missing, cut off, or lie."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import penstock
from penstock.errors import ChunkFormatError, ChunkNotFoundError, DecodeError, PenstockError, StorageError
from penstock.format import ChunkHeader, decompress_lz4, header_bytes_needed, parse_chunk_header
from support.damage import chunk_file, with_header

Lakes = Callable[[str], Path]

VARYING = ["varying/raw", "varying/lz4_sample", "varying/lz4_chunk"]


def _middle(path: Path, tensor: str) -> tuple[int, int, str]:
    """A row in the middle: first sample, last sample, key."""
    chunks = penstock.open(path)[tensor].chunks
    row = len(chunks) // 2
    return chunks.first_index(row), int(chunks.last_index[row]), chunks.key(row)


def _assert_placed(error: PenstockError, path: Path, tensor: str, index: int, chunk: str) -> None:
    assert (error.path, error.tensor, error.index, error.chunk) == (str(path), tensor, index, chunk)
    for part in (str(path), f"tensor '{tensor}'", f"sample {index}", f"chunk '{chunk}'"):
        assert part in str(error)


@pytest.mark.parametrize("tensor", VARYING)
def test_a_missing_chunk(lake_copy: Lakes, tensor: str) -> None:
    path = lake_copy("many_chunks")
    first, last, key = _middle(path, tensor)
    (path / key).unlink()
    opened = penstock.open(path)[tensor]
    with pytest.raises(ChunkNotFoundError) as caught:
        opened[last]
    assert isinstance(caught.value, FileNotFoundError)
    _assert_placed(caught.value, path, tensor, last, key)
    for read in (opened.shapes, opened.numpy_all):
        with pytest.raises(ChunkNotFoundError) as caught:
            read()
        _assert_placed(caught.value, path, tensor, first, key)
    assert opened[first - 1].dtype == np.int32


@pytest.mark.parametrize("tensor", VARYING)
def test_a_chunk_cut_off_anywhere(lake_copy: Lakes, tensor: str) -> None:
    """Cut inside the header, both reading and shapes() say so; cut inside the data, reading does."""
    path = lake_copy("many_chunks")
    # A sample that is not empty, so that cutting its chunk's data is seen.
    index = next(i for i, shape in enumerate(penstock.open(path)[tensor].shapes()) if shape.all())
    file = chunk_file(path, tensor, index)
    key = str(file.relative_to(path))
    whole = file.read_bytes()
    header_end = parse_chunk_header(whole).data_offset
    chunks = penstock.open(path)[tensor].chunks
    first = chunks.first_index(chunks.locate(index)[0])
    for size in [*range(0, header_end, 5), header_end - 1, header_end, len(whole) - 1]:
        file.write_bytes(whole[:size])
        opened = penstock.open(path)[tensor]
        with pytest.raises(ChunkFormatError) as caught:
            for sample in range(first, int(chunks.last_index[chunks.locate(index)[0]]) + 1):
                opened[sample]
        assert (caught.value.path, caught.value.tensor, caught.value.chunk) == (str(path), tensor, key)
        if size < header_end:
            with pytest.raises(ChunkFormatError, match="ends inside its header") as caught:
                opened.shapes()
            _assert_placed(caught.value, path, tensor, first, key)
        else:
            assert len(opened.shapes()) == len(opened)


def test_a_directory_in_place_of_a_chunk(lake_copy: Lakes) -> None:
    path = lake_copy("many_chunks")
    file = chunk_file(path, "equal/raw", 0)
    file.unlink()
    file.mkdir()
    with pytest.raises(StorageError) as caught:
        penstock.open(path)["equal/raw"][0]
    assert isinstance(caught.value, OSError)
    assert caught.value.tensor == "equal/raw"


def _values(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


LIES = {
    "2**31 - 1 shape rows": with_header((2**31 - 1, 3), b"", 0, b""),
    "2**62 shape values": with_header((2**31 - 1, 2**31 - 1), b"", 0, b""),
    "negative rows": with_header((-1, 3), b"", 0, b""),
    "negative columns": with_header((3, -1), b"", 0, b""),
    "2**32 - 1 positions": with_header((1, 3), _values(1, 2, 0), 2**32 - 1, b""),
    "no columns": with_header((5, 0), b"", 0, b""),
    "many columns": with_header((1, 40), _values(*[1] * 40), 0, b""),
    "shapes go backwards": with_header((2, 3), _values(1, 2, 5, 2, 2, 1), 1, _values(8, 0, 5), bytes(48)),
    "positions go backwards": with_header((1, 3), _values(1, 2, 5), 2, _values(8, 0, 5, 8, 48, 1), bytes(99)),
    "version is not text": b"\x02\xff\xfe" + bytes(12),
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_headers_that_lie(lake_copy: Lakes, lie: str) -> None:
    path = lake_copy("many_chunks")
    file = chunk_file(path, "varying/raw", 3)
    file.write_bytes(LIES[lie])
    opened = penstock.open(path)["varying/raw"]
    tracemalloc.start()
    try:
        for read in (lambda: opened[3], opened.shapes, opened.numpy_all):
            with pytest.raises(ChunkFormatError) as caught:
                read()
            assert caught.value.chunk == str(file.relative_to(path))
            assert isinstance(caught.value, ValueError)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_a_run_over_billions_of_samples_takes_no_memory(lake_copy: Lakes) -> None:
    """A table may say that one row is valid for 2**32 samples; the index knows how many there are."""
    path = lake_copy("many_chunks")
    file = chunk_file(path, "varying/raw", 3)
    file.write_bytes(with_header((1, 3), _values(1, 2, 2**32 - 1), 1, _values(8, 0, 2**32 - 1), bytes(8)))
    opened = penstock.open(path)["varying/raw"]
    tracemalloc.start()
    try:
        assert opened.shapes()[3].tolist() == [1, 2]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_too_few_samples_in_a_chunk(lake_copy: Lakes) -> None:
    path = lake_copy("scalars")
    for tensor in ("raw", "lz4_sample"):
        opened = penstock.open(path)[tensor]
        index = opened.chunks.last_index[0]
        file = chunk_file(path, tensor, 0)
        file.write_bytes(with_header((1, 2), _values(1, 3), 1, _values(8, 0, 3), bytes(32)))
        with pytest.raises(
            ChunkFormatError, match=f"holds 4 samples, the index expects at least {index + 1}"
        ):
            penstock.open(path)[tensor][int(index)]


def test_a_shape_that_the_bytes_cannot_have(lake_copy: Lakes) -> None:
    path = lake_copy("many_chunks")
    file = chunk_file(path, "varying/raw", 3)
    file.write_bytes(with_header((1, 3), _values(2**31, 2**31, 0), 1, _values(8, 0, 0), bytes(8)))
    with pytest.raises(DecodeError, match="has 8 bytes, its shape"):
        penstock.open(path)["varying/raw"][3]


def test_another_number_of_axes(lake_copy: Lakes) -> None:
    path = lake_copy("many_chunks")
    file = chunk_file(path, "varying/raw", 3)
    file.write_bytes(with_header((1, 4), _values(1, 2, 1, 0), 1, _values(8, 0, 0), bytes(8)))
    with pytest.raises(ChunkFormatError, match="3 axes, the tensor's have 2"):
        penstock.open(path)["varying/raw"].shapes()


def test_shapes_read_headers_only(lake_copy: Lakes) -> None:
    """Every byte after the headers may be gone for shapes(): only sizes are asked for."""
    path = lake_copy("jpeg_images")
    tensor = penstock.open(path)["images"]
    expected = tensor.shapes()
    for row in range(len(tensor.chunks)):
        file = path / tensor.chunks.key(row)
        whole = file.read_bytes()
        offset = parse_chunk_header(whole).data_offset
        file.write_bytes(whole[:offset] + bytes(len(whole) - offset))
    assert np.array_equal(penstock.open(path)["images"].shapes(), expected)


def test_headers_larger_than_the_first_read(lake_copy: Lakes) -> None:
    """Two thousand samples of different sizes: the header has far more than one block."""
    path = lake_copy("many_chunks")
    opened = penstock.open(path)["varying/raw"]
    assert opened.chunks.locate(3)[1] == 0
    shapes = [value for local in range(2000) for value in (local % 3, 2, local)]
    positions, begin = [], 0
    for local in range(2000):
        positions += [local % 3 * 8, begin, local]
        begin += local % 3 * 8
    file = chunk_file(path, "varying/raw", 3)
    file.write_bytes(with_header((2000, 3), _values(*shapes), 2000, _values(*positions), bytes(begin)))
    assert file.stat().st_size > 10 * 4096
    assert penstock.open(path)["varying/raw"].shapes()[3].tolist() == [0, 2]


def test_header_without_tables() -> None:
    header = parse_chunk_header(with_header((0, 2), b"", 0, b""))
    assert isinstance(header, ChunkHeader)
    assert header.num_samples == 0
    assert header.shape(0) is None
    assert header.extent(0) is None
    with pytest.raises(ChunkFormatError):
        header_bytes_needed(b"", 0)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"\x01", "too few"),
        (b"\x10\x00\x00\x00", "too few"),
        (b"\xff\xff\xff\x7f" + bytes(10), "cannot hold"),
        (b"\x10\x00\x00\x00\xf0\xff", "damaged"),
        (b"\x04\x22\x4d\x18" + bytes(20), "damaged"),
    ],
)
def test_damaged_lz4(data: bytes, cause: str) -> None:
    pytest.importorskip("lz4")
    with pytest.raises(ChunkFormatError, match=f"lz4: .*{cause}"):
        decompress_lz4(data)


def test_lz4_in_all_forms() -> None:
    block, frame = pytest.importorskip("lz4.block"), pytest.importorskip("lz4.frame")
    content = bytes(range(256)) * 40
    assert decompress_lz4(block.compress(content)) == content
    assert decompress_lz4(frame.compress(content)) == content
    assert decompress_lz4(block.compress(b"")) == b""
    assert decompress_lz4(b"") == b""

"""Run-length encoders and chunk headers, against a plain list and against deeplake's own writers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dataset.lake3.chunk_index import ChunkIndex
from penstock.dataset.lake3.encoders import parse_chunk_ids, parse_sequences, parse_tiles
from penstock.format.chunk import header_bytes_needed, parse_chunk_header

VERSIONS = st.sampled_from(["3.9.52", "3.0.0", "2.7.6", "2.8", "10.0.1"])


@st.composite
def samples(draw: st.DrawFn) -> list[tuple[tuple[int, ...], int]]:
    """(shape, bytes) of the samples of a chunk, in runs."""
    ndim = draw(st.integers(1, 4))
    extents = st.tuples(*[st.integers(0, 2**32 - 1)] * ndim)
    runs = draw(st.lists(st.tuples(extents, st.integers(0, 5000), st.integers(1, 4)), max_size=12))
    return [(shape, size) for shape, size, repeats in runs for _ in range(repeats)]


@given(samples=samples(), version=VERSIONS, data=st.binary(max_size=64))
def test_chunk_headers_as_deeplake_writes_them(
    deeplake: Any, core_parts: Any, samples: list[tuple[tuple[int, ...], int]], version: str, data: bytes
) -> None:
    from deeplake.core.meta.encode.byte_positions import BytePositionsEncoder
    from deeplake.core.meta.encode.shape import ShapeEncoder
    from deeplake.core.serialize import serialize_chunk

    shapes, positions = ShapeEncoder(), BytePositionsEncoder()
    for shape, size in samples:
        shapes.register_samples(shape, 1)
        positions.register_samples(size, 1)
    chunk = bytes(serialize_chunk(version, shapes.array, positions.array, [data]))

    header = parse_chunk_header(chunk)
    assert header.version == version
    assert header.num_samples == len(samples)
    assert chunk[header.data_offset :] == data
    begin = 0
    for index, (shape, size) in enumerate(samples):
        assert header.shape(index) == shape
        assert header.extent(index) == (begin, begin + size)
        begin += size
    assert header.shape(len(samples)) is None
    assert header.extent(len(samples)) is None
    assert core_parts.parse_chunk_header(chunk) == {
        "version": version,
        "shapes": [list(shape) for shape, _ in samples],
        "extents": [header.extent(index) for index in range(len(samples))],
        "data_offset": header.data_offset,
    }
    ndim = len(samples[0][0]) if samples else 1
    for count in {0, len(samples) // 2, len(samples)}:
        expected = np.array([shape for shape, _ in samples[:count]], dtype=np.int64).reshape(count, ndim)
        assert np.array_equal(header.all_shapes(count, ndim), expected)


@given(samples=samples())
def test_headers_are_found_in_pieces(deeplake: Any, samples: list[tuple[tuple[int, ...], int]]) -> None:
    from deeplake.core.meta.encode.byte_positions import BytePositionsEncoder
    from deeplake.core.meta.encode.shape import ShapeEncoder
    from deeplake.core.serialize import serialize_chunk

    shapes, positions = ShapeEncoder(), BytePositionsEncoder()
    for shape, size in samples:
        shapes.register_samples(shape, 1)
        positions.register_samples(size, 1)
    chunk = bytes(serialize_chunk("3.9.52", shapes.array, positions.array, [b"data"]))
    have, rounds = 0, 0
    while (needed := header_bytes_needed(chunk[:have], len(chunk))) > have:
        have, rounds = needed, rounds + 1
    assert have == len(chunk) - len(b"data")
    assert rounds <= 4
    assert parse_chunk_header(chunk[:have], len(chunk)).num_samples == len(samples)


@given(
    counts=st.lists(st.integers(1, 50), max_size=20),
    ids=st.lists(st.integers(0, 2**64 - 1), min_size=20, max_size=20, unique=True),
    version=st.sampled_from(["2.0.5", "2.7.5", "2.7.6", "3.9.52"]),
    wide=st.booleans(),
)
def test_chunk_ids_as_deeplake_writes_them(
    deeplake: Any, counts: list[int], ids: list[int], version: str, wide: bool
) -> None:
    from deeplake.core.serialize import serialize_chunkids

    dtype = np.uint64 if wide and version >= "2.7.6" else np.uint32
    ids = [chunk & np.iinfo(dtype).max for chunk in ids[: len(counts)]]
    rows = np.array([ids, np.cumsum(counts, dtype=np.int64) - 1], dtype=dtype).T
    parsed, last = parse_chunk_ids(bytes(serialize_chunkids(version, rows)))
    assert parsed.dtype == np.uint64
    assert last.dtype == np.int64

    index = ChunkIndex(parsed, last, ["a/chunks"], np.zeros(len(parsed), dtype=np.uint32))
    expanded = [(row, local) for row, count in enumerate(counts) for local in range(count)]
    assert index.num_samples == len(expanded)
    for sample, place in enumerate(expanded):
        assert index.locate(sample) == place
        assert index.key(place[0]) == f"a/chunks/{ids[place[0]]:x}"
    for outside in (-1, len(expanded)):
        with pytest.raises(IndexError):
            index.locate(outside)


@given(
    entries=st.dictionaries(
        st.integers(0, 2**40), st.tuples(*[st.tuples(*[st.integers(1, 2**32 - 1)] * 3)] * 2), max_size=6
    )
)
def test_tiles_as_deeplake_writes_them(deeplake: Any, entries: dict[int, Any]) -> None:
    from deeplake.core.meta.encode.tile import TileEncoder

    encoder = TileEncoder(entries)
    parsed = parse_tiles(bytes(encoder.tobytes()))
    assert {index: (tiling.sample_shape, tiling.tile_shape) for index, tiling in parsed.items()} == entries
    for index, tiling in parsed.items():
        assert tiling.grid == encoder.get_tile_layout_shape(index)


@given(lengths=st.lists(st.integers(0, 9), max_size=9), popped=st.lists(st.integers(0, 8), max_size=3))
def test_sequences_as_deeplake_writes_them(deeplake: Any, lengths: list[int], popped: list[int]) -> None:
    from deeplake.core.meta.encode.sequence import SequenceEncoder

    encoder = SequenceEncoder()
    for length in lengths:
        encoder.register_samples(length, 1)
    for sequence in popped:
        if sequence < encoder.num_samples:
            encoder.pop(sequence)
            del lengths[sequence]
    index = parse_sequences(bytes(encoder.tobytes()), sum(lengths))
    assert len(index) == len(lengths)
    for sequence, length in enumerate(lengths):
        items = index.items(sequence)
        assert len(items) == length
        assert not length or (items.start, items.stop) == encoder[sequence]

"""Every prefix and every changed byte of small chunks of each kind, through both readers.

The core's own sweeps, under the address sanitizer, are tests/cpp/sweep_test.cpp. Here real chunks are read by the
reference reader, and the core has to find the same samples bad.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import PenstockError
from penstock.format import parse_chunk_header
from support.damage import chunk_file
from support.images import jpeg, picture, png
from support.lake import encoded, new_lake
from support.nightly import thinned

PLAIN = {"create_shape_tensor": False, "create_id_tensor": False, "create_sample_info_tensor": False}
RAGGED = [np.arange(count * 2, dtype="i2").reshape(count, 2) for count in (2, 0, 1)]
EQUAL = [np.full((2, 2), number, dtype="i2") for number in range(3)]
LZ4_SAMPLES, LZ4_CHUNK = {"sample_compression": "lz4"}, {"chunk_compression": "lz4"}
IMAGES = ("jpeg", "png")

KINDS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "ragged": ({"dtype": "int16"}, RAGGED),
    "equal": ({"dtype": "int16"}, EQUAL),
    "ragged_lz4": ({"dtype": "int16", **LZ4_SAMPLES}, RAGGED),
    "equal_lz4_chunk": ({"dtype": "int16", **LZ4_CHUNK}, EQUAL),
    "text": ({"htype": "text"}, ["some", "", "text"]),
    "text_lz4_chunk": ({"htype": "text", **LZ4_CHUNK}, ["some", "", "text"]),
    "json": ({"htype": "json"}, [{"a": [1, 2]}, 7, None]),
    "list": ({"htype": "list", **LZ4_SAMPLES}, [[1, "a"], [], ["b"]]),
    "polygon": ({"htype": "polygon"}, [[np.ones((2, 2), "f4")], [], [np.zeros((3, 2), "f4")]]),
    "raw_image": ({"htype": "image", "sample_compression": None}, [picture(2, 3, 3), picture(3, 2, 3)]),
    "jpeg": ({"htype": "image", "sample_compression": "jpeg"}, []),
    "png": ({"htype": "image", "sample_compression": "png"}, []),
}


@pytest.fixture(scope="module")
def lake(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweeps") / "lake"
    images = {
        "jpeg": [encoded(jpeg(picture(4, 5 + n, 0, seed=n), quality=20), "jpeg") for n in range(1)],
        "png": [encoded(png(picture(4, 5 + n, 3, seed=n)), "png") for n in range(2)],
    }
    with new_lake(path) as lake:
        for name, (kind, samples) in KINDS.items():
            lake.create_tensor(name, **kind, **PLAIN)
            lake[name].extend(images.get(name, samples))
    return path


@pytest.fixture(params=KINDS)
def chunk(request: pytest.FixtureRequest, lake: Path) -> Any:
    """(tensor's name, its chunk's file); the file is as before afterwards."""
    file = chunk_file(lake, request.param, 0)
    before = file.read_bytes()
    yield request.param, file
    file.write_bytes(before)


def read(path: Path, name: str) -> list[Any]:
    """The samples as plain values, the PenstockError where there is one. Whatever else is raised fails the test."""
    tensor = penstock.open(path)[name]
    outcomes: list[Any] = []
    for index in range(len(tensor)):
        try:
            value = tensor[index]
            plain = [part.tolist() for part in value] if isinstance(value, list) else (value.shape, value.tolist())
            outcomes.append(plain)
        except PenstockError as error:
            assert (error.tensor, error.index) == (name, index)
            outcomes.append(error)
    return outcomes


def bad(path: Path, name: str, loader_type: str) -> set[int]:
    """The samples that verify finds bad."""
    report = penstock.verify(path, tensors=[name], loader_type=loader_type, num_threads=1)
    return {
        index
        for found in report.findings
        if found.index is not None and found.last_index is not None
        for index in range(found.index, found.last_index + 1)
    }


def test_every_prefix(chunk: tuple[str, Path], lake: Path, native: Any) -> None:
    name, file = chunk
    whole = file.read_bytes()
    expected = read(lake, name)
    assert not any(isinstance(value, PenstockError) for value in expected)
    for size in thinned(range(len(whole)), 3):
        file.write_bytes(whole[:size])
        outcomes = read(lake, name)
        failed = {index for index, value in enumerate(outcomes) if isinstance(value, PenstockError)}
        assert failed, f"the first {size} bytes pass for all {len(whole)}"
        assert all(outcomes[index] == expected[index] for index in set(range(len(expected))) - failed)
        assert bad(lake, name, "c++") == failed


def test_every_changed_byte(chunk: tuple[str, Path], lake: Path, native: Any) -> None:
    name, file = chunk
    whole = file.read_bytes()
    expected = read(lake, name)
    data = parse_chunk_header(whole).data_offset
    # All of the header, and a part of what follows it.
    for position in (*range(data), *thinned(range(data, len(whole)), 3)):
        for mask in (0xFF,) if name in IMAGES else (0x01, 0xFF):
            changed = bytearray(whole)
            changed[position] ^= mask
            file.write_bytes(changed)
            outcomes = read(lake, name)
            failed = {index for index, value in enumerate(outcomes) if isinstance(value, PenstockError)}
            if position >= data:
                for index, value in enumerate(outcomes):
                    if index not in failed and isinstance(value, tuple):
                        assert value[0] == expected[index][0]
            # Two libraries need not agree on which damage of an image they can live with.
            if name not in IMAGES:
                assert bad(lake, name, "c++") == failed, f"byte {position} ^ {mask:#x}"

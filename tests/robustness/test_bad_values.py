"""Damaged text, JSON and polygons: an error that names the place, with either loader type, after the sound batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import DecodeError, UnsupportedError
from penstock.format import ValueFormat, decode_value
from support.damage import chunk_file, replace_sample
from support.lake import new_lake

Copy = Callable[[str], Path]

DAMAGE = {
    "text": (3, lambda old: b"\xff" + old[1:], "not UTF-8: invalid start byte at byte 0"),
    "json": (1, lambda old: b"{" * len(old), "the JSON is broken: JSONDecodeError"),
    "list": (2, lambda old: b"7" * len(old), "the JSON is not a list but int"),
    "tag": (2, lambda old: b"\xc3" + old[1:], "not UTF-8: invalid continuation byte at byte 0"),
    "polygon": (3, lambda old: old[:2] + b"\x05\x00" + old[4:], "48 bytes are not 5 points"),
}


@pytest.fixture
def path(deeplake: Any, tmp_path: Path) -> Path:
    """Five samples of each kind, none of them equal."""
    with new_lake(tmp_path / "lake") as lake:
        for htype in DAMAGE:
            lake.create_tensor(htype, htype=htype)
        lake.text.extend([f"text {number}" for number in range(5)])
        lake.json.extend([{"number": number} for number in range(5)])
        lake["list"].extend([[f"a{number}", "b"] for number in range(5)])
        lake.tag.extend([f"tag {number}" for number in range(5)])
        lake.polygon.extend([[np.full((3 + number, 2), number, "f4")] for number in range(5)])
    return tmp_path / "lake"


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_values_name_the_place(name: str, loader_type: str, path: Path, native: Any) -> None:
    bad, edit, cause = DAMAGE[name]
    replace_sample(path, name, bad, edit)
    chunk = chunk_file(path, name, bad).relative_to(path).as_posix()
    place = (name, bad, chunk, str(path))
    with penstock.DataLoader(path, 1, tensors=[name], loader_type=loader_type, return_index=True) as loader:
        sound = []
        with pytest.raises(DecodeError, match=cause) as caught:
            for batch in loader:
                sound.append(batch["index"].item())
    assert sound == list(range(bad))
    error = caught.value
    assert (error.tensor, error.index, error.chunk, error.path) == place
    with pytest.raises(DecodeError, match=cause) as caught:
        penstock.open(path)[name][bad]
    assert str(caught.value) == str(error)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_the_first_bad_sample_is_named_whichever_its_tensor(loader_type: str, path: Path, native: Any) -> None:
    for name in ("text", "list"):
        replace_sample(path, name, DAMAGE[name][0], DAMAGE[name][1])
    with (
        penstock.DataLoader(path, 5, tensors=["text", "list"], loader_type=loader_type) as loader,
        pytest.raises(DecodeError) as caught,
    ):
        list(loader)
    assert (caught.value.tensor, caught.value.index) == ("list", 2)


POLYGON = ValueFormat("polygon", np.dtype("f4"), (2, 2))
GOOD = b"\x02\x00" + b"\x01\x00\x02\x00" + np.arange(6, dtype="f4").tobytes()


def test_polygons_of_every_other_length_are_refused() -> None:
    assert [part.tolist() for part in decode_value(GOOD, POLYGON)] == [[[0, 1]], [[2, 3], [4, 5]]]
    assert decode_value(b"", POLYGON) == []
    for size in range(1, len(GOOD)):
        with pytest.raises(DecodeError):
            decode_value(GOOD[:size], POLYGON)
    for more in (b"\0", b"\0" * 12):
        with pytest.raises(DecodeError, match="are not 3 points"):
            decode_value(GOOD + more, POLYGON)
    for empty in (b"\0\0", b"\1\0\0\0"):
        with pytest.raises(DecodeError, match="no points"):
            decode_value(empty, POLYGON)


@pytest.mark.parametrize(
    "array",
    [
        {"data": "AAAA", "dtype": "<i8", "shape": [1]},
        {"data": "AAAA", "dtype": "|O", "shape": [1]},
        {"data": "AAAA", "dtype": "(1,", "shape": [3]},
        {"data": "AAAA", "dtype": "no such", "shape": [3]},
        {"data": "AAAA", "dtype": "u1", "shape": [4]},
        {"data": "AAAA", "dtype": "u1", "shape": [2**70]},
        {"data": 3, "dtype": "u1", "shape": [3]},
        {"dtype": "u1", "shape": [3]},
    ],
)
def test_arrays_in_json_that_make_no_sense(array: dict[str, Any]) -> None:
    data = json.dumps({"_hub_custom_type": "ndarray", **array}).encode()
    with pytest.raises(DecodeError, match="the JSON is broken"):
        decode_value(data, ValueFormat("json", None, (1, 1)))


def test_json_too_deep_or_long_to_read() -> None:
    for data in (b"[" * 100_000, b"9" * 100_000, b""):
        with pytest.raises(DecodeError, match="the JSON is broken"):
            decode_value(data, ValueFormat("json", None, (1, 1)))


def test_files_in_json_are_refused_by_name() -> None:
    data = json.dumps([{"_hub_custom_type": "Sample", "data": "", "compression": "jpeg"}]).encode()
    with pytest.raises(UnsupportedError, match="Deep Lake Sample"):
        decode_value(data, ValueFormat("list", None, (1, 1)))

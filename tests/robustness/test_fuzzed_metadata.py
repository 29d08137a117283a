"""Mutations of real metadata files (JSON, encoders, lists of chunks) end in PenstockErrors, and in nothing else."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

import penstock
from penstock.errors import PenstockError
from support.examples import examples
from support.lake import new_lake
from support.nightly import thinned

Lakes = Callable[[str], Path]

SETTINGS = examples(1000, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
NUMBERS = [0, 1, 2, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
ODD_VALUES: list[Any] = [
    *(None, True, -1, 0, 1, 1.5, 2**31, 2**40, 2**63, 2**70, 10**30, float("nan"), float("inf")),
    *("", "x", "../../x", "/etc/passwd", "a\0b", "\ud800", "int32", "object", "O"),
    *("(1,", ">i4", "M8[ns]", "S3", "jpeg", "text"),
    *([], [1], [-1], ["a"], [[]], [2**31, 2**31], [2**40], {}, {"a": 1}, {"_hub_custom_type": "ndarray"}),
]


def attempt(action: Callable[[], Any]) -> None:
    """Errors of ours are what damage has to end in; any other goes on to fail the test."""
    try:
        action()
    except PenstockError as error:
        assert str(error)


def exercise(path: Path) -> None:
    """Asks for all that metadata decides, and for some samples."""
    try:
        opened = penstock.open(path)
    except PenstockError as error:
        assert error.path == str(path)
        return
    for read in (lambda: len(opened), lambda: opened.info, opened.fingerprint, lambda: repr(opened)):
        attempt(read)
    attempt(lambda: opened.hidden_tensors)
    for tensor in opened.tensors.values():
        for look in (tensor.unsupported, tensor.shapes, tensor.chunk_rows, lambda t=tensor: (t.info, t.class_names)):
            attempt(look)
        attempt(lambda t=tensor: (t[0], t[-1], t.shape(0), t.bytes(0)) if len(t) else None)


def metadata_files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file() and file.parent.name != "chunks")


@st.composite
def mutated_bytes(draw: st.DrawFn, files: list[bytes], data: bytes) -> bytes:
    """Bit flips, a cut, a field with a lying number, or a piece of another file."""
    result = bytearray(data)
    position = draw(st.integers(0, max(len(data) - 1, 0)))
    how = draw(st.sampled_from(["flips", "cut", "number", "splice", "insert"]))
    if how == "flips" and data:
        for place, mask in draw(
            st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(1, 255)), min_size=1, max_size=4)
        ):
            result[place] ^= mask
    elif how == "cut":
        del result[position:]
    elif how == "number":
        code = draw(st.sampled_from(["<B", "<I", "<Q"]))
        value = draw(st.sampled_from(NUMBERS)) & (256 ** struct.calcsize(code) - 1)
        result[position : position + struct.calcsize(code)] = struct.pack(code, value)
    else:
        other = draw(st.sampled_from(files))
        begin = draw(st.integers(0, len(other)))
        piece = other[begin : begin + draw(st.integers(0, 64))]
        result[position : position + (len(piece) if how == "splice" else 0)] = piece
    return bytes(result)


def places_in(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to all values within a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, item in inner for found in places_in(item, (*place, key)))]


def replaced(values: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A copy with one value exchanged."""
    if not place:
        return new
    result = copy.deepcopy(values)
    parent = result
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = new
    return result


def check_with(path: Path, file: Path, content: bytes) -> None:
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        exercise(path)
    finally:
        file.write_bytes(before)


@pytest.fixture
def small(deeplake: Any, tmp_path: Path) -> Path:
    """Three tensors in two commits and an uncommitted state, without hidden tensors: quick to ask for everything."""
    plain = {"create_shape_tensor": False, "create_id_tensor": False, "create_sample_info_tensor": False}
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTWH"}, **plain)
        lake.boxes.extend([np.ones((count, 4), "f4") for count in (1, 0, 3)])
        lake.create_tensor("labels", htype="class_label", class_names=["a", "b"], **plain)
        lake.labels.extend([np.array([1], "u4")] * 3)
        lake.create_tensor("text", htype="text", **plain)
        lake.text.extend(["a", "", "bc"])
        lake.commit("first")
        lake.text[1] = "longer"
        lake.commit("second")
        lake.boxes.append(np.zeros((2, 4), "f4"))
    return tmp_path / "lake"


def test_changed_bytes(small: Path) -> None:
    files = metadata_files(small)
    contents = [file.read_bytes() for file in files]

    @SETTINGS
    @given(st.data())
    def run(data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(files) - 1))
        check_with(small, files[number], data.draw(mutated_bytes(contents, contents[number])))

    run()


@pytest.mark.parametrize("name", ["tensor_meta.json", "dataset_meta.json", "version_control_info.json", "info.json"])
def test_every_json_value_may_be_anything(name: str, small: Path) -> None:
    head = penstock.open(small).commit_id
    files = [
        file
        for file in metadata_files(small)
        if file.name.endswith(name) and (file.parent == small or head in file.parts)
    ]
    assert files
    for file in files:
        values = json.loads(file.read_bytes())
        for number, place in enumerate(places_in(values)):
            for odd in thinned(ODD_VALUES, 3, number):
                check_with(small, file, json.dumps(replaced(values, place, odd)).encode())


def test_two_files_that_agree_on_a_lie(lake_copy: Lakes) -> None:
    """Length and index say the same, for every number that might overflow something."""
    path = lake_copy("scalars")
    meta, index = path / "raw" / "tensor_meta.json", path / "raw" / "chunks_index" / "unsharded"
    values, rows = json.loads(meta.read_text()), index.read_bytes()
    for length in (*NUMBERS[1:], 10**30):
        meta.write_text(json.dumps({**values, "length": length}))
        index.write_bytes(rows[:-8] + struct.pack("<Q", (length - 1) & (2**64 - 1)))
        if length < 2**32:
            # As many as a chunk could hold: the shapes of all of them would take memory for each.
            attempt(lambda: penstock.open(path)["raw"][-1])
        else:
            exercise(path)

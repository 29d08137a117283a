"""Opening: what is a dataset, what is refused, and that nothing is touched."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import penstock
from penstock.errors import (
    DatasetFormatError,
    DatasetNotFoundError,
    MissingExtraError,
    PenstockError,
    StorageError,
    TensorNotFoundError,
    UnsupportedError,
)
from penstock.format.decode import decoding_by_pillow
from support.damage import snapshot
from support.require import PROJECT_ROOT

Lakes = Callable[[str], Path]


def test_paths_of_all_kinds_open_the_same_dataset(lake: Lakes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lake("renamed")
    monkeypatch.chdir(path.parent)
    datasets = [penstock.open(kind) for kind in (path, str(path), path.as_uri(), path.name)]
    assert {dataset.path for dataset in datasets} == {str(path)}
    assert len({dataset.fingerprint() for dataset in datasets}) == 1
    assert penstock.open(datasets[0]) is datasets[0]


def test_urls_of_files(lake_copy: Lakes) -> None:
    copy = lake_copy("scalars")
    path = copy.rename(copy.parent / "50% #1? ünd")
    for url in (path.as_uri(), f"FILE://{path.as_uri()[7:]}", f"file://localhost{path.as_uri()[7:]}"):
        assert penstock.open(url).path == str(path), url
    # Marks that a URL would have in another form.
    assert penstock.open(f"file://{str(path).replace('%', '%25')}").path == str(path)
    with pytest.raises(DatasetNotFoundError, match=r"on the host 'data'.*three slashes"):
        penstock.open("file://data/set")


def test_names_that_begin_with_a_tilde(lake_copy: Lakes, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = lake_copy("scalars")
    path = copy.rename(copy.parent / "~nobody-of-this-name")
    monkeypatch.chdir(path.parent)
    assert penstock.open(path.name).path == str(path)
    monkeypatch.setenv("HOME", str(path))
    assert penstock.open("~").path == str(path)


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_cannot_be_a_path(path: str) -> None:
    with pytest.raises(DatasetNotFoundError):
        penstock.open(path)


def test_a_dataset_in_memory_is_passed_as_an_object() -> None:
    with pytest.raises(UnsupportedError, match="mem://") as caught:
        penstock.open("mem://x")
    assert caught.value.path == "mem://x" and "pass the object" in str(caught.value)


def test_an_address_that_nothing_reads() -> None:
    # Whether fsspec is installed or not.
    with pytest.raises((UnsupportedError, MissingExtraError), match="nonsense://"):
        penstock.open("nonsense://x/y")


def test_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="no such directory") as caught:
        penstock.open(tmp_path / "nowhere")
    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.path == str(tmp_path / "nowhere")


def test_a_directory_that_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetNotFoundError, match="holds no Deep Lake dataset"):
        penstock.open(tmp_path)


def test_a_file_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("{}")
    with pytest.raises(DatasetNotFoundError, match="this is a file"):
        penstock.open(tmp_path / "file")


def test_deep_lake_4_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As deeplake 4.7.4 lays a dataset out.
    log = tmp_path / "_deeplake_log" / "_meta"
    log.mkdir(parents=True)
    (log / "0000000001c00000000.jsonl").write_text("{}\n")
    monkeypatch.setitem(sys.modules, "deeplake", None)
    with pytest.raises(penstock.errors.MissingExtraError, match=r"Deep Lake 4.*penstock\[deeplake4\]"):
        penstock.open(tmp_path)
    monkeypatch.setitem(sys.modules, "deeplake", types.SimpleNamespace(__version__="3.9.52"))
    with pytest.raises(UnsupportedError, match=r"Deep Lake 4.*is 3\.9\.52.*penstock\[deeplake4\]"):
        penstock.open(tmp_path)


def test_creds_are_ignored_with_a_note(lake: Lakes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="penstock"):
        assert len(penstock.open(lake("scalars"), creds={"token": "secret"})) == 100
    assert "ignored" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("path", [None, 3, b"bytes", ["a"]])
def test_other_types_are_refused(path: object) -> None:
    with pytest.raises(TypeError, match="path must be"):
        penstock.open(path)  # type: ignore[arg-type]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(lake_copy: Lakes) -> None:
    path = lake_copy("scalars")
    path.chmod(0)
    try:
        with pytest.raises(StorageError):
            penstock.open(path)
    finally:
        path.chmod(0o755)


def test_unknown_tensors_name_the_nearest(lake: Lakes) -> None:
    dataset = penstock.open(lake("annotations"))
    with pytest.raises(TensorNotFoundError, match=r"'lables'.*'labels'") as caught:
        dataset["lables"]
    assert isinstance(caught.value, KeyError)
    with pytest.raises(TensorNotFoundError, match=r"Known are: .*'labels'"):
        dataset["quite another thing"]
    assert "labels" in dataset


@pytest.mark.parametrize("index", [slice(2), [0, 1], 1.0, "0"])
def test_samples_are_numbered(index: object, lake: Lakes) -> None:
    with pytest.raises(TypeError, match=f"'labels'.* not {type(index).__name__}: .*DataLoader"):
        penstock.open(lake("annotations"))["labels"][index]  # type: ignore[index]


def test_hidden_tensors_are_read_when_they_are_asked_for(lake_copy: Lakes) -> None:
    path = lake_copy("annotations")
    (path / "_labels_shape" / "tensor_meta.json").write_text("")
    dataset = penstock.open(path)
    assert "_labels_shape" in dataset
    assert len(dataset["labels"].numpy_all()) == 7
    with pytest.raises(DatasetFormatError, match="is empty"):
        dataset["_labels_shape"]
    assert "lables" not in dataset


def test_reading_changes_nothing(lake_copy: Lakes) -> None:
    path = lake_copy("committed")
    before = snapshot(path)
    _read_everything(path)
    assert snapshot(path) == before


def test_a_directory_without_write_permission(lake_copy: Lakes) -> None:
    path = lake_copy("committed")
    directories = [path, *(entry for entry in path.rglob("*") if entry.is_dir())]
    for directory in directories:
        directory.chmod(0o555)
    try:
        _read_everything(path)
    finally:
        for directory in directories:
            directory.chmod(0o755)


def test_datasets_and_tensors_pickle(lake: Lakes) -> None:
    dataset = penstock.open(lake("committed"))
    expected = dataset["images"][4]
    copy = pickle.loads(pickle.dumps(dataset))
    assert len(pickle.dumps(dataset)) < 1000
    assert copy.fingerprint() == dataset.fingerprint()
    tensor = pickle.loads(pickle.dumps(dataset["images"]))
    assert np.array_equal(tensor[4], expected)
    hidden = next(iter(dataset.hidden_tensors.values()))
    assert pickle.loads(pickle.dumps(hidden)).name == hidden.name


def test_fingerprints_tell_datasets_apart(lake: Lakes, lake_copy: Lakes) -> None:
    names = ["committed", "scalars", "unsupported"]
    prints = {penstock.open(lake(name)).fingerprint() for name in names}
    assert len(prints) == len(names)
    assert penstock.open(lake_copy("committed")).fingerprint() in prints
    assert all(len(digits) == 16 and int(digits, 16) >= 0 for digits in prints)


def test_opening_imports_neither_deeplake_nor_the_extras(lake: Lakes) -> None:
    program = (
        "import sys, penstock.dataset as d\n"
        f"tensor = d.open_dataset({str(lake('scalars'))!r})['raw']\n"
        "assert tensor[3][0] == 27 and tensor.shapes().shape == (100, 1)\n"
        "heavy = {'deeplake', 'PIL', 'lz4', 'cv2', 'mmcv', 'mmdet', 'pycocotools', 'matplotlib'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT / "python")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def test_a_missing_extra_is_named(lake: Lakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    monkeypatch.setitem(sys.modules, "lz4.block", None)
    dataset = penstock.open(lake("jpeg_images"))
    if penstock.HAVE_NATIVE:
        assert dataset["images"][0].shape == dataset["images"].shape(0)  # the core decodes it
    with decoding_by_pillow(), pytest.raises(penstock.errors.MissingExtraError, match=r"penstock\[python\]") as caught:
        dataset["images"][0]
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, PenstockError)
    assert caught.value.tensor == "images"
    with pytest.raises(penstock.errors.MissingExtraError, match="lz4"):
        penstock.open(lake("scalars"))["lz4_chunk"][0]


def _read_everything(path: Path) -> None:
    dataset = penstock.open(path)
    assert dataset.fingerprint()
    for tensor in dataset.tensors.values():
        assert len(tensor.numpy_all()) == len(tensor.shapes()) == len(tensor)
        assert tensor[0].dtype == tensor.dtype

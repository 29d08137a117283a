"""Where ingest writes: nothing that somebody else has put there is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import DatasetFormatError, StorageError
from penstock.ingest import ingest_coco
from penstock.ingest.target import new_dataset_directory


def make(path: Path, text: str) -> None:
    path.mkdir()
    (path / "dataset_meta.json").write_text(text)


def text_of(path: Path) -> str:
    return (path / "dataset_meta.json").read_text()


def test_a_folder_of_the_users_beside_it_stays(shapes: Any, tmp_path: Path) -> None:
    letter = tmp_path / "out.partial" / "letter.txt"
    letter.parent.mkdir()
    letter.write_text("dear")
    ingest_coco(shapes.annotations, shapes.images, tmp_path / "out", limit=2)
    assert letter.read_text() == "dear"
    assert len(penstock.open(tmp_path / "out")) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.partial", "shapes"]


@pytest.mark.parametrize("there", ["nothing", "empty", "dataset"])
def test_of_two_at_once_one_wins(there: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if there == "empty":
        out.mkdir()
    elif there == "dataset":
        make(out, "old")
    with pytest.raises(StorageError, match="meanwhile"), new_dataset_directory(out, overwrite=True) as first:
        with new_dataset_directory(out, overwrite=True) as second:
            make(second, "second")
        make(first, "first")
    assert text_of(out) == "second"
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_directory_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(StorageError), new_dataset_directory(out, overwrite=False) as path:
        make(path, "new")
        out.mkdir()
    assert list(tmp_path.iterdir()) == [out] and not list(out.iterdir())


def test_an_interrupt_leaves_all_as_it_was(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with pytest.raises(KeyboardInterrupt), new_dataset_directory(tmp_path / "out", overwrite=True) as path:
        make(path, "new")
        raise KeyboardInterrupt
    assert text_of(tmp_path / "out") == "old"
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(KeyboardInterrupt), new_dataset_directory(tmp_path / "a" / "b", overwrite=False):
        raise KeyboardInterrupt
    assert len(list(tmp_path.iterdir())) == 1


def test_sigterm_removes_what_was_made(shapes: Any, tmp_path: Path) -> None:
    folder = tmp_path / "to"
    folder.mkdir()
    command = [sys.executable, "-m", "penstock", "ingest-coco", shapes.annotations, shapes.images, folder / "out"]
    # The largest masks take the longest.
    process = subprocess.Popen([*map(str, command), "--masks", "binary_mask"], stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not list(folder.glob(".out.*")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode in (143, 0)
    assert [path.name for path in folder.iterdir()] == (["out"] if process.returncode == 0 else [])


def test_an_end_between_any_two_steps_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Path.mkdir

    def make_and_end(path: Path, *arguments: Any, **options: Any) -> None:
        make(path, *arguments, **options)
        if path.suffix == ".partial":
            raise SystemExit(143)

    monkeypatch.setattr(Path, "mkdir", make_and_end)
    with pytest.raises(SystemExit), new_dataset_directory(tmp_path / "to" / "out", overwrite=False):
        pytest.fail("it has ended before")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_deeplake_name_the_image(shapes: Any, tmp_path: Path) -> None:
    file = shapes.images / shapes.content["images"][3]["file_name"]
    file.write_bytes(file.read_bytes()[:12])
    with pytest.raises(DatasetFormatError, match=file.name):
        ingest_coco(shapes.annotations, shapes.images, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]


def test_annotations_to_ignore_are_noted(shapes: Any, tmp_path: Path) -> None:
    shapes.change(lambda content: content["annotations"][1].update(ignore=1))
    ingest_coco(shapes.annotations, shapes.images, tmp_path / "out")
    dataset = penstock.open(tmp_path / "out")
    flags = [bool(flag) for index in range(len(dataset)) for flag in dataset["ignores"][index]]
    assert sum(flags) == 1

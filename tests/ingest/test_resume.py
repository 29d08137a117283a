"""Interrupted and begun again: the same dataset, wherever it was interrupted, and nothing beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import StorageError
from penstock.ingest import ingest_folder, ingest_yolo
from penstock.ingest.target import new_dataset_directory
from support.image_folders import classes_folder, image_file, write_file, yolo_folder
from support.lake import open_lake


class Interrupt(BaseException):
    """As Ctrl-C is one."""


def stops_after(count: int) -> Any:
    def progress(items: Iterable[Any], total: int, unit: str) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number == count:
                raise Interrupt
            yield item

    return progress


def assert_same(out: Path, wanted: Path) -> None:
    """All samples of all tensors, as deeplake reads them, hidden tensors' too where they can be compared."""
    with open_lake(out) as lake, open_lake(wanted) as oracle:
        assert list(lake.tensors) == list(oracle.tensors)
        assert len(lake) == len(oracle)
        for name in oracle.tensors:
            assert dict(lake[name].info) == dict(oracle[name].info)
            assert lake[name].meta.max_shape == oracle[name].meta.max_shape
            assert lake[name].meta.min_shape == oracle[name].meta.min_shape
            for index in range(len(oracle)):
                if name == "images":
                    assert lake[name][index].tobytes() == oracle[name][index].tobytes()
                    assert lake[name][index].sample_info == oracle[name][index].sample_info
                elif name == "masks":
                    for one, other in zip(lake[name][index].numpy(), oracle[name][index].numpy(), strict=True):
                        np.testing.assert_array_equal(one, other)
                else:
                    np.testing.assert_array_equal(lake[name][index].numpy(), oracle[name][index].numpy())
    assert penstock.verify(out).ok


@pytest.mark.parametrize("count", [0, 1, 4, 9, 19])
def test_an_interrupted_run_goes_on(count: int, tmp_path: Path) -> None:
    data = yolo_folder(tmp_path / "set", 20, polygons=True)
    ingest_yolo(data, tmp_path / "wanted", max_chunk_size=20_000)
    options: dict[str, Any] = {"resume": True, "checkpoint_bytes": 4_000, "max_chunk_size": 20_000}
    with pytest.raises(Interrupt):
        ingest_yolo(data, tmp_path / "out", progress=stops_after(count), **options)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.resume").exists()
    summary = ingest_yolo(data, tmp_path / "out", **options)
    assert 0 <= summary["resumed_after"] <= count
    assert (summary["resumed_after"] > 0) == (count >= 4)
    assert summary["images"] == 20
    assert_same(tmp_path / "out", tmp_path / "wanted")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "set", "wanted"]


def test_it_may_be_interrupted_again_and_again(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 9, "b": 8})
    broken = sorted((root / "a").iterdir())[2]
    broken.write_bytes(broken.read_bytes()[:900])
    ingest_folder(root, tmp_path / "wanted", skip_bad=True)
    options: dict[str, Any] = {"resume": True, "checkpoint_bytes": 1, "skip_bad": True}
    done = []
    for _ in range(5):
        with pytest.raises(Interrupt):
            ingest_folder(root, tmp_path / "out", progress=stops_after(3), **options)
    summary = ingest_folder(root, tmp_path / "out", **options)
    done.append(summary["resumed_after"])
    # A checkpoint follows each image that is stored: the bad one alone was looked at twice.
    assert done == [14]
    assert (summary["images"], summary["classes"], len(summary["odd"])) == (16, {"a": 8, "b": 8}, 1)
    assert_same(tmp_path / "out", tmp_path / "wanted")


@pytest.mark.parametrize("changed", ["files", "labels", "options", "images"])
def test_other_work_is_not_gone_on_with(changed: str, tmp_path: Path) -> None:
    data = yolo_folder(tmp_path / "set", 5)
    options: dict[str, Any] = {"resume": True, "checkpoint_bytes": 3_000}
    with pytest.raises(Interrupt):
        ingest_yolo(data, tmp_path / "out", progress=stops_after(4), **options)
    assert (tmp_path / ".out.resume" / "checkpoint.json").exists()
    if changed == "files":
        write_file(data.parent / "images" / "train" / "a.jpg", image_file(1))
    elif changed == "labels":
        write_file(next((data.parent / "labels" / "train").iterdir()), "0 0.5 0.5 0.25 0.25")
    elif changed == "images":
        file = sorted((data.parent / "images" / "train").iterdir())[1]
        file.write_bytes(image_file(40))
    else:
        options["exif"] = "keep"
    assert ingest_yolo(data, tmp_path / "out", **options)["resumed_after"] == 0
    ingest_yolo(data, tmp_path / "wanted")
    assert_same(tmp_path / "out", tmp_path / "wanted")


def test_work_that_was_tampered_with_is_begun_anew(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 12})
    options: dict[str, Any] = {"resume": True, "checkpoint_bytes": 9_000, "max_chunk_size": 8000, "overwrite": True}
    for damage in ("settled", "saved", "notes"):
        with pytest.raises(Interrupt):
            ingest_folder(root, tmp_path / "out", progress=stops_after(9), **options)
        work = tmp_path / ".out.resume"
        if damage == "settled":
            first = min((work / "dataset" / "images" / "chunks").iterdir(), key=lambda file: file.stat().st_mtime_ns)
            first.write_bytes(first.read_bytes()[:-1])
        elif damage == "saved":
            next(work.glob("saved-*/dataset_meta.json")).unlink()
        else:
            (work / "checkpoint.json").write_text("{")
        assert ingest_folder(root, tmp_path / "out", **options)["resumed_after"] == 0
        assert penstock.verify(tmp_path / "out").ok
        assert not work.exists()


def test_what_is_half_written_after_a_checkpoint_goes(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 12})
    ingest_folder(root, tmp_path / "wanted")
    options: dict[str, Any] = {"resume": True, "checkpoint_bytes": 1}
    with pytest.raises(Interrupt):
        ingest_folder(root, tmp_path / "out", progress=stops_after(6), **options)
    dataset = tmp_path / ".out.resume" / "dataset"
    for file in [*dataset.rglob("*.json"), *(dataset / "images" / "chunks").iterdir()]:
        if file.name != "dataset_meta.json":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    write_file(dataset / "images" / "chunks" / "0123456789abcdef", b"half a chunk")
    assert ingest_folder(root, tmp_path / "out", **options)["resumed_after"] == 6
    assert_same(tmp_path / "out", tmp_path / "wanted")


def test_two_at_once_do_not_share_the_work(tmp_path: Path) -> None:
    with new_dataset_directory(tmp_path / "out", overwrite=False, keep=True) as path:
        path.mkdir()
        with (
            pytest.raises(StorageError, match="another process is at work"),
            new_dataset_directory(tmp_path / "out", overwrite=False, keep=True),
        ):
            pass
    assert (tmp_path / "out").exists()


def test_without_resume_nothing_stays(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 5})
    with pytest.raises(Interrupt):
        ingest_folder(root, tmp_path / "out", progress=stops_after(3))
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_long_names(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 2})
    # 255 bytes are the most that a name has.
    out = tmp_path / ("数" * 85)
    for resume in (False, True):
        assert ingest_folder(root, out, overwrite=True, resume=resume)["images"] == 2


KILLED = """
import sys, time
from penstock.ingest import ingest_folder

def slowly(items, total, unit):
    for number, item in enumerate(items):
        print(number, flush=True)
        time.sleep(0.02)
        yield item

summary = ingest_folder(sys.argv[1], sys.argv[2], resume=True, checkpoint_bytes=20_000, progress=slowly)
print("resumed", summary["resumed_after"])
"""


def test_a_killed_process_is_gone_on_with(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 25, "b": 15})
    ingest_folder(root, tmp_path / "wanted")
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(root), str(tmp_path / "out")]
    for least in (15, 12):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if int(line) >= least:
                    break
            # Somewhere in the middle of the next images.
            time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert not (tmp_path / "out").exists()
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert int(result.stdout.rsplit(maxsplit=1)[-1]) >= 12
    assert_same(tmp_path / "out", tmp_path / "wanted")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "set", "wanted"]

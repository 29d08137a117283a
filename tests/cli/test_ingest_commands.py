"""The commands ingest-yolo, ingest-voc and ingest-folder; their functions are tested in tests/ingest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import penstock
from support.image_folders import classes_folder, coco_file, image_file, write_file, yolo_folder
from support.require import require

Command = Callable[..., Any]


def test_yolo(tmp_path: Path, penstock_command: Command) -> None:
    require("deeplake")
    yolo_folder(tmp_path / "set", polygons=True)
    arguments = ("ingest-yolo", tmp_path / "set", tmp_path / "out", "--split", "train", "--masks", "binary_mask")
    result = penstock_command(*arguments)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith(f"{tmp_path / 'out'}: 7 images, ")
    assert result.out.endswith("annotations, 2 images without any\n")
    assert penstock.open(tmp_path / "out")["masks"].htype == "binary_mask"


def test_voc(tmp_path: Path, penstock_command: Command) -> None:
    require("deeplake")
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    objects = "".join(f"<object><name>{name}</name>{box}</object>" for name in ("cat", "emu"))
    write_file(tmp_path / "VOC" / "Annotations" / "1.xml", f"<annotation>{objects}</annotation>")
    write_file(tmp_path / "VOC" / "JPEGImages" / "1.jpg", image_file(0))
    result = penstock_command("ingest-voc", tmp_path / "VOC", tmp_path / "out", "--classes", "cat", "dog")
    assert (result.status, result.err) == (0, "")
    assert "1 images, 1 annotations, of which 0 are difficult" in result.out
    assert "1 objects of other classes were left out" in result.out


def test_odd_files_are_named_in_the_summary(tmp_path: Path, penstock_command: Command) -> None:
    require("deeplake")
    root = classes_folder(tmp_path / "set", {"a": 3, "b": 1})
    write_file(root / "a" / "no\x1b[31m.jpg", b"nothing")
    for number in range(25):
        write_file(root / "b" / f"{number}.txt", "x")
    result = penstock_command("ingest-folder", root, tmp_path / "out")
    assert (result.status, result.out) == (1, "")
    assert "is neither a JPEG nor a PNG file" in result.err
    result = penstock_command("ingest-folder", root, tmp_path / "out", "--skip-bad")
    assert (result.status, result.err) == (0, "")
    assert "4 images in 2 classes\n" in result.out
    assert "left out: no image: 1\n" in result.out and "\\x1b[31m" in result.out and "\x1b" not in result.out
    assert "no image by its name: 25\n" in result.out and "  and 5 more, which --json names" in result.out
    summary = penstock_command("ingest-folder", root, tmp_path / "other", "--skip-bad", "--json").json
    assert len(summary["odd"]) == 26


def test_convert(tmp_path: Path, penstock_command: Command) -> None:
    require("deeplake")
    files = coco_file(tmp_path, ["jpeg", "png"])
    result = penstock_command("ingest-coco", *files, tmp_path / "out", "--convert", "jpeg", "--quality", "80")
    assert (result.status, result.err) == (0, "")
    assert "converted to JPEG: 1\n" in result.out


def test_a_terminated_command_is_gone_on_with(tmp_path: Path) -> None:
    require("deeplake")
    root = classes_folder(tmp_path / "set", {"a": 300})
    command = [sys.executable, "-m", "penstock", "ingest-folder", str(root), str(tmp_path / "out"), "--resume"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob(".out.resume/dataset/images")) and time.monotonic() < until:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
    if process.returncode != 0:
        assert process.returncode == 143
        assert sorted(entry.name for entry in tmp_path.iterdir()) == [".out.resume", "set"]
        subprocess.run(command, capture_output=True, timeout=120, check=True)
    assert len(penstock.open(tmp_path / "out")) == 300
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "set"]

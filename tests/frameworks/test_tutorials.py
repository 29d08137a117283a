"""The tutorials' scripts that need Lightning."""

from __future__ import annotations

import re
from pathlib import Path

from support.require import require
from support.tutorials import run_tutorial, unpack_datasets


def test_lightning(tmp_path: Path) -> None:
    require("native")
    require("lightning")
    data = unpack_datasets(tmp_path / "data")
    arguments = ["--train", data / "train", "--val", data / "val", "--epochs", 12, "--out", tmp_path / "out"]
    (found,) = re.findall(r"^accuracy ([\d.]+)$", run_tutorial("classification_lightning", *arguments), re.MULTILINE)
    # One of three classes would be right by chance.
    assert float(found) > 0.5
    assert list((tmp_path / "out" / "checkpoints").iterdir())

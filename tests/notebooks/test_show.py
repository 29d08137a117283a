"""penstock.show: in a notebook, in a script, in a file."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import penstock
from penstock.errors import ConfigError, MissingExtraError
from support.images import picture
from support.lake import new_lake

pytest.importorskip("matplotlib")


def colours(image: Any) -> int:
    return len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0))


def test_in_a_notebook_it_is_displayed(seen: Path, notebook: list[Any]) -> None:
    penstock.show(penstock.open(seen), 3)
    (shown,) = notebook
    with Image.open(io.BytesIO(shown)) as image:
        assert image.size == (1200, 430)
        assert colours(image) > 1000


def test_as_many_as_asked_for(seen: Path, tmp_path: Path) -> None:
    sizes = {}
    for count in (1, 3, 4, 100):
        penstock.show(seen, count, cell=100, out=tmp_path / "x.png")
        with Image.open(tmp_path / "x.png") as image:
            sizes[count] = image.size
    assert sizes == {1: (100, 130), 3: (300, 130), 4: (300, 260), 100: (300, 390)}


def test_indices_choose(seen: Path, tmp_path: Path) -> None:
    penstock.show(seen, indices=[2, -1], out=tmp_path / "a.png")
    penstock.show(seen, indices=[2, 7], out=tmp_path / "b.png")
    penstock.show(seen, indices=[2, 6], out=tmp_path / "c.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "c.png").read_bytes()
    with pytest.raises(IndexError, match="sample 8 is out of range"):
        penstock.show(seen, indices=[8])


def test_masks_are_drawn(deeplake: Any, tmp_path: Path) -> None:
    for htype in ("polygon", "binary_mask"):
        with new_lake(tmp_path / htype) as lake:
            lake.create_tensor("images", htype="image", sample_compression="png")
            lake.create_tensor("masks", htype=htype, **({} if htype == "polygon" else {"sample_compression": "lz4"}))
            lake.images.append(np.full((100, 100, 3), 200, np.uint8))
            stack = np.zeros((100, 100, 1), bool)
            stack[20:60, 30:80] = True
            outline = np.array([[30, 20], [79, 20], [79, 59], [30, 59]], np.float32)
            lake.masks.append([outline] if htype == "polygon" else stack)
        shown = {}
        for masks in (True, False):
            penstock.show(tmp_path / htype, 1, masks=masks, cell=100, out=tmp_path / "x.png")
            with Image.open(tmp_path / "x.png") as image:
                shown[masks] = np.asarray(image.convert("RGB")).astype(int)
        changed = np.any(shown[True] != shown[False], axis=-1)
        gray = np.all(np.abs(shown[False] - 200) < 8, axis=-1).sum()
        # A fifth of the image, as far as its edges can be told.
        assert 0.15 < changed.sum() / gray < 0.25


def test_without_a_window_a_file_is_asked_for(seen: Path) -> None:
    code = "import penstock, sys\npenstock.show(sys.argv[1])"
    command = [sys.executable, "-W", "ignore", "-c", code, str(seen)]
    environment = {"MPLBACKEND": "agg", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert "ConfigError: there is no window to show samples in" in result.stderr
    assert "out='x.png'" in result.stderr


def test_a_script_shows_a_window(seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib
    from matplotlib import pyplot

    shown: list[int] = []
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "TkAgg")
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(len(pyplot.gcf().axes)))
    penstock.show(seen, 2)
    pyplot.close("all")
    assert shown == [2]


def test_images_that_have_a_class(deeplake: Any, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("images", htype="image", sample_compression="png")
        lake.create_tensor("labels", htype="class_label", class_names=["$a_b$ \x1b", "b"])
        lake.images.append(picture(30, 50, 3))
        lake.labels.append(np.array([0], np.uint32))
    # A name is no formula.
    penstock.show(tmp_path / "lake", out=tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_what_cannot_be_shown(seen: Path, deeplake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="count must be at least 1"):
        penstock.show(seen, 0)
    with pytest.raises(ConfigError, match="there is no sample to show"):
        penstock.show(seen, indices=[])
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("numbers")
        lake.numbers.append([1])
    with pytest.raises(ConfigError, match="there is no tensor of images"):
        penstock.show(tmp_path / "lake")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'penstock\[cli\]'"):
        penstock.show(seen)

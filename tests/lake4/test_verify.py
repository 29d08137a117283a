"""penstock.verify of Deep Lake 4 datasets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.cli import main
from support.images import jpeg, picture, png
from support.lake4_datasets import MAKERS, write

Lake = Callable[[str], Path]

both = pytest.mark.parametrize("loader_type", ["c++", "python"])

GOOD = jpeg(picture(21, 34, 3))
#: By row: what is wrong, and whether the file's head tells.
BAD = {3: (b"no image at all", True), 70: (GOOD[:-120], False), 71: (png(picture(21, 34, 3)), True)}


@pytest.fixture(scope="module")
def damaged(deeplake4: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred rows; three of their images are none."""
    path = tmp_path_factory.mktemp("damaged") / "lake"
    rows = [{"images": BAD[n][0] if n in BAD else GOOD, "text": f"row {n}"} for n in range(100)]
    types = deeplake4.types
    write(path, {"images": types.Image(sample_compression="jpeg"), "text": types.Text()}, rows)
    return path


@both
@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", MAKERS)
def test_sound_datasets_pass(name: str, fast: bool, loader_type: str, lake4: Lake, native: Any) -> None:
    seen: list[tuple[int, int]] = []
    report = penstock.verify(
        lake4(name), fast=fast, loader_type=loader_type, progress=lambda done, total: seen.append((done, total))
    )
    opened = penstock.open(lake4(name))
    assert report.ok, [str(finding) for finding in report.findings]
    assert report.samples == len(opened) * (len(opened.tensors) - len(report.skipped))
    assert seen[-1] == (report.samples, report.samples)
    assert (report.path, report.commit) == (str(lake4(name)), opened.commit_id)


@both
@pytest.mark.parametrize("fast", [False, True])
def test_every_bad_image_is_found(fast: bool, loader_type: str, damaged: Path, native: Any) -> None:
    report = penstock.verify(damaged, fast=fast, loader_type=loader_type, num_threads=3)
    expected = [index for index, (_, in_head) in BAD.items() if in_head or not fast]
    assert [(finding.tensor, finding.index, finding.kind) for finding in report.findings] == [
        ("images", index, "DecodeError") for index in expected
    ]
    assert (report.samples, report.bad_samples) == (200, len(expected))
    assert not penstock.verify(damaged, tensors=["text"], loader_type=loader_type).findings


def test_the_command(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(damaged), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [finding["index"] for finding in report["findings"]] == list(BAD)


def test_of_a_query_its_rows_are_checked(damaged: Path, deeplake4: Any, native: Any) -> None:
    view = deeplake4.open_read_only(str(damaged)).query("SELECT * LIMIT 10")
    report = penstock.verify(view)
    assert (report.samples, [finding.index for finding in report.findings]) == (20, [3])

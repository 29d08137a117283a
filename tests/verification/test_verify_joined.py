"""Datasets that are joined: every part is looked at."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.dataset.joined import JoinedDataset

Lakes = Callable[[str], Path]


def joined(*paths: Path) -> JoinedDataset:
    parts = [penstock.open(path) for path in paths]
    lengths = [len(part) for part in parts]
    part_of = np.repeat(np.arange(len(parts)), lengths)
    index_of = np.concatenate([np.arange(length) for length in lengths])
    return JoinedDataset(parts, {"jpegs": ["jpegs"] * len(parts)}, part_of, index_of)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("fast", [False, True])
def test_every_part_is_checked(lake_copy: Lakes, tmp_path: Path, loader_type: str, fast: bool, native: Any) -> None:
    sound = lake_copy("equal_images")
    bad = tmp_path / "bad"
    shutil.copytree(sound, bad)
    report = penstock.verify(joined(sound, bad), loader_type=loader_type, fast=fast)
    assert report.ok
    assert report.samples == 2 * len(penstock.open(sound)["jpegs"])
    chunks = sorted((bad / "jpegs" / "chunks").iterdir())
    for chunk in chunks:
        chunk.write_bytes(b"")
    seen: list[tuple[int, int]] = []
    report = penstock.verify(
        joined(sound, bad), loader_type=loader_type, fast=fast, progress=lambda *done: seen.append(done)
    )
    assert not report.ok
    assert {finding.path for finding in report.findings} == {str(bad)}
    assert report.bad_samples == len(penstock.open(sound)["jpegs"])
    assert str(bad) in str(report.findings[0])
    assert seen[-1] == (report.samples, report.samples)
    # A part that is joined with itself is checked once; its findings are those of the part alone.
    alone = penstock.verify(bad, tensors=["jpegs"], loader_type=loader_type, fast=fast)
    assert [finding.cause for finding in report.findings] == [finding.cause for finding in alone.findings]


def test_joined_parts_that_are_joined_themselves(lake_copy: Lakes, native: Any) -> None:
    path = lake_copy("equal_images")
    inner = joined(path)
    outer = JoinedDataset([inner], {"jpegs": ["jpegs"]}, np.zeros(3, np.int64), np.arange(3))
    assert penstock.verify(outer).samples == len(penstock.open(path)["jpegs"])


def test_what_nobody_can_check_is_not_called_sound(lake_copy: Lakes, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.verification import run

    # Another kind of dataset, which lacks what checking asks of it.
    class Other:
        path = "somewhere"
        tensors: dict[str, Any] = {}  # noqa: RUF012

    monkeypatch.setattr(run, "open_dataset", lambda *_: Other())
    with pytest.raises(AttributeError):
        penstock.verify("somewhere")
    # A joined tensor has no samples that it could call sound.
    with pytest.raises(NotImplementedError):
        joined(lake_copy("equal_images"))["jpegs"].blocks()

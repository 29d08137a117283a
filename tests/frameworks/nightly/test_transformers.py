"""Hugging Face's Trainer, alone and on two ranks: each index once, made by the core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.clients import Batches, Run, by_index, check_core, check_each_once, check_epochs_differ
from support.ranks import run_on_ranks
from support.require import require
from support.transformers_runs import of_its_dataset, prepared


@pytest.fixture(scope="module", autouse=True)
def transformers() -> Any:
    return require("transformers")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_our_loader_alone(num_workers: int, path: Path, own: list[Batches], tmp_path: Path) -> None:
    run = prepared(path, tmp_path, num_workers=num_workers)
    assert run.epochs == own
    check_core(run)
    assert run.stats["samples"] == (0 if num_workers else 200)


def test_its_own_loader_alone(path: Path, tmp_path: Path) -> None:
    run = of_its_dataset(path, tmp_path)
    for epoch in run.epochs:
        check_each_once([epoch])
    check_epochs_differ(*run.epochs)
    check_core(run)
    assert run.stats["samples"] == 200


def test_our_loader_on_two_ranks(path: Path, own: list[Batches], tmp_path: Path) -> None:
    runs: list[Run] = run_on_ranks(2, prepared, path, tmp_path)
    for number, epoch in enumerate(zip(*(run.epochs for run in runs), strict=True)):
        # The last batches are filled up to whole ones of each rank.
        check_each_once(epoch, 100, 12)
        assert by_index([batch for batches in epoch for batch in batches]) == by_index(own[number])
    for run in runs:
        check_epochs_differ(*run.epochs)
        check_core(run)


def test_its_own_loader_on_two_ranks(path: Path, tmp_path: Path) -> None:
    runs: list[Run] = run_on_ranks(2, of_its_dataset, path, tmp_path)
    for epoch in zip(*(run.epochs for run in runs), strict=True):
        check_each_once(epoch, 100, 12)
    for run in runs:
        check_core(run)

"""Accelerate's prepared loaders: each index once over all ranks, made by the core, new random numbers in each epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.accelerate_runs import CASES, gathered_on_rank, prepared, prepared_on_rank, skipped, skipped_on_rank
from support.clients import BATCH, Batches, Run, check_core, check_each_once, check_epochs_differ, own_epochs
from support.ranks import run_on_ranks
from support.require import require


@pytest.fixture(scope="module")
def accelerate() -> Any:
    return require("accelerate")


@pytest.fixture(scope="module")
def on_two_ranks(accelerate: Any, path: Path) -> Callable[[str], list[Run]]:
    """Gives the two ranks' runs of a case; all cases run in one pair of processes."""
    ranks = run_on_ranks(2, prepared_on_rank, path, list(CASES))

    def get(case: str) -> list[Run]:
        runs = [rank[case] for rank in ranks]
        for run in runs:
            assert isinstance(run, Run), run
        return runs

    return get


def own_batches(path: Path, case: str) -> list[Batches]:
    """What the same loader gives alone, where nothing has prepared it."""
    arguments = {key: value for key, value in CASES[case][1].items() if key != "by_hand"}
    return own_epochs(path, **arguments)


@pytest.mark.parametrize("case", list(CASES))
def test_alone(case: str, accelerate: Any, path: Path) -> None:
    run = prepared(path, case)
    assert run.epochs == own_batches(path, case)
    _, arguments = CASES[case]
    if not arguments.get("drop_last"):
        for epoch in run.epochs:
            check_each_once([epoch], arguments.get("samples", 100))
    if arguments.get("shuffle", True):
        check_epochs_differ(*run.epochs)
    if arguments.get("loader_type") != "python":
        check_core(run)
        if not arguments.get("num_workers"):
            # Batches are read ahead, but never beyond the two epochs.
            assert run.stats["samples"] == sum(len(batch) for epoch in run.epochs for batch in epoch)


def shared_out(own: Batches, fill: bool) -> tuple[Batches, Batches]:
    """Batches by turns. ``fill``: the last is filled up from the epoch's start, and one is added where one rank has
    fewer."""
    batches = [list(batch) for batch in own]
    if fill:
        begin = batches[0] + batches[1]
        missing = BATCH - len(batches[-1])
        batches[-1] += begin[:missing]
        if len(batches) % 2:
            batches.append(begin[missing : missing + BATCH])
    return batches[0::2], batches[1::2]


def halves(own: Batches) -> tuple[Batches, Batches]:
    """Batches cut in two; the second half of one that is too short is filled up from the epoch's start."""
    half = BATCH // 2
    batches = [(batch + own[0])[:BATCH] for batch in own]
    return [batch[:half] for batch in batches], [batch[half:] for batch in batches]


def dispatched(own: Batches, at_once: int) -> tuple[Batches, Batches]:
    """What rank 0 has loaded, so many batches at once, cut in two."""
    rounds = [
        [sample for batch in own[place : place + at_once] for sample in batch] for place in range(0, len(own), at_once)
    ]
    return [batch[: len(batch) // 2] for batch in rounds], [batch[len(batch) // 2 :] for batch in rounds]


#: Case -> what the two ranks get of an epoch that one process would have, and how many samples come again.
ON_TWO_RANKS: dict[str, tuple[Callable[[Batches], tuple[Batches, Batches]], int]] = {
    **dict.fromkeys(CASES, (lambda own: shared_out(own, fill=True), 12)),
    "odd": (lambda own: shared_out(own, fill=True), 11),
    "uneven": (lambda own: shared_out(own, fill=False), 0),
    "drop_last": (lambda own: shared_out(own, fill=False), 0),
    "split_batches": (halves, 4),
    "dispatch_batches": (lambda own: dispatched(own, 2), 0),
    "dispatch_and_split": (lambda own: dispatched(own, 1), 0),
}


@pytest.mark.parametrize("case", list(CASES))
def test_on_two_ranks(case: str, on_two_ranks: Callable[[str], list[Run]], path: Path) -> None:
    runs = on_two_ranks(case)
    share, padding = ON_TWO_RANKS[case]
    _, arguments = CASES[case]
    samples = arguments.get("samples", 100)
    for epoch in zip(*(run.epochs for run in runs), strict=True):
        if case == "drop_last":
            check_all_distinct(epoch, samples // BATCH * BATCH)
        else:
            check_each_once(epoch, samples, padding)
    for number, own in enumerate(own_batches(path, case)):
        assert tuple(run.epochs[number] for run in runs) == share(own)
    for run in runs:
        if arguments.get("shuffle", True):
            check_epochs_differ(*run.epochs)
        if arguments.get("loader_type") != "python":
            check_core(run)


def check_all_distinct(epoch: Sequence[Batches], samples: int) -> None:
    indices = [sample[0] for batches in epoch for batch in batches for sample in batch]
    assert len(indices) == len(set(indices)) == samples


def test_the_first_batches_are_skipped(accelerate: Any, path: Path, own: list[Batches]) -> None:
    assert skipped(path, 5).epochs == [own[0][5:], own[1]]


def test_the_first_batches_are_skipped_on_two_ranks(accelerate: Any, path: Path, own: list[Batches]) -> None:
    shares = [shared_out(batches, fill=True) for batches in own]
    for rank, run in enumerate(run_on_ranks(2, skipped_on_rank, path)):
        assert run.epochs == [shares[0][rank][3:], shares[1][rank]]


def test_a_metric_gets_each_sample_once(accelerate: Any, path: Path) -> None:
    for hundred, odd in run_on_ranks(2, gathered_on_rank, path):
        assert sorted(hundred) == list(range(100))
        assert sorted(odd) == list(range(101))

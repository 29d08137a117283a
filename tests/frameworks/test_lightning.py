"""Lightning's Trainer and Fabric with their defaults, alone and on two ranks: each index once, made by the core, with
new random numbers in each epoch; resumed runs go on exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clients import Batches, Run, check_core, check_each_once, check_epochs_differ, make, own_epochs
from support.ranks import run_on_ranks
from support.require import require

FIT = ["fit", "fit_odd", "fit_workers", "fit_persistent_workers", "fit_without_its_sampler", "fit_chunk", "fit_python"]
ONCE = ["validate", "test", "predict", "predict_odd", "predict_python"]


@pytest.fixture(scope="module")
def runs() -> Any:
    """``support.lightning_runs``, which imports Lightning."""
    require("lightning")
    from support import lightning_runs

    return lightning_runs


@pytest.fixture(scope="module")
def on_two_ranks(
    runs: Any, path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], list[Run]]:
    """Gives the two ranks' runs of a case; all cases run in one pair of processes."""
    ranks = run_on_ranks(2, _on_rank, path, tmp_path_factory.mktemp("ranks"), seconds=240)

    def get(case: str) -> list[Run]:
        for rank in ranks:
            assert isinstance(rank[case], Run), rank[case]
        return [rank[case] for rank in ranks]

    return get


def _on_rank(path: Path, folder: Path) -> Any:
    from support import lightning_runs

    return lightning_runs.on_rank(path, folder)


def arguments_of(runs: Any, case: str) -> dict[str, Any]:
    arguments: dict[str, Any] = runs.CASES[case][2]
    return arguments


@pytest.mark.parametrize("case", FIT)
def test_fit(case: str, runs: Any, path: Path, tmp_path: Path) -> None:
    arguments = arguments_of(runs, case)
    run = runs.trainer_run(path, tmp_path, case)
    assert run.epochs == own_epochs(path, **arguments)
    for epoch in run.epochs:
        check_each_once([epoch], arguments.get("samples", 100))
    check_epochs_differ(*run.epochs)
    if case not in ("fit_python", "fit_workers", "fit_persistent_workers"):
        check_core(run)
    if case != "fit_python":
        assert run.stats["samples"] >= 200


@pytest.mark.parametrize("case", ONCE)
def test_validate_test_predict(case: str, runs: Any, path: Path, tmp_path: Path) -> None:
    arguments = arguments_of(runs, case)
    run = runs.trainer_run(path, tmp_path, case)
    assert run.epochs == own_epochs(path, 1, **arguments)
    check_each_once(run.epochs, arguments.get("samples", 100))
    if case != "predict_python":
        check_core(run)


def test_overfit_batches_gives_the_same_batches_in_order(runs: Any, path: Path, tmp_path: Path) -> None:
    run = runs.trainer_run(path, tmp_path, "overfit_batches")
    indices = [[[sample[0] for sample in batch] for batch in epoch] for epoch in run.epochs]
    assert indices == [[list(range(first, first + 8)) for first in (0, 8, 16)]] * 2
    check_core(run)


def test_limit_train_batches(runs: Any, path: Path, own: list[Batches], tmp_path: Path) -> None:
    run = runs.trainer_run(path, tmp_path, "limit_train_batches")
    assert run.epochs == [epoch[:3] for epoch in own]


@pytest.mark.parametrize("action", ["fit", "validate", "test", "predict"])
def test_data_module(action: str, runs: Any, path: Path, own: list[Batches], tmp_path: Path) -> None:
    run = runs.data_module_run(path, tmp_path, action)
    assert run.epochs == (own if action == "fit" else own_epochs(path, 1, shuffle=False))
    check_core(run)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("steps", [0, 3, 12, 13, 16])
def test_resume(
    steps: int, loader_type: str, runs: Any, path: Path, own: list[Batches], tmp_path: Path
) -> None:
    """Within an epoch, in its last batch, at its end (by the checkpoint that Lightning makes there by default) and in
    the next one."""
    assert runs.resumed(path, tmp_path, steps, loader_type).epochs == own


def test_fabric(runs: Any, path: Path, own: list[Batches]) -> None:
    run = runs.fabric(path)
    assert run.epochs == own
    check_core(run)
    assert run.stats["samples"] == 200


def own_on_ranks(path: Path, epochs: int, **arguments: Any) -> list[list[Batches]]:
    """What loaders of two ranks give by themselves."""
    return [own_epochs(path, epochs, rank=rank, world_size=2, **arguments) for rank in range(2)]


@pytest.mark.parametrize("case", [*FIT, "data_module_fit", "fabric", "resumed_0", "resumed_3"])
def test_training_on_two_ranks(case: str, runs: Any, on_two_ranks: Callable[[str], list[Run]], path: Path) -> None:
    found = on_two_ranks(case)
    arguments = arguments_of(runs, case) if case in FIT else {}
    samples = arguments.get("samples", 100)
    for epoch in zip(*(run.epochs for run in found), strict=True):
        check_each_once(epoch, samples, samples % 2)
    for run, own in zip(found, own_on_ranks(path, 2, **arguments), strict=True):
        assert run.epochs == own
        check_epochs_differ(*run.epochs)
        if case in ("fit", "fit_odd", "fit_without_its_sampler", "data_module_fit", "fabric"):
            check_core(run)


@pytest.mark.parametrize("case", [*ONCE, "data_module_predict"])
def test_validating_on_two_ranks(case: str, runs: Any, on_two_ranks: Callable[[str], list[Run]], path: Path) -> None:
    """In order, rank r has the samples r, r + 2 and so on; an odd one out is filled up."""
    found = on_two_ranks(case)
    arguments = arguments_of(runs, case) if case in ONCE else {"shuffle": False}
    samples = arguments.get("samples", 100)
    check_each_once([run.epochs[0] for run in found], samples, samples % 2)
    for run, own in zip(found, own_on_ranks(path, 1, **arguments), strict=True):
        assert [[sample[0] for sample in batch] for batch in run.epochs[0]] == [
            [sample[0] for sample in batch] for batch in own[0]
        ]
        if case != "predict_python":
            check_core(run)


def test_overfit_batches_on_two_ranks(on_two_ranks: Callable[[str], list[Run]]) -> None:
    found = on_two_ranks("overfit_batches")
    for run in found:
        assert len(run.epochs) == 2 and {len(epoch) for epoch in run.epochs} == {3}
    together = [sample[0] for run in found for batch in run.epochs[0] for sample in batch]
    assert sorted(together) == list(range(48))


def test_the_loader_is_left_as_it_is(runs: Any, path: Path, tmp_path: Path) -> None:
    with make(path) as loader:
        trainer = runs.trainer(tmp_path, max_epochs=1)
        trainer.fit(runs.Model(), loader)
        assert trainer.train_dataloader is loader

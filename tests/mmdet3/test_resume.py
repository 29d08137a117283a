"""Runs that go on from a checkpoint, against those that were never interrupted."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import Run, own_config, pipelines, run, stock_config

FLIP = [{"type": "RandomFlip", "prob": 0.5}]


def config(pair: CocoPair, work_dir: Path, **changes: Any) -> Any:
    """Two epochs with chance in the pipeline and in the model, averages of weights, and a checkpoint every iteration.
    """
    cfg = own_config(pair, work_dir, train_cfg={"max_epochs": 2})
    cfg.custom_hooks = [{"type": "EMAHook", "ema_type": "ExpMomentumEMA", "momentum": 0.1, "update_buffers": True}]
    cfg.train_dataloader.dataset.pipeline = pipelines(steps=FLIP)[0]
    cfg.default_hooks.checkpoint = {"type": "CheckpointHook", "interval": 1, "by_epoch": False}
    cfg.merge_from_dict(copy.deepcopy(changes))
    return cfg


def gone_on(cfg: Any, checkpoint: Path) -> Run:
    cfg.resume, cfg.load_from = True, str(checkpoint)
    return run(cfg)


@pytest.fixture(scope="module")
def straight(awkward: CocoPair, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("straight")
    return run(config(awkward, folder)), folder


@pytest.mark.parametrize("done", ["within the first epoch", "at its end", "within the second"])
def test_within_an_epoch(done: str, straight: tuple[Run, Path], awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    whole, folder = straight
    each = len(whole.losses) // 2
    number = {"within the first epoch": 2, "at its end": each, "within the second": each + 1}[done]
    rest = gone_on(config(awkward, tmp_path), folder / f"iter_{number}.pth")
    assert rest.images == whole.images[number:]
    assert rest.losses == whole.losses[number:]
    assert rest.metrics == whole.metrics[0 if number <= each else 1 :]
    # What was trained on is not loaded again.
    assert rest.runner.train_dataloader.stats()["samples"] == sum(map(len, whole.images[number:]))


def test_after_an_epoch(straight: tuple[Run, Path], awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    whole, _ = straight
    checkpoints = {"default_hooks": {"checkpoint": {"by_epoch": True}}}
    run(config(awkward, tmp_path / "first", **checkpoints, train_cfg={"max_epochs": 2}))
    rest = gone_on(config(awkward, tmp_path / "rest", **checkpoints), tmp_path / "first" / "epoch_1.pth")
    each = len(whole.losses) // 2
    assert rest.losses == whole.losses[each:] and rest.metrics == whole.metrics[1:]


def test_by_iterations(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """Also where an order without end has gone through its first permutation, and with validation in between."""
    changes: Mapping[str, Any] = {
        "train_cfg": {"_delete_": True, "type": "IterBasedTrainLoop", "max_iters": 9, "val_interval": 4},
        "train_dataloader": {"sampler": {"type": "InfiniteSampler"}},
        "log_processor": {"by_epoch": False},
    }
    whole = run(config(awkward, tmp_path / "whole", **changes))
    for number in (2, 4, 7):
        checkpoint = tmp_path / "whole" / f"iter_{number}.pth"
        rest = gone_on(config(awkward, tmp_path / f"rest {number}", **changes), checkpoint)
        assert rest.images == whole.images[number:] and rest.losses == whole.losses[number:]
        assert rest.metrics == whole.metrics[number // 4 :]
        assert rest.runner.train_dataloader.stats()["samples"] <= sum(map(len, whole.images[number:])) + 9


def test_with_gradients_that_wait(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    changes = {"optim_wrapper": {"accumulative_counts": 3}, "train_cfg": {"max_epochs": 2}}
    whole = run(config(awkward, tmp_path / "whole", **changes))
    rest = gone_on(config(awkward, tmp_path / "rest", **changes), tmp_path / "whole" / "iter_2.pth")
    assert rest.losses == whole.losses[2:]


def test_stock_runners_read_its_checkpoints_and_it_theirs(
    awkward: CocoPair, native: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two: dict[str, Any] = {"train_cfg": {"max_epochs": 2}}
    own = run(own_config(awkward, tmp_path / "own", **two))
    stock = run(stock_config(awkward, tmp_path / "stock", **two))
    each = len(own.losses) // 2
    # Without this torch 2.6 refuses MMEngine's own checkpoints to its own runner.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    by_stock = gone_on(stock_config(awkward, tmp_path / "by stock", **two), tmp_path / "own" / "epoch_1.pth")
    monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    by_us = gone_on(own_config(awkward, tmp_path / "by us", **two), tmp_path / "stock" / "epoch_1.pth")
    assert own.losses == stock.losses
    assert by_us.images == by_stock.images == own.images[each:]
    assert by_us.losses == by_stock.losses


def test_another_dataset_begins_the_epoch_anew(
    straight: tuple[Run, Path], awkward: CocoPair, native: Any, tmp_path: Path
) -> None:
    _, folder = straight
    cfg = config(awkward, tmp_path)
    cfg.train_dataloader.dataset.indices = 8
    messages: list[str] = []
    cfg.resume, cfg.load_from = True, str(folder / "iter_2.pth")

    def listen(runner: Any) -> None:
        runner.logger.warning = lambda text, *values: messages.append(text % values)

    rest = run(cfg, prepare=listen)
    assert any("begins anew" in message and "images" in message for message in messages)
    assert len(rest.images[0]) == 3

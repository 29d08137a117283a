"""MMDetection's runners under penstock: no waiting, the loader's epochs, hooks, phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.require import require
from support.small_training import config, log_of, losses, seeded_detector

require("mmdet")

from mmcv.runner import RUNNERS, EpochBasedRunner, Hook, IterBasedRunner  # noqa: E402
from mmcv.runner.hooks import HOOKS  # noqa: E402

from support.recorder import Recorder  # noqa: E402


def train(pair: CocoPair, work_dir: Path, *hooks: Any, validate: bool = False, **changes: Any) -> Any:
    from penstock.integrations.mmdet import train_detector

    cfg = config(pair, work_dir, **{"custom_hooks": list(hooks), "deeplake_dataloader_type": "python", **changes})
    torch.manual_seed(3)
    train_detector(seeded_detector(cfg), cfg, timestamp="log", validate=validate)
    return cfg


class Keeper(Hook):  # type: ignore[misc]
    """Keeps the runner."""

    def before_run(self, runner: Any) -> None:
        self.runner = runner


RUNS = [
    ({"type": "EpochBasedRunner", "max_epochs": 3}, EpochBasedRunner),
    ({"type": "IterBasedRunner", "max_iters": 10}, IterBasedRunner),
]


@pytest.mark.parametrize(("runner", "stock"), RUNS, ids=["epochs", "iterations"])
def test_epochs_turn_without_waiting(
    awkward: CocoPair, runner: dict[str, Any], stock: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    keeper = Keeper()
    train(awkward, tmp_path, keeper, runner=runner)
    assert isinstance(keeper.runner, stock)
    # mmcv waits once for its loggers when all is done.
    assert sum(slept) <= 1
    assert (RUNNERS.get("EpochBasedRunner"), RUNNERS.get("IterBasedRunner")) == (EpochBasedRunner, IterBasedRunner)
    assert HOOKS.get("CheckpointHook").__module__.startswith("mmcv.")


def test_both_runners_train_the_same_epochs(awkward: CocoPair, tmp_path: Path) -> None:
    recorders = [Recorder(), Recorder()]
    for recorder, (runner, _) in zip(recorders, RUNS, strict=True):
        train(awkward, tmp_path / runner["type"], recorder, runner=runner, lr_config={"policy": "fixed"})
    epochs, iterations = recorders
    assert (len(epochs.losses), len(iterations.losses)) == (12, 10)
    for name in ("losses", "images", "weights"):
        assert getattr(epochs, name)[:10] == getattr(iterations, name)
    assert epochs.images[:4] != epochs.images[4:8]
    # mmcv's iteration-based runner learns of a new epoch after its first batch.
    assert [where[0] for where in iterations.where] == [0] * 5 + [1] * 4 + [2]


def test_a_runner_of_the_users_is_left_alone(awkward: CocoPair, tmp_path: Path) -> None:
    class Own(EpochBasedRunner):  # type: ignore[misc]
        """Something of the user's."""

    RUNNERS.register_module(module=Own)
    keeper, recorder = Keeper(), Recorder()
    try:
        train(awkward, tmp_path, keeper, recorder, runner={"type": "Own", "max_epochs": 1})
    finally:
        del RUNNERS.module_dict["Own"]
    assert type(keeper.runner) is Own
    assert len(recorder.losses) == 4


def test_validation_losses_are_logged(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    from penstock.integrations.mmdet import train_detector

    recorder = Recorder()
    workflow = [["train", 1], ["val", 1]]
    runner = {"type": "EpochBasedRunner", "max_epochs": 2}
    cfg = config(awkward, tmp_path, custom_hooks=[recorder], workflow=workflow, runner=runner)
    cfg.data.val.classes = ("cat", "dog", "emu", "fox")
    train_detector(seeded_detector(cfg), cfg, timestamp="log")
    lines = [line for line in log_of(cfg) if line["mode"] == "val" and "loss_val" in line]
    assert len(lines) == 2
    assert len(recorder.val_losses) == 8
    # Of equal batches, the log has the mean.
    assert lines[1]["loss_val"] == pytest.approx(sum(recorder.val_losses[4:]) / 4, rel=1e-4)
    assert recorder.losses != recorder.val_losses


def test_validation_losses_of_several_datasets(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    from penstock.integrations.mmdet import train_detector

    recorder = Recorder()
    cfg = config(awkward, tmp_path, custom_hooks=[recorder], workflow=[("train", 1), ("val", 1)])
    cfg.data.val = [cfg.data.val, cfg.data.val]
    train_detector(seeded_detector(cfg), cfg, timestamp="log")
    # Both come, in groups by aspect ratio that are filled up together.
    assert len(recorder.losses) < len(recorder.val_losses) <= 2 * len(recorder.losses)
    assert {"0_bbox_mAP", "1_bbox_mAP"} <= {key for line in log_of(cfg) for key in line}


@pytest.mark.parametrize("priority", ["VERY_HIGH", 45, "LOWEST"])
def test_hooks_come_by_their_priority(awkward: CocoPair, priority: Any, tmp_path: Path) -> None:
    keeper, other = Keeper(), {"type": "NumClassCheckHook", "priority": priority}
    train(awkward, tmp_path, other, keeper)
    names = [type(hook).__name__ for hook in keeper.runner.hooks]
    priorities = [hook.priority for hook in keeper.runner.hooks]
    assert priorities == sorted(priorities)
    checks = names.index("NumClassCheckHook") < names.index("ResumableCheckpointHook")
    assert checks == (priority != "LOWEST")
    assert names.index("ResumableCheckpointHook") < names.index("Keeper")


def test_hooks_that_are_objects_are_the_users(awkward: CocoPair, tmp_path: Path) -> None:
    from mmcv.runner.hooks import CosineAnnealingLrUpdaterHook

    rates, recorder = CosineAnnealingLrUpdaterHook(min_lr=0, by_epoch=False), Recorder()
    train(awkward, tmp_path, recorder, lr_config=rates)
    assert rates.base_lr == [0.0001]
    found = [rate for rate, _ in recorder.rates]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.0001 / 2


def test_weights_are_loaded_without_their_epoch(awkward: CocoPair, tmp_path: Path) -> None:
    first = Recorder()
    train(awkward, tmp_path / "first", first, runner={"type": "EpochBasedRunner", "max_epochs": 2})
    again = Recorder()
    checkpoint = str(tmp_path / "first" / "epoch_1.pth")
    train(awkward, tmp_path / "again", again, load_from=checkpoint)
    assert again.images == first.images[:4]
    assert again.losses != first.losses[:4]
    assert again.where == [(0, i, i) for i in range(4)]


def test_half_precision_needs_a_gpu(awkward: CocoPair, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fp16: the device is 'cpu'"):
        train(awkward, tmp_path, fp16={"loss_scale": 512.0})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_half_precision(awkward: CocoPair, tmp_path: Path) -> None:
    keeper = Keeper()
    cfg = train(awkward, tmp_path, keeper, fp16={"loss_scale": 512.0}, device="cuda")
    assert len(losses(log_of(cfg))) == 4
    names = [type(hook).__name__ for hook in keeper.runner.hooks]
    assert "Fp16OptimizerHook" in names
    assert "OptimizerHook" not in names
    assert "loss_scaler" in torch.load(tmp_path / "epoch_1.pth", weights_only=True)["meta"]["fp16"]

"""A run that stopped in the middle of an epoch goes on as if it had not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from penstock.errors import ConfigError, StorageError
from support.coco_lakes import CocoPair
from support.require import require
from support.small_training import config, seeded_detector

require("mmdet")

from support.recorder import Recorder  # noqa: E402

#: Batches in an epoch of the awkward dataset, four images each.
EPOCH = 4


def run(pair: CocoPair, work_dir: Path, kind: str = "EpochBasedRunner", length: int = 2, **changes: Any) -> Recorder:
    """Trains for ``length`` epochs, or as many iterations, from the same weights each time."""
    from penstock.integrations.mmdet import train_detector

    recorder = Recorder()
    settings = {
        "runner": {"type": kind, "max_epochs": length},
        "checkpoint_config": {"interval": 1, "by_epoch": False},
        "custom_hooks": [recorder, *changes.pop("hooks", ())],
        "log_config": None,
        "lr_config": {
            "policy": "CosineAnnealing",
            "min_lr": 0,
            "by_epoch": False,
            "warmup": "linear",
            "warmup_iters": 3,
        },
        "momentum_config": {"policy": "cyclic", "target_ratio": (0.9, 1), "cyclic_times": 1, "step_ratio_up": 0.4},
    }
    if kind == "IterBasedRunner":
        settings["runner"] = {"type": kind, "max_iters": length * EPOCH}
    workers = changes.pop("workers", 0)
    cfg = config(pair, work_dir, **{**settings, **changes})
    cfg.data.workers_per_gpu = workers
    torch.manual_seed(3)
    train_detector(seeded_detector(cfg), cfg, validate=changes.get("validate", False))
    return recorder


def assert_goes_on(resumed: Recorder, straight: Recorder, done: int) -> None:
    """The resumed run is what the straight one was from iteration ``done`` on, and loads nothing twice."""
    for name in ("losses", "draws", "images", "weights", "rates", "where"):
        assert getattr(resumed, name) == getattr(straight, name)[done:], name
    assert resumed.samples == straight.samples - 4 * done


@pytest.mark.parametrize("kind", ["EpochBasedRunner", "IterBasedRunner"])
@pytest.mark.parametrize(("loader_type", "workers"), [("c++", 2), ("python", 0), ("python", 2)])
def test_a_run_goes_on_within_an_epoch(
    awkward: CocoPair, native: Any, kind: str, loader_type: str, workers: int, tmp_path: Path
) -> None:
    options = {"kind": kind, "deeplake_dataloader_type": loader_type, "workers": workers}
    straight = run(awkward, tmp_path / "straight", **options)
    assert len(straight.losses) == 2 * EPOCH
    assert len(set(straight.draws)) == 2 * EPOCH
    for done in (1, 3, EPOCH, EPOCH + 2) if workers == 0 else (3,):
        checkpoint = str(tmp_path / "straight" / f"iter_{done}.pth")
        assert_goes_on(run(awkward, tmp_path / str(done), resume_from=checkpoint, **options), straight, done)


@pytest.mark.parametrize(("kind", "loader_type"), [("EpochBasedRunner", "c++"), ("IterBasedRunner", "python")])
def test_accumulated_gradients_are_kept(
    awkward: CocoPair, native: Any, kind: str, loader_type: str, tmp_path: Path
) -> None:
    options = {"kind": kind, "deeplake_dataloader_type": loader_type}
    options["optimizer_config"] = {"type": "GradientCumulativeOptimizerHook", "cumulative_iters": 3}
    straight = run(awkward, tmp_path, **options)
    # The optimizer steps after every third iteration, and at the end.
    assert len(set(straight.weights)) == 4
    # Within an epoch, after a step, at an epoch's last batch, and after an epoch without a step.
    for done in (2, 3, EPOCH, 7):
        checkpoint = tmp_path / f"iter_{done}.pth"
        states = torch.load(checkpoint, weights_only=True)["optimizer"]["state"].values()
        assert any("penstock_gradient" in state for state in states) == (done != 3)
        resumed = run(awkward, tmp_path / str(done), resume_from=str(checkpoint), **options)
        assert_goes_on(resumed, straight, done)


def test_gradients_of_other_steps_are_left_out(
    awkward: CocoPair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def accumulating(iterations: int) -> dict[str, Any]:
        steps = {"type": "GradientCumulativeOptimizerHook", "cumulative_iters": iterations}
        return {"deeplake_dataloader_type": "python", "length": 1, "optimizer_config": steps}

    run(awkward, tmp_path, **accumulating(3))
    resumed = run(awkward, tmp_path / "resumed", resume_from=str(tmp_path / "iter_2.pth"), **accumulating(4))
    assert "a step every 3 iterations, in iteration 2; this run steps and counts otherwise" in caplog.text
    assert len(resumed.losses) == 2


@pytest.mark.parametrize("told", [True, False], ids=["the hook is told", "it is not"])
def test_averages_of_weights_go_on(awkward: CocoPair, told: bool, tmp_path: Path) -> None:
    """The hook swaps them with the weights at the turns of an epoch."""

    def averaging(checkpoint: str | None = None) -> dict[str, Any]:
        hook = {"type": "ExpMomentumEMAHook", "momentum": 0.3, "priority": 49, "resume_from": checkpoint}
        return {"deeplake_dataloader_type": "python", "hooks": [hook]}

    straight = run(awkward, tmp_path, **averaging())
    final = torch.load(tmp_path / "iter_8.pth", weights_only=True)["state_dict"]
    for done in (2, EPOCH):
        checkpoint = str(tmp_path / f"iter_{done}.pth")
        options = averaging(checkpoint if told else None)
        resumed = run(awkward, tmp_path / str(done), resume_from=checkpoint, **options)
        assert_goes_on(resumed, straight, done)
        ends = torch.load(tmp_path / str(done) / "iter_8.pth", weights_only=True)["state_dict"]
        assert any(name.startswith("ema_") for name in final)
        assert all(torch.equal(final[name], ends[name]) for name in final)


def test_the_latest_checkpoint_is_found(awkward: CocoPair, tmp_path: Path) -> None:
    options = {"deeplake_dataloader_type": "python", "auto_resume": True, "checkpoint_config": None}
    with pytest.warns(UserWarning, match="checkpoint"):
        straight = run(awkward, tmp_path / "straight", **options)
    saving = {**options, "checkpoint_config": {"interval": 3, "by_epoch": False, "save_last": False}}
    with pytest.warns(UserWarning, match="checkpoint"):
        run(awkward, tmp_path / "stopped", length=1, **saving)
    assert sorted(path.name for path in (tmp_path / "stopped").glob("*.pth")) == ["iter_3.pth", "latest.pth"]
    # The rates follow from how long the run is to be.
    resumed = run(awkward, tmp_path / "stopped", length=2, **{**options, "lr_config": None, "momentum_config": None})
    assert resumed.images == straight.images[3:]
    assert resumed.where == straight.where[3:]


def test_a_run_without_a_seed_keeps_the_one_it_drew(awkward: CocoPair, tmp_path: Path) -> None:
    options = {"deeplake_dataloader_type": "python", "seed": None}
    straight = run(awkward, tmp_path, **options)
    torch.manual_seed(77)
    resumed = run(awkward, tmp_path / "resumed", resume_from=str(tmp_path / "iter_6.pth"), **options)
    assert_goes_on(resumed, straight, 6)


def test_an_evaluation_that_was_still_to_come_comes(awkward: CocoPair, tmp_path: Path) -> None:
    options = {"deeplake_dataloader_type": "python", "length": 1}
    options["log_config"] = {"interval": 1, "hooks": [{"type": "TextLoggerHook"}]}
    run(awkward, tmp_path, **options)
    # It was written before the epoch's end.
    checkpoint = str(tmp_path / "iter_4.pth")
    resumed = run(awkward, tmp_path / "resumed", resume_from=checkpoint, validate=True, **options)
    assert resumed.losses == []
    (log,) = (tmp_path / "resumed").glob("*.log.json")
    assert '"bbox_mAP"' in log.read_text().splitlines()[-1]


def test_an_epoch_begins_anew_with_another_batch_size(
    awkward: CocoPair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"deeplake_dataloader_type": "python"}
    straight = run(awkward, tmp_path, **options)
    cfg = config(awkward, tmp_path)
    cfg.data.samples_per_gpu = 8
    for checkpoint, warns in (("iter_6.pth", True), ("iter_4.pth", False)):
        caplog.clear()
        resumed = run(
            awkward, tmp_path / f"from-{checkpoint}", resume_from=str(tmp_path / checkpoint), data=cfg.data, **options
        )
        assert ("epoch 2 begins anew: the state cannot be resumed here" in caplog.text) == warns
        assert resumed.where[0][:2] == (1, 0)
        assert {name for names in resumed.images for name in names} == {
            name for names in straight.images for name in names
        }


@pytest.mark.parametrize("kind", ["EpochBasedRunner", "IterBasedRunner"])
def test_a_checkpoint_of_another_runner_is_resumed_as_mmcv_does(awkward: CocoPair, kind: str, tmp_path: Path) -> None:
    options = {"deeplake_dataloader_type": "python", "kind": kind}
    straight = run(awkward, tmp_path, **options)
    checkpoint = torch.load(tmp_path / "iter_4.pth", weights_only=True)
    del checkpoint["meta"]["penstock"]
    checkpoint["meta"]["epoch"] = 1
    torch.save(checkpoint, tmp_path / "stock.pth")
    resumed = run(awkward, tmp_path / "resumed", resume_from=str(tmp_path / "stock.pth"), **options)
    if kind == "EpochBasedRunner":
        assert (resumed.losses, resumed.draws) != (straight.losses[4:], straight.draws[4:])
        assert resumed.images == straight.images[4:]
    else:
        assert resumed.images == straight.images[:4]
    assert [where[2] for where in resumed.where] == [4, 5, 6, 7]


def test_the_phases_of_iterations_go_on(awkward: CocoPair, tmp_path: Path) -> None:
    workflow = [("train", 2), ("val", 3)]
    options = {"deeplake_dataloader_type": "python", "kind": "IterBasedRunner", "workflow": workflow}
    straight = run(awkward, tmp_path, **options)
    assert len(set(straight.val_losses)) == len(straight.val_losses) == 3 * EPOCH
    # Within the phase of training, and at its end.
    for done, losses in ((3, 3), (EPOCH, 3)):
        resumed = run(awkward, tmp_path / str(done), resume_from=str(tmp_path / f"iter_{done}.pth"), **options)
        assert_goes_on(resumed, straight, done)
        assert resumed.val_losses == straight.val_losses[losses:]


def test_a_checkpoint_says_what_it_is_without(awkward: CocoPair, tmp_path: Path) -> None:
    options = {"deeplake_dataloader_type": "python", "length": 1}
    run(awkward, tmp_path, **options)
    whole = torch.load(tmp_path / "iter_3.pth", weights_only=True)
    # MMDetection's own loggers write what their run goes on with.
    assert json.loads(json.dumps(whole["meta"]["penstock"])) == whole["meta"]["penstock"]
    torch.save(whole["state_dict"], tmp_path / "weights.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "iter_3.pth").read_bytes()[:5000])
    for name, error, message in (
        ("weights.pth", ConfigError, "has no 'meta', so that no run can go on with it. load_from takes the weights"),
        ("cut.pth", StorageError, "the checkpoint '.*cut.pth' cannot be read"),
        ("none.pth", ConfigError, "resume_from: there is no file '.*none.pth'"),
    ):
        with pytest.raises(error, match=message):
            run(awkward, tmp_path / "resumed", resume_from=str(tmp_path / name), **options)


def test_without_its_optimizer_a_run_goes_on_from_its_weights(
    awkward: CocoPair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saving = {"interval": 1, "by_epoch": False, "save_optimizer": False, "max_keep_ckpts": 2}
    options = {"deeplake_dataloader_type": "python", "checkpoint_config": saving}
    straight = run(awkward, tmp_path, **options)
    assert sorted(path.name for path in tmp_path.glob("iter_*.pth")) == ["iter_7.pth", "iter_8.pth"]
    resumed = run(awkward, tmp_path / "resumed", resume_from=str(tmp_path / "iter_7.pth"), **options)
    assert "is without its optimizer (save_optimizer=False): momentum begins anew" in caplog.text
    assert (resumed.losses, resumed.draws) == (straight.losses[7:], straight.draws[7:])
    assert resumed.weights != straight.weights[7:]


def test_an_epoch_of_other_images_begins_anew(
    awkward: CocoPair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"deeplake_dataloader_type": "python", "length": 1}
    run(awkward, tmp_path, **options)
    cfg = config(awkward, tmp_path)
    cfg.data.train.filter_empty_gt = False
    resumed = run(awkward, tmp_path / "more", resume_from=str(tmp_path / "iter_2.pth"), data=cfg.data, **options)
    assert "epoch 1 begins anew: the state cannot be resumed here: its order is 'full, images " in caplog.text
    assert resumed.where[0] == (0, 0, 0)
    again = run(awkward, tmp_path / "seed", resume_from=str(tmp_path / "iter_2.pth"), seed=99, **options)
    assert "follow from the checkpoint's seed 3, not from 99" in caplog.text
    assert again.where[0] == (0, 2, 2)


@pytest.mark.parametrize("kind", ["EpochBasedRunner", "IterBasedRunner"])
def test_what_hooks_noted_is_kept(awkward: CocoPair, kind: str, tmp_path: Path) -> None:
    options = {"deeplake_dataloader_type": "python", "kind": kind, "length": 1}
    run(awkward, tmp_path, **options)
    checkpoint = torch.load(tmp_path / "iter_3.pth", weights_only=True)
    checkpoint["meta"]["hook_msgs"] = {"best_score": 0.5}
    torch.save(checkpoint, tmp_path / "noted.pth")
    run(awkward, tmp_path / "resumed", resume_from=str(tmp_path / "noted.pth"), **options)
    meta = torch.load(tmp_path / "resumed" / "iter_4.pth", weights_only=True)["meta"]
    assert meta["hook_msgs"]["best_score"] == 0.5
    assert (meta["epoch"], meta["iter"]) == (0, 4)

"""Training and evaluation, a few steps of a small detector on the CPU."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock
from penstock.errors import CommitNotFoundError, ConfigError, TensorNotFoundError, ViewNotFoundError
from support.coco_lakes import CocoPair
from support.lake import open_lake
from support.small_training import CLASSES, config, log_of, losses, seeded_detector

WITH_MASKS = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True}]


def train(cfg: Any, **options: Any) -> list[dict[str, Any]]:
    """Trains from the same weights each time; gives the log's lines."""
    from penstock.integrations import mmdet as mmdet_deeplake

    model = seeded_detector(cfg)
    Path(cfg.work_dir).mkdir(parents=True, exist_ok=True)
    mmdet_deeplake.train_detector(model, cfg, timestamp="log", **options)
    assert model.CLASSES == CLASSES
    return log_of(cfg)


def test_both_loader_types_train_and_evaluate_alike(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    logs = {
        kind: train(config(awkward, tmp_path / name, deeplake_dataloader_type=kind))
        for kind, name in (("c++", "cpp"), ("python", "python"))
    }
    assert len(losses(logs["c++"])) > 2
    # The last bits of float images differ, and training carries them on.
    assert losses(logs["c++"]) == pytest.approx(losses(logs["python"]), rel=1e-3)
    measured = [{key: value for key, value in log[-1].items() if key.startswith("bbox_mAP")} for log in logs.values()]
    assert measured[0] == pytest.approx(measured[1], abs=1e-2)
    assert set(measured[0]) >= {"bbox_mAP", "bbox_mAP_50", "bbox_mAP_s"}


def test_iterations_in_place_of_epochs(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(
        awkward,
        tmp_path,
        deeplake_dataloader_type="python",
        runner={"type": "IterBasedRunner", "max_iters": 6},
        evaluation={"metric": "bbox", "interval": 6, "gpu_collect": True},
        custom_hooks=[],
    )
    log = train(cfg)
    assert len(losses(log)) == 6
    assert "bbox_mAP" in log[-1]


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(awkward: CocoPair, tmp_path: Path) -> None:
    def part(name: str, epochs: int, **changes: Any) -> list[float]:
        runner = {"type": "EpochBasedRunner", "max_epochs": epochs}
        cfg = config(awkward, tmp_path / name, runner=runner, deeplake_dataloader_type="python", **changes)
        return losses(train(cfg, validate=False))

    straight = part("straight", 2)
    first = part("stopped", 1)
    second = part("stopped", 2, resume_from=str(tmp_path / "stopped" / "epoch_1.pth"))
    assert first == straight[: len(first)]
    assert second[-len(first) :] == straight[len(first) :]


def test_iterations_resume_on_the_cpu(awkward: CocoPair, tmp_path: Path) -> None:
    def part(iterations: int, **changes: Any) -> list[int]:
        runner = {"type": "IterBasedRunner", "max_iters": iterations}
        saving = {"runner": runner, "checkpoint_config": {"interval": 2}, "custom_hooks": []}
        cfg = config(awkward, tmp_path, deeplake_dataloader_type="python", **saving, **changes)
        return [line["iter"] for line in train(cfg, validate=False)]

    assert part(2) == [1, 2]
    assert part(4, resume_from=str(tmp_path / "iter_2.pth")) == [1, 2, 3, 4]


def test_checkpoints_know_the_classes(awkward: CocoPair, tmp_path: Path) -> None:
    train(config(awkward, tmp_path, deeplake_dataloader_type="python"), validate=False)
    meta = torch.load(tmp_path / "epoch_1.pth", weights_only=False)["meta"]
    assert meta["CLASSES"] == CLASSES


def test_datasets_as_arguments_go_before_the_configuration(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    for name in ("train", "val"):
        cfg.data[name].deeplake_path = str(tmp_path / "missing")
        cfg.data[name].deeplake_commit_id = "missing"
        cfg.data[name].deeplake_tensors = {"img": "missing"}
    tensors = {"img": "images", "gt_bboxes": "boxes", "gt_labels": "categories"}
    dataset = penstock.open(awkward.lake)
    log = train(cfg, ds_train=dataset, ds_train_tensors=tensors, ds_val=awkward.lake, ds_val_tensors=tensors)
    assert "bbox_mAP" in log[-1]


def test_views_of_deeplake_as_arguments(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """A slice to train on, the result of a filter to evaluate on."""
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="c++")
    del cfg.data.train["deeplake_path"], cfg.data.val["deeplake_path"]
    with open_lake(awkward.lake) as lake:
        wide = lake.filter(lambda sample: sample.images.shape[1] > sample.images.shape[0], progressbar=False)
        assert 2 < len(wide) < len(lake)
        log = train(cfg, ds_train=lake[2:14], ds_val=wide)
    assert len(losses(log)) < len(losses(train(config(awkward, tmp_path / "all", deeplake_dataloader_type="c++"))))
    assert "bbox_mAP" in log[-1]


def test_the_configuration_is_left_as_it_was(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    cfg.data.val.deeplake_dataloader = {"batch_size": 2}
    before = without_model(cfg)
    with pytest.warns(UserWarning, match="ImageToTensor"):
        train(cfg)
    assert without_model(cfg) == before


def without_model(cfg: Any) -> dict[str, Any]:
    """A copy of the configuration without what MMDetection's ``build_detector`` changes."""
    return {key: value for key, value in copy.deepcopy(cfg._cfg_dict.to_dict()).items() if key != "model"}


def test_the_learning_rate_scales_with_the_batch(awkward: CocoPair, tmp_path: Path) -> None:
    scale = {"enable": True, "base_batch_size": 8}
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python", auto_scale_lr=scale)
    assert train(cfg, validate=False)[0]["lr"] == pytest.approx(0.00005)


@pytest.mark.parametrize(
    ("changes", "options", "kind", "message"),
    [
        ({"gpu_ids": [0, 1]}, {}, ConfigError, "one process works on one GPU, not on 2. Pass distributed=True"),
        ({"gpu_ids": 1}, {}, ConfigError, "gpu_ids: a list of numbers is needed, got 1"),
        ({"data.train.deeplake_path": 3}, {}, ConfigError, "data.train: deeplake_path: "),
        ({"dist_params": {"backend": "nccl"}}, {"distributed": True}, ConfigError, "'nccl' needs GPUs"),
        ({"dist_params": {"backend": "glo"}}, {"distributed": True}, ConfigError, "Did you mean 'gloo'?"),
        ({"workflow": [("val", 1)]}, {}, ConfigError, "workflow: it has no phase 'train'"),
        ({"workflow": [("train", 1), ("vall", 1)]}, {}, ConfigError, "Did you mean 'val'?"),
        (
            {"workflow": [("train", 1), ("val", 1)], "data.val": None},
            {"validate": False},
            ConfigError,
            "the phase 'val' needs data.val.deeplake_path",
        ),
        ({"deeplake_dataloader_type": "c+"}, {}, ConfigError, "Did you mean 'c++'?"),
        ({"evaluation": {"metric": ["bbox", "segm"]}}, {}, ConfigError, "the metric 'segm' needs masks"),
        ({"data.train.pipeline": WITH_MASKS}, {}, ConfigError, "loads masks (with_mask=True), and there is no tensor"),
        ({"data.train.deeplake_path": None}, {}, ConfigError, "data.train has no deeplake_path"),
        ({"data.val": None}, {}, ConfigError, "data.val has no deeplake_path"),
        ({"data.val.deeplake_tensors": {"img": "image"}}, {}, TensorNotFoundError, "Did you mean 'images'"),
        ({"data.train.pipeline": [{"type": "Resise"}]}, {}, ConfigError, "no transform 'Resise'"),
        ({"data.train.deeplake_commit_id": "a1"}, {}, CommitNotFoundError, "no commit or branch 'a1'"),
        ({"data.train.deeplake_view_id": "a1"}, {}, ViewNotFoundError, "no view 'a1'"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_cannot_work_ends_before_training(
    awkward: CocoPair,
    tmp_path: Path,
    changes: dict[str, Any],
    options: dict[str, Any],
    kind: type[Exception],
    message: str,
) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    cfg = config(awkward, tmp_path)
    cfg.merge_from_dict(changes)
    with pytest.raises(kind) as caught:
        mmdet_deeplake.train_detector(torch.nn.Linear(1, 1), cfg, **options)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []

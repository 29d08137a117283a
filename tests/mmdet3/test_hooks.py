"""MMDetection's and MMEngine's hooks beside a Deep Lake dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import Run, detector, own_config, pipelines, run, stock_config

SMALLER = [*pipelines()[0][:2], {"type": "Resize", "scale": (64, 48), "keep_ratio": True}, {"type": "PackDetInputs"}]


def both(pair: CocoPair, folder: Path, **changes: Any) -> tuple[Run, Run]:
    return (
        run(stock_config(pair, folder / "stock", **changes)),
        run(own_config(pair, folder / "own", **changes)),
    )


def test_the_loader_follows_a_switched_pipeline(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    hook = {"type": "PipelineSwitchHook", "switch_epoch": 1, "switch_pipeline": SMALLER}
    stock, own = both(awkward, tmp_path, custom_hooks=[hook], train_cfg={"max_epochs": 3})
    assert own.images == stock.images and own.losses == stock.losses
    plain = run(own_config(awkward, tmp_path / "plain", train_cfg={"max_epochs": 2}))
    each = len(own.losses) // 3
    assert own.losses[:each] == plain.losses[:each] and own.losses[each] != plain.losses[each]


def test_with_workers_that_live_on(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    hook = {"type": "PipelineSwitchHook", "switch_epoch": 1, "switch_pipeline": SMALLER}
    changes: dict[str, Any] = {"custom_hooks": [hook], "train_cfg": {"max_epochs": 3}}
    alone = run(own_config(awkward, tmp_path / "alone", **changes))
    workers = {"train_dataloader": {"num_workers": 2, "persistent_workers": True}}
    for loader_type in ("c++", "python"):
        own = run(
            own_config(awkward, tmp_path / loader_type[0], **changes, **workers, deeplake_dataloader_type=loader_type)
        )
        assert own.losses == alone.losses


def test_averages_of_weights(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    hook = {"type": "EMAHook", "ema_type": "ExpMomentumEMA", "momentum": 0.1, "update_buffers": True}
    stock, own = both(awkward, tmp_path, custom_hooks=[hook], train_cfg={"max_epochs": 2})
    assert own.losses == stock.losses and own.metrics == stock.metrics


def test_accumulated_gradients(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    stock, own = both(awkward, tmp_path, optim_wrapper={"accumulative_counts": 2})
    assert own.losses == stock.losses and own.metrics == stock.metrics


def test_mixed_precision(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """MMEngine's AmpOptimWrapper is for GPUs; this is what it does with bfloat16, on a CPU."""
    import contextlib

    import torch
    from mmengine.optim import OptimWrapper
    from mmengine.registry import OPTIM_WRAPPERS

    @OPTIM_WRAPPERS.register_module(force=True)
    class Bfloat16(OptimWrapper):  # type: ignore[misc]
        @contextlib.contextmanager
        def optim_context(self, model: torch.nn.Module) -> Any:
            with super().optim_context(model), torch.autocast("cpu", torch.bfloat16):
                yield

    changes = {"model": {"_delete_": True, **detector("RetinaNet")}, "optim_wrapper": {"type": "Bfloat16"}}
    stock, own = both(awkward, tmp_path, **changes)
    assert own.losses == stock.losses
    changes["optim_wrapper"] = {"type": "OptimWrapper"}
    assert own.losses != run(own_config(awkward, tmp_path / "float32", **changes)).losses


def test_predictions_are_drawn(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    import cv2

    cfg = own_config(awkward, tmp_path)
    cfg.default_hooks.visualization = {
        "type": "DetVisualizationHook", "draw": True, "interval": 1, "score_thr": 0.0, "test_out_dir": "shown",
    }
    tested = run(cfg, "test")
    shown = list(tmp_path.rglob("shown/*"))
    assert len(shown) == len(tested.runner.test_dataloader.dataset)
    sizes = {cv2.imread(str(file)).shape[:2] for file in shown}
    # Truth and prediction, side by side.
    assert sizes >= {(48, 2 * 64), (64, 2 * 48), (20, 2 * 90)}
    cfg.default_hooks.visualization = {"type": "DetVisualizationHook", "draw": True, "interval": 1, "score_thr": 0.0}
    run(cfg)
    assert list(tmp_path.rglob("vis_image/val_img_*"))


def test_tables_of_predictions(
    awkward: CocoPair, native: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support.require import require
    from support.wandb_runs import OfflineRun, offline_wandb

    require("wandb")
    with offline_wandb(tmp_path / "wandb", monkeypatch):
        cfg = own_config(awkward, tmp_path / "work")
        online = {"type": "WandbVisBackend", "init_kwargs": {"dir": str(tmp_path / "wandb" / "DIR")}}
        cfg.vis_backends = cfg.visualizer["vis_backends"] = [{"type": "LocalVisBackend"}, online]
        cfg.custom_hooks = [{"type": "PredictionTablesHook", "num_eval_images": 3, "score_thr": 0.0}]
        run(cfg)
        import wandb

        wandb.finish()
    logged = OfflineRun(tmp_path / "wandb")
    # Before them the backend logs the source code.
    assert [artifact.name.split("_")[-1] for artifact in logged.artifacts[-2:]] == ["val", "pred"]
    facts = logged.config["deeplake"]
    assert facts["train"]["datasets"][0]["path"] == str(awkward.lake) and facts["val"]["loader_type"] == "c++"
    rows = logged.staged_table(["image_name", "ground_truth", "prediction"]).rows
    assert len(rows) == 3 and len({row[0] for row in rows}) == 3


def test_tables_without_a_backend(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    from penstock.errors import ConfigError

    cfg = own_config(awkward, tmp_path, custom_hooks=[{"type": "PredictionTablesHook"}])
    with pytest.raises(ConfigError, match=r"needs a 'WandbVisBackend' in visualizer\.vis_backends"):
        run(cfg)

"""Configurations that cannot work: one sentence, before training starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import own_config, run

_TRAIN = "train_dataloader"


def _set(cfg: Any, path: str, value: Any) -> None:
    *folders, name = path.split(".")
    for folder in folders:
        cfg = cfg[folder]
    cfg[name] = value


def _switch(step: dict[str, Any]) -> dict[str, Any]:
    return {"type": "PipelineSwitchHook", "switch_epoch": 3, "switch_pipeline": [step]}


CASES: list[tuple[dict[str, Any], str]] = [
    ({"deeplake_path": "x"}, "'deeplake_path' stands at its top level"),
    ({"deeplake_dataloader_typ": "c++"}, "unknown key 'deeplake_dataloader_typ'.*deeplake_dataloader_type"),
    ({"deeplake_dataloader_type": "rust"}, "there is no 'rust'"),
    ({"deeplake_metrics_format": "VOC"}, "there is no 'VOC'"),
    ({"val_evaluator": {"type": "VOCMetric"}}, "'VOCMetric' is a metric of deeplake_metrics_format='PascalVOC'"),
    ({"val_evaluator": {"type": "CocoMetric", "metric": "segm"}}, "segm.*needs masks"),
    ({"model.roi_head.bbox_head.num_classes": 7}, "num_classes is 7, and train_dataloader.dataset has 4 classes"),
    ({f"{_TRAIN}.dataset.metainfo": {"classes": ("cat", "dog")}}, "num_classes is 4, and .* has 2 classes"),
    ({f"{_TRAIN}.dataset.test_mode": True}, "test_mode=True, which is for validation"),
    ({f"{_TRAIN}.dataset.pipeline": [{"type": "PackDetInputs"}]}, "loads no annotations"),
    ({f"{_TRAIN}.dataset.pipeline": [{"type": "LoadAnnotations", "with_bbox": True}]}, "ends without PackDetInputs"),
    ({"val_dataloader.dataset.pipeline": [{"type": "LoadImageFromFile"}]}, "val_.*ends without PackDetInputs"),
    ({"custom_hooks": [_switch({"type": "LoadAnnotations", "with_mask": True})]}, "PipelineSwitchHook: .* loads masks"),
    ({"custom_hooks": [_switch({"type": "Resise"})]}, "PipelineSwitchHook: the pipeline cannot be built: .*Resise"),
    ({f"{_TRAIN}.batch_size": 0}, "batch_size must be an int of at least 1"),
    ({f"{_TRAIN}.num_worker": 2}, "has no argument 'num_worker'"),
    ({f"{_TRAIN}.persistent_workers": True}, "the dataloader: .*persistent_workers"),
    ({f"{_TRAIN}.sampler": {"type": "DefaultSampler", "shufle": True}}, "sampler cannot be built: .*shufle"),
    ({f"{_TRAIN}.sampler": None}, "sampler: a dict with a 'type' is needed"),
    ({f"{_TRAIN}.collate_fn": {"type": "no_such"}}, "there is no function 'no_such'"),
    ({f"{_TRAIN}.dataset.deeplake_path": "/no/such/lake"}, "/no/such/lake"),
    ({f"{_TRAIN}.dataset.classes": ("cat",)}, "'classes' is a key of MMDetection 2"),
]


@pytest.mark.parametrize(("changes", "message"), CASES, ids=[str(changes)[:60] for changes, _ in CASES])
def test_refused(
    changes: dict[str, Any], message: str, awkward: CocoPair, native: Any, tmp_path: Path
) -> None:
    from penstock.errors import PenstockError

    cfg = own_config(awkward, tmp_path)
    for path, value in changes.items():
        _set(cfg, path, value)
    begun: list[int] = []
    with pytest.raises(PenstockError, match=message) as raised:
        run(cfg, prepare=lambda runner: runner.register_hook(_told(begun)))
    assert not begun and "\n" not in str(raised.value)


def _told(begun: list[int]) -> Any:
    from mmengine.hooks import Hook

    class Told(Hook):  # type: ignore[misc]
        def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
            begun.append(batch_idx)

    return Told()


def test_classes_that_disagree(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    from penstock.errors import ConfigError

    cfg = own_config(awkward, tmp_path)
    cfg.val_dataloader.dataset.metainfo = {"classes": ("dog", "cat", "emu", "fox")}
    with pytest.raises(ConfigError, match=r"val_dataloader\.dataset has other classes than train_dataloader\.dataset"):
        run(cfg)


def test_masks_that_no_head_finds(coco_pair: Callable[[str], CocoPair], native: Any, tmp_path: Path) -> None:
    from penstock.errors import ConfigError

    cfg = own_config(coco_pair("bitmap masks"), tmp_path)
    cfg.val_evaluator.metric = ["bbox", "segm"]
    with pytest.raises(ConfigError, match="'segm' needs a detector that finds masks, and 'FasterRCNN'"):
        run(cfg)


def test_secrets_stay_out_of_files(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    cfg = own_config(awkward, tmp_path, train_cfg={"max_epochs": 1})
    cfg.train_dataloader.dataset.deeplake_credentials = {"creds": {"aws_secret_access_key": "s3cret"}}
    run(cfg)
    texts = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(texts) > 2 and not any(b"s3cret" in text for text in texts)

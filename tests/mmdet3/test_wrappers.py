"""MMEngine's and MMDetection's dataset wrappers, through the core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import own_config, pipelines, run, stock_config

FILTER = {"filter_empty_gt": True, "min_size": 32}


def repeated(dataset: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RepeatDataset", "times": 2, "dataset": dataset}


def joined(dataset: dict[str, Any]) -> dict[str, Any]:
    return {"type": "ConcatDataset", "datasets": [dataset, {**dataset, "indices": [5, 3]}]}


def balanced(dataset: dict[str, Any]) -> dict[str, Any]:
    return {"type": "ClassBalancedDataset", "oversample_thr": 0.9, "dataset": dataset}


def nested(dataset: dict[str, Any]) -> dict[str, Any]:
    return repeated(joined(dataset)) | {"dataset": balanced({**dataset, "indices": 7})}


def mixed(dataset: dict[str, Any]) -> dict[str, Any]:
    """Without a step that mixes: what it draws in its own way is compared elsewhere."""
    load, rest = dataset["pipeline"][:2], dataset["pipeline"][2:]
    return {"type": "MultiImageMixDataset", "dataset": {**dataset, "pipeline": load}, "pipeline": rest}


@pytest.mark.parametrize("wrap", [repeated, joined, balanced, nested, mixed])
def test_losses_are_stocks(wrap: Any, awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    runs = []
    for make, name in ((stock_config, "stock"), (own_config, "own")):
        cfg = make(awkward, tmp_path / name, val_cfg=None, val_dataloader=None, val_evaluator=None)
        cfg.train_dataloader.dataset = wrap(cfg.train_dataloader.dataset.to_dict())
        runs.append(run(cfg))
    stock, own = runs
    assert own.images == stock.images and len(own.images) > 2
    assert own.losses == stock.losses
    stats = own.runner.train_dataloader.stats()
    assert stats["decode_seconds"] > 0 and stats["samples"] == sum(map(len, own.images))


def test_mixing_steps_are_the_same_in_both_loaders(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    steps = [
        {"type": "Mosaic", "img_scale": (64, 48), "pad_val": 114.0},
        {"type": "RandomAffine", "border": (-32, -24)},
        {"type": "MixUp", "img_scale": (64, 48), "pad_val": 114.0},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "FilterAnnotations", "min_gt_bbox_wh": (1, 1), "keep_empty": False},
        {"type": "PackDetInputs"},
    ]
    runs = []
    for loader_type in ("c++", "python"):
        cfg = own_config(awkward, tmp_path / loader_type[0], deeplake_dataloader_type=loader_type)
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        dataset = {**cfg.train_dataloader.dataset, "pipeline": pipelines()[0][:2]}
        cfg.train_dataloader.dataset = {"type": "MultiImageMixDataset", "dataset": dataset, "pipeline": steps}
        cfg.train_dataloader.batch_sampler = None
        runs.append(run(cfg))
    assert runs[0].losses == runs[1].losses and len(runs[0].losses) > 2


def test_samplers_of_the_users_own(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """They are asked as training goes on; their numbers are items, not samples."""
    from mmdet.registry import DATA_SAMPLERS
    from torch.utils.data import Sampler

    @DATA_SAMPLERS.register_module(force=True)
    class EverySecond(Sampler):  # type: ignore[type-arg]
        def __init__(self, dataset: Any, seed: int | None = None) -> None:
            self.dataset = dataset

        def __iter__(self) -> Any:
            return iter(range(0, len(self.dataset), 2))

        def __len__(self) -> int:
            return (len(self.dataset) + 1) // 2

    runs = []
    for batches in (None, {"type": "AspectRatioBatchSampler"}):
        for make, name in ((stock_config, "stock"), (own_config, "own")):
            cfg = make(awkward, tmp_path / f"{name} {batches is None}", val_cfg=None, val_dataloader=None)
            cfg.val_evaluator = None
            cfg.train_dataloader.sampler = {"type": "EverySecond"}
            cfg.train_dataloader.batch_sampler = batches
            runs.append(run(cfg))
    for stock, own in (runs[:2], runs[2:]):
        assert own.images == stock.images and own.losses == stock.losses and len(own.losses) > 1
    assert runs[0].images != runs[2].images


def test_a_sampler_without_end(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """An image draws other random numbers each time that it comes."""
    from mmdet.registry import DATA_SAMPLERS
    from torch.utils.data import Sampler

    @DATA_SAMPLERS.register_module(force=True)
    class Always(Sampler):  # type: ignore[type-arg]
        def __init__(self, dataset: Any, seed: int | None = None) -> None:
            self.dataset = dataset

        def __iter__(self) -> Any:
            while True:
                yield from range(3)

        def __len__(self) -> int:
            return 3

    cfg = own_config(awkward, tmp_path, val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.train_dataloader.dataset.indices = 3
    cfg.train_dataloader.batch_sampler, cfg.train_dataloader.sampler = None, {"type": "Always"}
    cfg.train_dataloader.dataset.pipeline = pipelines(steps=[{"type": "RandomFlip", "prob": 0.5}])[0]
    cfg.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": 12}
    cfg.log_processor.by_epoch = False
    flips: list[tuple[bool, ...]] = []
    run(cfg, prepare=lambda runner: runner.register_hook(_noting(flips)))
    assert len(flips) == 12 and len(set(flips)) > 2


def _noting(flips: list[tuple[bool, ...]]) -> Any:
    from mmengine.hooks import Hook

    class Noting(Hook):  # type: ignore[misc]
        def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
            flips.append(tuple(sample.flip for sample in data_batch["data_samples"]))

    return Noting()


def test_batches_of_an_epoch(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    changes = {"train_dataloader": {"num_batch_per_epoch": 2, "batch_sampler": None}, "train_cfg": {"max_epochs": 2}}
    stock = run(stock_config(awkward, tmp_path / "stock", **changes))
    own = run(own_config(awkward, tmp_path / "own", **changes))
    assert own.images == stock.images and len(own.images) == 4
    assert own.losses == stock.losses


def test_chunk_by_chunk(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """Each image once, in batches of like aspect ratio."""
    cfg = own_config(awkward, tmp_path, val_cfg=None, val_dataloader=None, val_evaluator=None)
    whole = run(cfg)
    cfg = own_config(awkward, tmp_path, val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.train_dataloader.dataset.deeplake_dataloader = {"shuffle": "chunk", "shuffle_window": 2}
    by_chunks = run(cfg)
    images = [{image for batch in one.images for image in batch} for one in (whole, by_chunks)]
    assert images[0] == images[1] and by_chunks.images != whole.images

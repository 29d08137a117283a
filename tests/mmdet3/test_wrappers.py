"""MMEngine's and MMDetection's dataset wrappers, through the core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import detector, own_config, pipelines, run, stock_config

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
            flips.append(tuple(getattr(sample, "flip", False) for sample in data_batch["data_samples"]))

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


FLIP = {"type": "RandomFlip", "prob": 1.0}


@pytest.mark.parametrize("workers", [{}, {"num_workers": 2, "persistent_workers": True}], ids=["alone", "workers"])
def test_the_loader_follows_the_switch_of_yolox(
    workers: dict[str, Any], awkward: CocoPair, native: Any, tmp_path: Path
) -> None:
    """From the second epoch of three on, images are not flipped. Losses are stock's."""
    hook = {"type": "YOLOXModeSwitchHook", "num_last_epochs": 1, "skip_type_keys": ["RandomFlip"]}
    flips: dict[str, list[tuple[bool, ...]]] = {"stock": [], "own": []}
    runs = []
    for make, name in ((stock_config, "stock"), (own_config, "own")):
        cfg = make(awkward, tmp_path / name, model={"_delete_": True, **detector("RetinaNet")}, custom_hooks=[hook])
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.train_cfg.max_epochs = 3
        dataset = mixed(cfg.train_dataloader.dataset.to_dict())
        dataset["pipeline"].insert(1, FLIP)
        cfg.train_dataloader.dataset = dataset
        cfg.train_dataloader.update(workers)
        runs.append(run(cfg, prepare=lambda runner, name=name: runner.register_hook(_noting(flips[name]))))
    stock, own = runs
    assert own.images == stock.images and own.losses == stock.losses
    each = len(own.losses) // 3
    assert all(map(all, flips["own"][:each])) and not any(map(any, flips["own"][each:]))
    assert flips["own"] == flips["stock"]


def test_what_is_left_of_yolox_after_its_switch_runs_in_both_loaders(
    awkward: CocoPair, native: Any, tmp_path: Path
) -> None:
    steps = [
        # Without RandomAffine, whose boxes differ in their last bits.
        {"type": "Mosaic", "img_scale": (64, 64), "pad_val": 114.0},
        {"type": "MixUp", "img_scale": (64, 64), "pad_val": 114.0},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "Resize", "scale": (64, 64), "keep_ratio": True},
        {"type": "Pad", "pad_to_square": True, "pad_val": {"img": (114.0, 114.0, 114.0)}},
        {"type": "PackDetInputs"},
    ]
    hook = {"type": "YOLOXModeSwitchHook", "num_last_epochs": 1}
    losses = []
    for loader_type in ("c++", "python"):
        model = {"_delete_": True, **detector("RetinaNet")}
        cfg = own_config(
            awkward, tmp_path / loader_type[0], model=model, custom_hooks=[hook], deeplake_dataloader_type=loader_type
        )
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.train_cfg.max_epochs = 3
        dataset = {**cfg.train_dataloader.dataset, "pipeline": pipelines()[0][:2]}
        cfg.train_dataloader.dataset = {"type": "MultiImageMixDataset", "dataset": dataset, "pipeline": steps}
        cfg.train_dataloader.batch_sampler = None
        made = run(cfg)
        losses.append(made.losses)
        steps_now = [step.name for step in made.runner.train_dataloader.steps]
        assert not any("Mosaic" in step or "MixUp" in step for step in steps_now), steps_now
        assert any("RandomFlip" in step for step in steps_now)
    assert losses[0] == losses[1] and len(losses[0]) > 2

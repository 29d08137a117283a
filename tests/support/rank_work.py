"""What ranks do in tests. Apart from the tests, so that processes can import it without them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import torch

from support.coco_lakes import CocoPair
from support.detection import TEST_PIPELINE, augmenting
from support.recorder import Recorder
from support.small_training import config, seeded_detector
from support.wrapped import loaded, own_tree

__all__ = [
    "epochs_of_indices",
    "evaluate",
    "frozen",
    "stopped_and_resumed",
    "tested",
    "train",
    "wrapped_epochs",
    "wrapped_metrics",
]

#: A sample's file name, and a hash of its image and boxes.
Sample = tuple[str, str]


def names(batch: Any) -> list[str]:
    metas = batch["img_metas"]
    metas = metas[0] if isinstance(metas, list) else metas
    return [meta["ori_filename"] for meta in metas.data[0]]


def epochs_of_indices(pair: CocoPair, loader_type: str) -> dict[str, Any]:
    """Names of images of two epochs of training in batches of two, and of validation in batches of one."""
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    train = build_dataset({"pipeline": augmenting(), "deeplake_path": str(pair.lake)})
    # Without a seed the ranks take rank 0's draw.
    torch.manual_seed(torch.distributed.get_rank())
    found = {}
    with build_dataloader(train, 2, 0, dist=True, loader_type=loader_type) as loader:
        found["train"] = [[names(batch) for batch in loader] for _ in range(2)]
        loader.set_epoch(0)
        found["again"] = [names(batch) for batch in loader]
        found["length"] = len(loader)
    val = build_dataset({"pipeline": TEST_PIPELINE, "deeplake_path": str(pair.lake)}, {"test_mode": True})
    with build_dataloader(val, 1, 0, dist=True, shuffle=False, loader_type=loader_type) as loader:
        found["val"] = [names(batch) for batch in loader]
    return found


def frozen(model: torch.nn.Module) -> torch.nn.Module:
    """A model whose batch norm does not look at the batch, so that a loss does not depend on its neighbours'."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train = lambda mode=True, module=module: module  # type: ignore[method-assign]
            module.training = False
    return model


def train(pair: CocoPair, work_dir: str, options: dict[str, Any], **changes: Any) -> Recorder:
    """Trains as one of the ranks, or alone without them."""
    from penstock.integrations.mmdet import train_detector

    recorder = Recorder()
    distributed = "RANK" in os.environ
    settings: dict[str, Any] = {"custom_hooks": [recorder], "log_config": None, "gpu_ids": [0], **changes}
    # The last layer of the backbone is not used.
    settings["find_unused_parameters"] = True
    cfg = config(pair, Path(work_dir), **settings)
    cfg.data.samples_per_gpu = options.get("samples", 2)
    # Batches would be padded to their largest image otherwise, and losses depend on the neighbours.
    cfg.data.train.pipeline[-3] = {"type": "Pad", "size": (128, 128)}
    model = frozen(seeded_detector(cfg))
    # Each rank draws its own numbers.
    torch.manual_seed(5 + int(os.environ.get("RANK", 0)))
    train_detector(model, cfg, distributed=distributed, validate=options.get("validate", False))
    return recorder


def stopped_and_resumed(pair: CocoPair, work_dir: str, kind: str, loader_type: str) -> tuple[Recorder, Recorder]:
    """A run of two epochs, and one that goes on where that one was after three iterations, in the middle of two whose
    gradients are accumulated.
    """
    runner = {"type": kind, **({"max_iters": 4} if kind == "IterBasedRunner" else {"max_epochs": 2})}
    settings = {
        "runner": runner,
        "checkpoint_config": {"interval": 3, "by_epoch": False},
        "optimizer_config": {"type": "GradientCumulativeOptimizerHook", "cumulative_iters": 2},
        "deeplake_dataloader_type": loader_type,
    }
    straight = train(pair, work_dir, {"samples": 4}, **settings)
    torch.distributed.barrier()
    checkpoint = str(Path(work_dir, "iter_3.pth"))
    return straight, train(pair, work_dir, {"samples": 4}, resume_from=checkpoint, **settings)


def train_for(pair: CocoPair, work_dir: str, kind: str, iterations: int, resume_from: str | None = None) -> Recorder:
    """A run of two epochs, two images a batch and rank, with a checkpoint after so many iterations."""
    runner = {"type": kind, **({"max_iters": 8} if kind == "IterBasedRunner" else {"max_epochs": 2})}
    settings: dict[str, Any] = {
        "runner": runner,
        "checkpoint_config": {"interval": iterations, "by_epoch": False},
        "deeplake_dataloader_type": "c++",
        "resume_from": resume_from,
    }
    return train(pair, work_dir, {"samples": 2}, **settings)


def evaluate(pair: CocoPair, loader_type: str) -> tuple[Any, Any]:
    """Results of the seeded detector on the validation set, on all ranks together, and the metrics."""
    from penstock.integrations.mmdet import build_dataloader, build_dataset
    from penstock.integrations.mmdet.training.device import OneDevice, Replica
    from penstock.integrations.mmdet.training.evaluation import results_of_ranks

    distributed = torch.distributed.is_initialized()
    val = build_dataset({"pipeline": TEST_PIPELINE, "deeplake_path": str(pair.lake)}, {"test_mode": True})
    model = seeded_detector(config(pair, Path()))
    device = torch.device("cpu")
    wrapped = Replica(model, device) if distributed else OneDevice(model, device)
    with build_dataloader(val, 1, 0, dist=distributed, shuffle=False, loader_type=loader_type) as loader:
        results = results_of_ranks(wrapped, loader)
    return results, None if results is None else val.evaluate(results, "bbox")


def tested(pair: CocoPair, checkpoint: str, work_dir: str, options: dict[str, Any]) -> dict[str, Any]:
    """Metrics of a checkpoint, as one of the ranks gets them."""
    from penstock.integrations.mmdet import test_detector

    cfg = config(pair, Path(work_dir), deeplake_dataloader_type="c++")
    return test_detector(None, cfg, checkpoint, distributed=True, eval_options=options)


def wrapped_epochs(trees: dict[str, Any], loader_type: str, batch_size: int) -> dict[str, list[list[list[Sample]]]]:
    """Of each tree of wrappers the batches of two epochs of training, ``batch_size`` samples on each rank."""
    distributed = torch.distributed.is_initialized()
    found = {}
    for name, tree in trees.items():
        epochs = loaded(tree, loader_type, 2, batch_size, dist=distributed)
        found[name] = [[_samples(batch) for batch in batches] for batches in epochs]
    return found


def _samples(batch: Any) -> list[Sample]:
    names = [meta["ori_filename"] for meta in batch["img_metas"].data[0]]
    images, boxes = batch["img"].data[0], batch["gt_bboxes"].data[0]
    contents = [
        hashlib.sha256(image.numpy().tobytes() + own.numpy().tobytes()).hexdigest()
        for image, own in zip(images, boxes, strict=True)
    ]
    return list(zip(names, contents, strict=True))


def wrapped_metrics(pair: CocoPair, tree: Any, loader_type: str) -> tuple[int, Any, dict[str, Any] | None]:
    """How many batches of validation this rank has, and on rank 0 the results of the seeded detector and their
    metrics.
    """
    from penstock.integrations.mmdet import build_dataloader
    from penstock.integrations.mmdet.training.device import OneDevice, Replica
    from penstock.integrations.mmdet.training.evaluation import results_of_ranks

    distributed = torch.distributed.is_initialized()
    val = own_tree(tree, test_mode=True)
    model = seeded_detector(config(pair, Path()))
    device = torch.device("cpu")
    wrapped = Replica(model, device) if distributed else OneDevice(model, device)
    with build_dataloader(val, 1, 0, dist=distributed, shuffle=False, loader_type=loader_type) as loader:
        results = results_of_ranks(wrapped, loader)
    return len(loader), results, None if results is None else val.evaluate(results, metric="bbox")

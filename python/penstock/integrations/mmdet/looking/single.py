"""What a configuration's pipeline makes of one sample after another, in any order."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from penstock.dataset import Dataset
from penstock.detection.shown import Shown
from penstock.integrations.mmdet.detection_loader import build_dataloader
from penstock.integrations.mmdet.looking.pictures import first_samples
from penstock.integrations.mmdet.split_loader import build_split_loader
from penstock.integrations.openmmlab.looking import check_taken

__all__ = ["SampleLooker"]


class SampleLooker:
    """Runs the pipeline on single samples. Each comes out as in training with this seed, in the epoch that is asked
    for.

    Args:
        cfg: An ``mmcv.Config``.
        split: "train", "val" or "test".
        dataset: The dataset, in place of the configuration's.
        seed: Of what is random.

    Raises:
        ConfigError: A configuration that cannot work.
    """

    def __init__(self, cfg: Any, split: str, dataset: Dataset, seed: int) -> None:
        # No worker processes for a few samples.
        options: dict[str, Any] = {"workers_per_gpu": 0, "persistent_workers": False}
        self._whole = build_split_loader(
            cfg, split, dataset, shuffle=False, seed=seed, samples_per_gpu=1, num_threads=1, **options
        )
        self._seed = seed
        self._lock = threading.Lock()

    def __enter__(self) -> SampleLooker:
        return self

    def __exit__(self, *error: object) -> None:
        self._whole.close()

    def shown(self, index: int, epoch: int) -> list[Shown]:
        """The sample of an index of the dataset in an epoch; of test-time augmentation each view.

        Raises:
            ConfigError: The split leaves the sample out, or its pipeline makes no batches that a model takes.
            PenstockError: What loading raises.
        """
        check_taken(self._whole.items.indices, index)
        # One after the other: the pipeline may be the user's own, and not made for threads.
        with self._lock:
            loader = build_dataloader(
                self._whole.detection,
                1,
                0,
                shuffle=False,
                seed=self._seed,
                num_threads=1,
                loader_type=self._whole.loader_type,
                only=np.array([index], np.int64),
            )
            with loader:
                loader.set_epoch(epoch)
                return first_samples(loader, 1)

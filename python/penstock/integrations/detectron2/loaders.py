"""Loaders of Detectron2's batches: lists of dicts."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.detection.sampler import GroupedSampler, RepeatedSampler, grouped_sampler
from penstock.errors import ConfigError
from penstock.integrations.detectron2.images import Images
from penstock.integrations.detectron2.programs import mapper_program
from penstock.loader import DataLoader
from penstock.loading.options import LoaderOptions, resolve_shuffle
from penstock.loading.program import Program
from penstock.loading.sampling import world
from penstock.loading.seed import LoaderSeed

__all__ = ["TestLoader", "TrainLoader"]

Mapper = Callable[[dict[str, Any]], Any]


class _ImageLoader(DataLoader):
    """A loader of images. Worker processes run what is Python's: augmentations that the core does not have, or a mapper
    of the user's own. Where there is none of these, so many threads decode.
    """

    def __init__(
        self, images: Images, mapper: Mapper, batch_size: int, sampler: Any, num_workers: int, **options: Any
    ) -> None:
        self.images = images
        program = mapper_program(images, mapper)
        if program.native is None or not all(step.native for step in program.steps):
            options = {"num_workers": num_workers, **options}
        elif num_workers:
            options = {"num_threads": num_workers, **options}
        read = {key: name for key, name in images.tensors.items() if key in (program.reads or ("img",))}
        super().__init__(
            images.source,
            batch_size,
            tensors=read,
            transform=program,
            sampler=sampler,
            decode={"img": "bytes"} if self._as_files(program) else None,
            **options,
        )

    def _as_files(self, program: Program) -> bool:
        """Whether the mapper reads the images by itself, and they are stored as files."""
        tensor = self.images.source[self.images.tensors["img"]]
        return program.reads is None and tensor.sample_compression is not None


class TrainLoader(_ImageLoader):
    """Batches of training, without end: epoch after epoch.

    Every image comes once an epoch, in batches of one group of aspect ratio where that is asked for; a group that does
    not divide by the batch size of all ranks is filled up with images of its own. Order and random numbers follow from
    the seed, the epoch and the image alone: not from threads, workers or ranks.

    Args:
        images: What is loaded.
        mapper: Detectron2's DatasetMapper, or a callable that takes a dict.
        batch_size: Images of a batch of one rank.
        aspect_ratio_grouping: Batches of images that are wider than high, or that are not.
        factors: How often each image comes in an epoch, on average, [images]; None: once.
        subset: The places of the images that are loaded; None: all.
        shuffle: True, or ``"chunk"`` or ``"full"``, as of :class:`penstock.DataLoader`.
        shuffle_window: As there.
        num_workers: Threads that decode, or processes for what runs in Python.
        seed: Of order and augmentations; drawn from torch's generator where it is None.
        rank, world_size: Default: those of ``torch.distributed`` if it runs.
        options: Further arguments of :class:`penstock.DataLoader`.

    ``len(loader)`` are the batches of an epoch. ``state_dict()`` tells how many were handed out.

    Raises:
        ConfigError: As of :func:`mapper_program`.
    """

    def __init__(
        self,
        images: Images,
        mapper: Mapper,
        batch_size: int,
        *,
        aspect_ratio_grouping: bool = True,
        factors: npt.NDArray[Any] | None = None,
        subset: npt.NDArray[np.int64] | None = None,
        shuffle: bool | str = True,
        shuffle_window: int = LoaderOptions.shuffle_window,
        num_workers: int = 0,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        **options: Any,
    ) -> None:
        ranks = functools.partial(world, rank, world_size)
        own_seed = LoaderSeed(seed, options.get("generator"), ranks)
        chosen = np.arange(len(images)) if subset is None else np.asarray(subset, np.int64)
        indices = images.indices[chosen]
        groups = images.groups[chosen] if aspect_ratio_grouping else np.zeros(len(chosen), np.uint8)
        given: dict[str, Any] = {"batch_size": batch_size, "seed": own_seed, "world": ranks}
        mode = resolve_shuffle(shuffle, remote=images.source.is_remote)
        sampler: GroupedSampler
        if factors is not None:
            sampler = RepeatedSampler(np.asarray(factors)[chosen], indices, groups, **given)
        elif mode == "none":
            raise ConfigError("a loader of training shuffles", hint="Pass shuffle=True, 'chunk' or 'full'")
        else:
            names = images.tensors.values()
            sampler = grouped_sampler(images.source, names, mode, shuffle_window, indices, groups, **given)
        super().__init__(
            images,
            mapper,
            batch_size,
            sampler,
            num_workers,
            seed=own_seed,
            rank=rank,
            world_size=world_size,
            shuffle_window=shuffle_window,
            **options,
        )
        facts = (indices, groups, *(() if factors is None else (np.asarray(factors),)))
        order = zlib.crc32(b"".join(np.ascontiguousarray(fact).tobytes() for fact in facts))
        self._epochs.order_detail = f", images and groups {order:08x}, batches of {batch_size}"

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Goes through epochs without end, from where :meth:`load_state_dict` or :meth:`set_epoch` has led."""
        while True:
            yield from super().__iter__()


class TestLoader(_ImageLoader):
    """The images in their order: of each rank a part of it, all together each image once.

    Args:
        images: What is loaded.
        mapper: Detectron2's DatasetMapper, or a callable that takes a dict.
        batch_size: Images of a batch.
        num_workers: Threads that decode, or processes for what runs in Python.
        rank, world_size: Default: those of ``torch.distributed`` if it runs.
        options: Further arguments of :class:`penstock.DataLoader`.

    Raises:
        ConfigError: As of :func:`mapper_program`.
    """

    __test__ = False  # for pytest, which takes it for a test by its name

    def __init__(
        self,
        images: Images,
        mapper: Mapper,
        batch_size: int = 1,
        *,
        num_workers: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        **options: Any,
    ) -> None:
        own = np.array_split(images.indices, world(rank, world_size)[1])[world(rank, world_size)[0]]
        # Without a draw from torch's generator, which training goes on with.
        super().__init__(images, mapper, batch_size, own.tolist(), num_workers, **{"seed": 0, **options})

"""From what the links of a chain said to the loader underneath."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from penstock.chain.forms import BatchForm, SampleForm, as_they_are, collate
from penstock.chain.order import ChainSampler
from penstock.chain.settings import DECODE_METHODS, Settings
from penstock.dataset import Dataset, Tensor
from penstock.dataset.joined import JoinedDataset
from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.dataset.lake3.rows import Rows
from penstock.described import described
from penstock.errors import ConfigError
from penstock.loader import DataLoader
from penstock.loading.options import default_threads, resolve_loader_type
from penstock.loading.sampling import alone, world

__all__ = ["batch_form", "build_loader", "collate_of", "full_name", "own_name", "sample_count"]


def own_name(dataset: Dataset, name: str) -> str:
    """A tensor's name in the dataset; of a group's, Deep Lake's full name is taken too.

    Raises:
        TensorNotFoundError: The dataset has no such tensor.
    """
    prefix = _group(dataset)
    if name not in dataset.tensors and prefix and isinstance(name, str):
        name = name.removeprefix(prefix)
    return dataset[name].name


def full_name(dataset: Dataset, name: str) -> str:
    """The key of a tensor in samples and batches: its name with its group's, as Deep Lake's chain has it."""
    return _group(dataset) + name


def sample_count(settings: Settings) -> int:
    """Samples of the dataset that all selected tensors have."""
    return min((len(tensor) for tensor in _tensors(settings).values()), default=0)


def collate_of(settings: Settings) -> Callable[[list[Any]], Any]:
    """What makes a batch of samples."""
    ending = settings.ending
    if ending.mode != "pytorch":
        return as_they_are
    return ending.collate_fn or collate


def build_loader(
    settings: Settings, worker_init_fn: Callable[[int], None] | None, multiprocessing_context: Any
) -> DataLoader:
    """The loader.

    Raises:
        ConfigError: A tensor without samples; a name in ``decode_method`` or in the transform that is not loaded.
        ValueError: Wrong arguments of the links.
    """
    ending, dataset = settings.ending, settings.dataset
    tensors = _tensors(settings)
    for tensor in tensors.values():
        _check_not_empty(tensor)
    form = None if _loads_batches(settings) else _sample_form(settings, tensors)
    # Deep Lake's loaders share samples among ranks where they are told to alone.
    rank, world_size = (None, None) if ending.distributed else alone()
    arguments: dict[str, Any] = {"shuffle": bool(settings.shuffle)}
    make: Callable[..., DataLoader] = DataLoader
    if settings.weights is not None or settings.offset:
        make, arguments = _DrawnLoader, {"sampler": _sampler(settings, len_of(tensors))}
    return make(
        dataset,
        seed=settings.seed,
        batch_size=settings.batch_size or 1,
        drop_last=settings.drop_last,
        loader_type=settings.loader_type,
        tensors={key: tensor.name for key, tensor in tensors.items()},
        decode=_decode(settings, tensors),
        transform=form,
        collate_fn=None if form is None else collate_of(settings),
        prefetch_factor=ending.prefetch_factor,
        rank=rank,
        world_size=world_size,
        return_index=ending.return_index,
        on_error="skip" if settings.skip_errors else "raise",
        **_threads_and_workers(settings, worker_init_fn, multiprocessing_context),
        **arguments,
    )


def batch_form(settings: Settings) -> BatchForm | None:
    """What the loader's batches go through; None where its collate has made them what they are to be."""
    if not _loads_batches(settings):
        return None
    tensors = _tensors(settings)
    return BatchForm(_rows(settings.dataset, tensors), _json_keys(settings, tensors))


def len_of(tensors: Mapping[str, Tensor]) -> int:
    """Samples that all of these have."""
    return min((len(tensor) for tensor in tensors.values()), default=0)


def _threads_and_workers(
    settings: Settings, worker_init_fn: Callable[[int], None] | None, multiprocessing_context: Any
) -> dict[str, Any]:
    ending = settings.ending
    if resolve_loader_type(settings.loader_type) == "c++" and settings.transform is None and ending.collate_fn is None:
        # Threads of the core do all the work.
        return {"num_threads": default_threads(ending.num_threads, ending.num_workers)}
    if not ending.num_workers:
        # Deep Lake lets pass what is of workers alone.
        return {"num_threads": ending.num_threads}
    return {
        "num_threads": ending.num_threads,
        "num_workers": ending.num_workers,
        "persistent_workers": ending.persistent_workers,
        "worker_init_fn": worker_init_fn,
        "multiprocessing_context": multiprocessing_context,
    }


def _loads_batches(settings: Settings) -> bool:
    """Whether batches are made without Python for each sample."""
    ending = settings.ending
    return ending.mode == "pytorch" and settings.transform is None and ending.collate_fn is None


def _tensors(settings: Settings) -> dict[str, Tensor]:
    dataset = settings.dataset
    names = list(dataset.tensors) if settings.tensors is None else settings.tensors
    return {full_name(dataset, name): dataset[name] for name in names}


def _sample_form(settings: Settings, tensors: Mapping[str, Tensor]) -> SampleForm:
    dataset, transform = settings.dataset, settings.transform
    keys: dict[str, str] = {}
    if isinstance(transform, Mapping):
        keys = {key: _transformed_key(settings, key) for key in transform}
    return SampleForm(
        _rows(dataset, tensors),
        transform,
        keys,
        _json_keys(settings, tensors),
        widens=settings.ending.mode == "pytorch",
    )


def _transformed_key(settings: Settings, key: str) -> str:
    if key != "index":
        return full_name(settings.dataset, own_name(settings.dataset, key))
    if not settings.ending.return_index:
        raise ConfigError("the transform names 'index', which samples have with .pytorch(return_index=True) alone")
    return key


def _decode(settings: Settings, tensors: Mapping[str, Tensor]) -> dict[str, str] | None:
    methods = settings.ending.decode_method
    if methods is None:
        return None
    if not isinstance(methods, Mapping):
        raise TypeError(f"decode_method must be a dict of tensors' names to methods, got {described(methods)}")
    decode = {}
    for name, method in methods.items():
        key = next((key for key, tensor in tensors.items() if name in (key, tensor.name)), None)
        if key is None:
            raise ConfigError(f"decode_method names {described(name)}, which is not among the loaded {list(tensors)}")
        if method not in DECODE_METHODS:
            known = ", ".join(map(repr, DECODE_METHODS))
            raise ConfigError(f"decode_method[{name!r}] must be one of {known}, got {described(method)}")
        decode[key] = DECODE_METHODS[method]
    return decode


def _json_keys(settings: Settings, tensors: Mapping[str, Tensor]) -> frozenset[str]:
    decode = _decode(settings, tensors) or {}
    return frozenset(
        key
        for key, tensor in tensors.items()
        if tensor.htype == "json" and tensor.format_version == 3 and decode.get(key, "numpy") == "numpy"
    )


class _DrawnLoader(DataLoader):
    """A loader whose sampler draws from the loader's seed, also from one that comes with a state."""

    def __init__(self, dataset: Dataset, *, sampler: ChainSampler, **arguments: Any) -> None:
        super().__init__(dataset, sampler=sampler, **arguments)
        sampler.draw_from(self._seed)


def _sampler(settings: Settings, samples: int) -> ChainSampler:
    distributed = settings.ending.distributed
    sampler = ChainSampler(
        samples,
        shuffle=bool(settings.shuffle),
        weights=settings.weights,
        offset=settings.offset or 0,
        world=functools.partial(world, None, None) if distributed else alone,
        drop_last=settings.drop_last,
    )
    sampler.shared_by_hand = not distributed
    return sampler


def _rows(dataset: Dataset, tensors: Mapping[str, Tensor]) -> Rows | None:
    """For a view of a dataset, or samples picked of one, the number in the dataset of each."""
    if isinstance(dataset, JoinedDataset) and len(dataset.parts) == 1:
        part = dataset.parts[0]
        inner = _rows(part, part.tensors)
        return dataset.index_of if inner is None else np.asarray(inner, dtype=np.int64)[dataset.index_of]
    if not isinstance(dataset, Lake3Dataset) or not tensors:
        return None
    shortest = min(tensors.values(), key=len)
    return dataset[shortest.name].rows


def _check_not_empty(tensor: Tensor) -> None:
    # A view of a tensor that has samples may have none.
    if len(tensor) == 0 and tensor.chunk_count() == 0:
        raise ConfigError(
            "the tensor has no samples",
            tensor=tensor.name,
            path=tensor.path,
            hint="Fill it, or choose others with tensors=[...]",
        )


def _group(dataset: Dataset) -> str:
    """The group that a view of a Deep Lake 3 dataset shows, with a slash; "" for none."""
    group = dataset.selection.group if isinstance(dataset, Lake3Dataset) else ""
    return f"{group}/" if group else ""

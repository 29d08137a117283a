"""All that a user says to the loader, checked in one place before anything starts."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch

from penstock._native import HAVE_NATIVE, require_native
from penstock.cores import usable_cores
from penstock.dataset import Dataset, Tensor
from penstock.described import described
from penstock.errors import ConfigError
from penstock.format.sample import DECODINGS, Decode
from penstock.loading.byte_sizes import byte_size
from penstock.loading.coefficients import check_coefficient_cache
from penstock.loading.disk_cache import check_disk_cache
from penstock.similar import similar

__all__ = [
    "LOADER_TYPES",
    "SAMPLES_A_THREAD",
    "SHUFFLES",
    "LoaderOptions",
    "LoaderType",
    "Shuffle",
    "can_pin",
    "check_decode",
    "check_torch_options",
    "resolve_loader_type",
    "resolve_shuffle",
    "select_tensors",
]

logger = logging.getLogger("penstock")

LoaderType = Literal["c++", "python"]
LOADER_TYPES = ("auto", "c++", "cpp", "python")
Shuffle = Literal["none", "full", "chunk"]
#: What ``shuffle`` may be beside a truth value.
SHUFFLES = ("chunk", "full")
#: Samples that are under way in the core for each decoding thread, beside those of one batch, however small batches
#: are. A thread may be at the last sample of the batch whose turn it is for two or three times as long as others take:
#: the batches behind must not run out of samples meanwhile.
SAMPLES_A_THREAD = 3


@dataclass(frozen=True)
class LoaderOptions:
    """What both loaders need to know beside the data. See :class:`penstock.DataLoader` for the meaning."""

    batch_size: int | None = 1
    drop_last: bool = False
    num_threads: int = 1
    num_workers: int = 0
    prefetch_factor: int = 2
    pin_memory: bool = False
    timeout: float = 0
    worker_init_fn: Any = None
    persistent_workers: bool = False
    multiprocessing_context: Any = None
    chunk_cache_bytes: int = 256 << 20
    shuffle_window: int = 16
    read_ahead_bytes: int | None = None
    memory_limit: int | str | None = None
    cache_dir: str | os.PathLike[str] | None = None
    cache_size: int | str | None = None
    cache: str | None = None
    cache_bytes: int | str | None = None

    def __post_init__(self) -> None:
        if self.batch_size is not None:
            _whole_number("batch_size", self.batch_size, least=1)
        _whole_number("num_threads", self.num_threads, least=1)
        _whole_number("num_workers", self.num_workers, least=0)
        _whole_number("prefetch_factor", self.prefetch_factor, least=1)
        _whole_number("chunk_cache_bytes", self.chunk_cache_bytes, least=0)
        _whole_number("shuffle_window", self.shuffle_window, least=1)
        if self.read_ahead_bytes is not None:
            _whole_number("read_ahead_bytes", self.read_ahead_bytes, least=0)
        if self.memory_limit is not None:
            byte_size("memory_limit", self.memory_limit)
        check_disk_cache(self.cache_dir, self.cache_size)
        check_coefficient_cache(self.cache, self.cache_bytes, self.cache_dir)
        if isinstance(self.timeout, bool) or not isinstance(self.timeout, int | float):
            raise TypeError(f"timeout must be a number of seconds, got {described(self.timeout)}")
        # Also false for what is not a number, which no wait would ever reach.
        if not self.timeout >= 0:
            raise ValueError(f"timeout must not be negative, got {self.timeout}")
        methods = multiprocessing.get_all_start_methods()
        if isinstance(self.multiprocessing_context, str) and self.multiprocessing_context not in methods:
            raise ValueError(
                f"multiprocessing_context must be one of {', '.join(map(repr, methods))}, or such a context, "
                f"got {described(self.multiprocessing_context)}"
            )


def can_pin() -> bool:
    """Whether memory can be pinned; the log says where it cannot."""
    if torch.cuda.is_available():
        return True
    logger.info("pin_memory has no effect: there is no GPU")
    return False


def check_torch_options(
    num_workers: int,
    persistent_workers: bool,
    multiprocessing_context: Any,
    pin_memory_device: str,
    in_order: bool,
    batch_size: int | None,
    drop_last: bool,
) -> None:
    """What torch's loader refuses, and this one too.

    Raises:
        ValueError, TypeError: Arguments that exclude each other, or of a wrong type.
    """
    if not isinstance(pin_memory_device, str):
        raise TypeError(f"pin_memory_device must be a str, got {described(pin_memory_device)}")
    if not isinstance(in_order, bool):
        raise TypeError(f"in_order must be a bool, got {described(in_order)}")
    if batch_size is None and drop_last:
        raise ValueError("batch_size=None makes no batches, and excludes drop_last")
    context = multiprocessing_context
    if not (context is None or isinstance(context, str | multiprocessing.context.BaseContext)):
        raise TypeError(f"multiprocessing_context must be a start method or a context, got {described(context)}")
    if num_workers == 0:
        for name, given in (("persistent_workers", persistent_workers), ("multiprocessing_context", context)):
            if given:
                raise ValueError(f"{name} is of worker processes: it needs num_workers > 0")


def _whole_number(name: str, value: object, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        # With its type: numpy's numbers may look like Python's.
        raise TypeError(f"{name} must be an int, got {described(value)} ({type(value).__name__})")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def default_threads(num_threads: int | None, num_workers: int) -> int:
    """Threads to decode with: as asked, else as many as workers were asked for, else one for each core that
    :func:`penstock.cores.usable_cores` counts.
    """
    if num_threads is not None:
        return num_threads
    _whole_number("num_workers", num_workers, least=0)
    return num_workers if num_workers > 0 else usable_cores()


def resolve_loader_type(loader_type: str) -> LoaderType:
    """``"c++"`` or ``"python"``; ``"auto"`` is the native one where it is installed.

    Raises:
        ValueError: No such loader type.
        NativeUnavailableError: ``"c++"`` without the extension.
    """
    if not isinstance(loader_type, str) or loader_type not in LOADER_TYPES:
        known = ", ".join(map(repr, LOADER_TYPES))
        raise ValueError(f"loader_type must be one of {known}, got {described(loader_type)}")
    if loader_type == "python" or (loader_type == "auto" and not HAVE_NATIVE):
        return "python"
    require_native()
    return "c++"


def resolve_shuffle(shuffle: bool | str | None, *, remote: bool) -> Shuffle:
    """How to shuffle: True is ``"chunk"`` where the dataset is remote, else ``"full"``.

    Raises:
        ValueError: There is no such shuffling.
    """
    if isinstance(shuffle, str):
        if shuffle in SHUFFLES:
            return cast(Shuffle, shuffle)
    elif shuffle is None or (isinstance(shuffle, bool | int | np.bool_) and shuffle in (0, 1)):
        return ("chunk" if remote else "full") if shuffle else "none"
    known = ", ".join(map(repr, SHUFFLES))
    raise ValueError(f"shuffle must be True, False or one of {known}, got {described(shuffle)}")


def select_tensors(
    dataset: Dataset,
    tensors: Sequence[str] | Mapping[str, str] | None,
    decode: Mapping[str, str] | None = None,
) -> dict[str, Tensor]:
    """The tensors to load by their key in the sample; ``None`` is all visible ones under their own names.

    Whether one can be read depends on what :func:`check_decode` will say of its key.

    Raises:
        TensorNotFoundError: A name that the dataset does not have.
        UnsupportedError: A tensor that cannot be read yet, by name.
        ConfigError: No tensors.
    """
    if tensors is None:
        tensors = list(dataset.tensors)
    elif isinstance(tensors, str):
        raise TypeError(f"tensors must be a list of names or a dict, got the string {tensors!r}")
    elif not isinstance(tensors, Iterable):
        raise TypeError(f"tensors must be a list of names or a dict, got {described(tensors)}")
    names = dict(tensors) if isinstance(tensors, Mapping) else {name: name for name in tensors}
    if not names:
        raise ConfigError("no tensors to load", path=dataset.path)
    selected = {key: dataset[name] for key, name in names.items()}
    decodings = check_decode(decode, selected)
    for key, tensor in selected.items():
        tensor.check_supported(decodings.get(key, "numpy"))
    return selected


def check_decode(
    decode: Mapping[str, str] | None, tensors: Mapping[str, Tensor], colors: Mapping[str, str] | None = None
) -> dict[str, Decode]:
    """What becomes of the samples, by key; keys that are not named give arrays.

    Args:
        decode: As the user says it.
        tensors: The tensors by key.
        colors: Keys of which a pipeline needs arrays.

    Raises:
        TypeError: No dict.
        ConfigError: A key that is not loaded, no such value, or one that does not fit the tensor or the pipeline.
    """
    if decode is None:
        return {}
    if not isinstance(decode, Mapping):
        raise TypeError(f"decode must be a dict of keys to {', '.join(map(repr, DECODINGS))}, got {described(decode)}")
    for key, value in decode.items():
        if key not in tensors:
            raise ConfigError(
                f"decode names {described(key)}, which is not loaded",
                hint=similar(described(key), list(tensors), "No tensors are loaded"),
            )
        if not isinstance(value, str) or value not in DECODINGS:
            raise ConfigError(
                f"decode[{key!r}] must be one of {', '.join(map(repr, DECODINGS))}, got {described(value)}",
                hint=similar(described(value), list(DECODINGS), ""),
            )
        if value == "pil" and not tensors[key].decodes_images:
            raise ConfigError(f"decode[{key!r}] is 'pil', but htype '{tensors[key].htype}' is no image")
        if value != "numpy" and key in (colors or {}):
            raise ConfigError(f"decode[{key!r}] is {value!r}, but the pipeline needs arrays of it")
    return cast(dict[str, Decode], dict(decode))

"""Writing datasets with the real deeplake library."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from support.require import require

__all__ = ["Lake", "encoded", "link", "link_tiled", "new_lake", "open_lake", "read_oracle"]

Lake = Any  # deeplake.Dataset: the library has no types


@contextmanager
def new_lake(path: Path | str) -> Iterator[Lake]:
    """A new dataset at ``path``, written out at the end."""
    deeplake = require("deeplake")
    with _quiet():
        lake = deeplake.empty(str(path))
        yield lake
        lake.flush()


@contextmanager
def open_lake(path: Path, read_only: bool = True) -> Iterator[Lake]:
    """An existing dataset, read by deeplake: the oracle."""
    deeplake = require("deeplake")
    with _quiet():
        lake = deeplake.load(str(path), read_only=read_only, verbose=False, check_integrity=True)
        yield lake
        if not read_only:
            lake.flush()


def read_oracle(tensor: Any, index: int) -> Any:
    """A sample as deeplake reads it: ``numpy()``, or the list of a sequence's items where their shapes differ.

    Of chunks that are one image it gives what is cut from that image: gray without the third axis and with the file's
    dtype, whatever shape and dtype it states of the sample and gives of it with any other compression. These count.
    """
    from deeplake.compression import get_compression_type
    from deeplake.util.exceptions import DynamicTensorNumpyError

    try:
        value = tensor[index].numpy()
    except DynamicTensorNumpyError:
        value = tensor[index].numpy(aslist=True)
    if get_compression_type(tensor.meta.chunk_compression) != "image":
        return value
    return value.astype(tensor.dtype).reshape(tensor.chunk_engine.read_shape_for_sample(index))


def encoded(data: bytes, compression: str) -> Any:
    """A sample that deeplake stores byte for byte."""
    from deeplake.core.sample import Sample

    return Sample(buffer=data, compression=compression)


def link(target: str) -> Any:
    """A sample of a tensor of links."""
    import deeplake

    return deeplake.link(target)


def link_tiled(targets: list[list[str]]) -> Any:
    """A sample of a tensor of links whose tiles are files."""
    import deeplake

    return deeplake.link_tiled(np.array(targets))


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # Advice: that gray images gain an axis, that loops are slow, that updates leave small chunks.
        warnings.filterwarnings("ignore", category=UserWarning, module="deeplake")
        warnings.filterwarnings("ignore", "Conversion of an array", DeprecationWarning, module="deeplake")
        yield

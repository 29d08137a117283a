"""Datasets and tensors as the C++ core takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from penstock.dataset import Dataset
from penstock.dataset.interface import InChunks
from penstock.dataset.lake3.rows import Rows
from penstock.loading.readings import Reading
from penstock.storage.store import Store

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["native_roots", "native_store", "tensor_source"]


def native_store(dataset: Dataset) -> str | Store | list[str | Store]:
    """A dataset's files as the core takes them: directories it reads by itself; of Deep Lake 4, where it reads none,
    the path; a list where datasets are joined.
    """
    stores = [store.for_core() for store in dataset.stores]
    return stores if len(stores) > 1 else (stores or [dataset.path])[0]


def native_roots(roots: Sequence[str | None]) -> str | list[str | None] | None:
    """The roots of a dataset's stores in the form in which :func:`native_store` gives the stores."""
    return list(roots) if len(roots) > 1 else roots[0]


def tensor_source(native: Any, reading: Reading) -> _core.TensorSource:
    """A tensor as the core knows it."""
    made = _stored_source(native, reading)
    if reading.images is not None and reading.route == "arrays":
        made.arrange(planes=reading.images.layout == "nchw", scale=reading.images.core_scale)
    return made


def _stored_source(native: Any, reading: Reading) -> _core.TensorSource:
    source = reading.tensor.core_source()
    if source.in_chunks is not None:
        return _chunk_source(native, reading, source.in_chunks)
    return native.TensorSource.from_reader(  # type: ignore[no-any-return]
        name=reading.tensor.name,
        is_image=reading.tensor.is_image,
        item_size=reading.core_dtype.itemsize,
        sample_compression=reading.core_compression,
        color=reading.color,
        as_bytes=reading.route == "bytes",
        read=source.read_many,
    )


def _chunk_source(native: Any, reading: Reading, stored: InChunks) -> _core.TensorSource:
    chunks, layout, runs = stored.chunks, stored.layout, stored.runs
    fixed = reading.core_fixed_shape(layout.fixed_shape)
    return native.TensorSource(  # type: ignore[no-any-return]
        name=reading.tensor.name,
        is_image=layout.is_image,
        item_size=reading.core_dtype.itemsize,
        sample_compression=reading.core_compression,
        chunk_compression=layout.chunk_compression or "none",
        fixed_shape=None if fixed is None else list(fixed),
        dimensions=layout.ndim,
        color=reading.color,
        as_bytes=reading.route == "bytes",
        is_bool=reading.core_dtype.kind == "b",
        ids=chunks.ids,
        last_index=chunks.last_index,
        folder_of=chunks.folder_of,
        folders=chunks.folders,
        tiles=[(index, tiling.sample_shape, tiling.tile_shape) for index, tiling in chunks.tiles.items()],
        sequences=None if runs is None else (runs.lengths, runs.first_item, runs.last),
        rows=_row_map(native, stored.rows),
    )


def _row_map(native: Any, rows: Rows | None) -> _core.RowMap | None:
    if rows is None:
        return None
    result: _core.RowMap = native.RowMap(rows.start, rows.step) if isinstance(rows, range) else native.RowMap(rows)
    return result

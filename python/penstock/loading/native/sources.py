"""Datasets and tensors as the C++ core takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.dataset import Dataset
from penstock.dataset.joined import JoinedDataset, JoinedTensor
from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.dataset.lake3.rows import Rows
from penstock.dataset.lake3.tensor import Lake3Tensor
from penstock.dataset.lake4 import Lake4Tensor
from penstock.loading.readings import Reading
from penstock.storage.store import LocalStore, Store

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["native_store", "tensor_source"]


def native_store(dataset: Dataset) -> str | Store | list[str | Store]:
    """A dataset's files as the core takes them: directories it reads by itself; of Deep Lake 4, where it reads none,
    the path; a list where datasets are joined.
    """
    if isinstance(dataset, JoinedDataset):
        stores = [_native_store(store) for store in dataset.stores] or [dataset.path]
        return stores if len(stores) > 1 else stores[0]
    return _native_store(dataset.store) if isinstance(dataset, Lake3Dataset) else dataset.path


def _native_store(store: Store) -> str | Store:
    return store.root if isinstance(store, LocalStore) else store


def tensor_source(native: Any, reading: Reading) -> _core.TensorSource:
    """A tensor as the core knows it."""
    tensor = reading.tensor
    if isinstance(tensor, Lake4Tensor) or (isinstance(tensor, JoinedTensor) and tensor.reads_many):
        return _read_source(native, tensor, reading)
    assert isinstance(tensor, Lake3Tensor | JoinedTensor)
    chunks, layout = tensor.chunks, tensor.layout
    fixed = reading.core_fixed_shape
    runs = tensor.sequences if isinstance(tensor, Lake3Tensor) and tensor.is_sequence else None
    return native.TensorSource(  # type: ignore[no-any-return]
        name=tensor.name,
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
        rows=_row_map(native, tensor.rows),
    )


def _row_map(native: Any, rows: Rows | None) -> _core.RowMap | None:
    if rows is None:
        return None
    result: _core.RowMap = native.RowMap(rows.start, rows.step) if isinstance(rows, range) else native.RowMap(rows)
    return result


def _read_source(native: Any, tensor: Lake4Tensor | JoinedTensor, reading: Reading) -> _core.TensorSource:
    """A tensor whose samples come out of Python, encoded."""
    return native.TensorSource.from_reader(  # type: ignore[no-any-return]
        name=tensor.name,
        is_image=tensor.is_image,
        item_size=reading.core_dtype.itemsize,
        sample_compression=reading.core_compression,
        color=reading.color,
        as_bytes=reading.route == "bytes",
        read=tensor.read_many,
    )

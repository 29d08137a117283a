"""Types of the C++ extension. Internal: use :class:`penstock.DataLoader`."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

__version__: str
DEBUG_BUILD: bool

#: Memory (a uint8 array, or what ``allocate`` returned), each sample's offset in bytes and shape (of sequences: each
#: item's), and whether all shapes are equal: they then lie back to back, as the items of one sequence always do.
_TensorBatch = tuple[object, list[int], list[list[int]], bool]

class TensorSource:
    def __init__(
        self,
        *,
        name: str,
        is_image: bool,
        item_size: int,
        sample_compression: str,
        chunk_compression: str,
        fixed_shape: Sequence[int] | None,
        dimensions: int,
        color: str,
        as_bytes: bool,
        ids: Sequence[int] | npt.NDArray[np.uint64],
        last_index: Sequence[int] | npt.NDArray[np.int64],
        folder_of: Sequence[int] | npt.NDArray[np.uint32],
        folders: Sequence[str],
        tiles: Sequence[tuple[int, Sequence[int], Sequence[int]]],
        sequences: tuple[Sequence[int], Sequence[int], Sequence[int]] | None,
    ) -> None: ...

class Epoch:
    def next(self) -> tuple[npt.NDArray[np.int64], list[_TensorBatch]] | None: ...
    def close(self) -> None: ...

class Loader:
    def __init__(
        self,
        *,
        root: str,
        sources: Sequence[TensorSource],
        threads: int,
        io_threads: int,
        prefetch: int,
        cache_bytes: int,
        allocate: Callable[[int], tuple[int, object]] | None = None,
    ) -> None: ...
    def start(
        self, order: Sequence[int] | npt.NDArray[np.int64], batch_ends: Sequence[int] | npt.NDArray[np.int64]
    ) -> Epoch: ...
    def stats(self) -> dict[str, int | float]: ...
    def stop(self) -> None: ...

def decode_image(
    data: bytes, compression: str, shape: Sequence[int], item_size: int = 1, color: str = "native"
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]: ...
def parse_chunk_header(data: bytes) -> dict[str, object]: ...
def decompress_lz4(data: bytes) -> bytes: ...
def sample_randoms(seed: int, epoch: int, index: int, count: int) -> npt.NDArray[np.float64]: ...

"""Types of the C++ extension. Internal: use :class:`penstock.DataLoader`."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

__version__: str
DEBUG_BUILD: bool

#: Memory (a uint8 array, or what ``allocate`` returned), each sample's offset in bytes and shape, and whether all
#: shapes are equal: the samples then lie back to back.
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
    ) -> None: ...
    @staticmethod
    def from_reader(
        *,
        name: str,
        is_image: bool,
        item_size: int,
        sample_compression: str,
        color: str,
        as_bytes: bool,
        read: Callable[[list[int], bool], list[object]],
    ) -> TensorSource: ...

class AnnotationTable:
    def __init__(
        self,
        *,
        indices: npt.NDArray[np.int64],
        flags: npt.NDArray[np.uint8],
        offsets: npt.NDArray[np.int64],
        boxes: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int64],
        ignored_offsets: npt.NDArray[np.int64],
        ignored: npt.NDArray[np.float32],
    ) -> None: ...

class Detection:
    def __init__(
        self,
        *,
        steps: Sequence[object],
        table: AnnotationTable,
        image: int,
        gray: bool,
        layout: str,
        pad_value: float,
    ) -> None: ...

#: What each number of a row of an epoch's metas is.
META_COLUMNS: list[str]

class Epoch:
    def next(self) -> tuple[npt.NDArray[np.int64], list[_TensorBatch], npt.NDArray[np.float64]] | None: ...
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
        detection: Detection | None = None,
    ) -> None: ...
    def start(
        self,
        order: Sequence[int] | npt.NDArray[np.int64],
        batch_ends: Sequence[int] | npt.NDArray[np.int64],
        seed: int = 0,
        epoch: int = 0,
    ) -> Epoch: ...
    def stats(self) -> dict[str, int | float]: ...
    def stop(self) -> None: ...

def decode_image(
    data: bytes, compression: str, shape: Sequence[int], item_size: int = 1, color: str = "native"
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]: ...
def parse_chunk_header(data: bytes) -> dict[str, object]: ...
def decompress_lz4(data: bytes) -> bytes: ...
def sample_randoms(seed: int, epoch: int, index: int, count: int) -> npt.NDArray[np.float64]: ...
def run_pixels(
    images: Sequence[tuple[str, bytes, Sequence[int]]],
    plan: dict[str, object],
    planar: bool = False,
    padded: tuple[int, int] = (0, 0),
    pad_value: float = 0.0,
    color: str = "bgr",
) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]: ...

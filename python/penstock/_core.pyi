"""Types of the C++ extension. Internal: use :class:`penstock.DataLoader`."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypedDict, overload

import numpy as np
import numpy.typing as npt

from penstock.errors import PenstockError

__version__: str
DEBUG_BUILD: bool

class _About(TypedDict):
    """Libraries with their versions; the kernels' instruction set, by Highway's name; whether URLs are read by the
    core; the file of certificates that it trusts, "" where libcurl decides.
    """

    libraries: dict[str, str]
    instruction_set: str
    http: bool
    certificates: str

def about() -> _About: ...

#: Words for the events of a trace, by number; what the columns of their rows are.
TRACE_NAMES: tuple[str, ...]
TRACE_COLUMNS: tuple[str, ...]

def trace_start(events_a_thread: int) -> None:
    """Begins to record, and drops what was recorded before."""

def trace_stop() -> tuple[list[tuple[str, int, npt.NDArray[np.int64]]], list[str], int]:
    """Ends it. Of each thread: its name, its number and its events as rows; then the text of ``key`` and ``error`` by
    number; then how many events found no room.
    """


#: Memory (a uint8 array, or what ``allocate`` returned), each sample's offset in bytes and shape (of sequences: each
#: item's), and whether all shapes are equal: they then lie back to back, as the items of one sequence always do.
_TensorBatch = tuple[object, list[int], list[list[int]], bool]

class _PythonStore(Protocol):
    """What a loader needs of storage that Python reads; a path stands for a directory. One that has
    ``read_versioned(key, offset, length)`` is asked by it: it gives the bytes, the object's size, and its version.
    """

    def size(self, key: str) -> int: ...
    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes: ...

class RowMap:
    @overload
    def __init__(self, start: int, step: int) -> None: ...
    @overload
    def __init__(self, list: Sequence[int] | npt.NDArray[np.int64]) -> None: ...

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
        is_bool: bool,
        ids: Sequence[int] | npt.NDArray[np.uint64],
        last_index: Sequence[int] | npt.NDArray[np.int64],
        folder_of: Sequence[int] | npt.NDArray[np.uint32],
        folders: Sequence[str],
        tiles: Sequence[tuple[int, Sequence[int], Sequence[int]]],
        sequences: tuple[Sequence[int], Sequence[int], Sequence[int]]
        | tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]
        | None,
        rows: RowMap | None,
    ) -> None: ...
    def arrange(self, *, planes: bool, scale: str) -> None:
        """How images come out: as planes; scaled to "float32", "float16" or "bfloat16", or as stored ("none")."""
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
        mask_rows: npt.NDArray[np.int64],
        ignored_offsets: npt.NDArray[np.int64],
        ignored: npt.NDArray[np.float32],
        mask_counts: npt.NDArray[np.int64] = ...,
        ignore_flags: npt.NDArray[np.uint8] = ...,
    ) -> None: ...

class EpochPlaces:
    """The items of an annotation table in the order of an epoch: a permutation, which is copied."""

    def __init__(self, order: npt.NDArray[np.int64]) -> None: ...

class Detection:
    def __init__(
        self,
        *,
        steps: Sequence[object],
        table: AnnotationTable,
        image: int,
        masks: tuple[int, str | None, bool] | None,
        gray: bool,
        layout: str,
        pad_value: float,
        partner_steps: Sequence[int] | None = None,
    ) -> None: ...

#: What each number of a row of an epoch's metas is.
META_COLUMNS: list[str]

#: A row for each view of each sample, and of each tensor numpy's name of its elements' type; None where they are what
#: the dataset says.
_Metas = tuple[npt.NDArray[np.float64], list[str | None]]

class Epoch:
    def next(
        self, timeout: float = 0
    ) -> tuple[npt.NDArray[np.int64], list[_TensorBatch], _Metas] | None: ...
    @property
    def prefetch(self) -> int:
        """Batches that may be under way or ready, beside the one that was handed out last."""
    def close(self) -> None: ...

STATS: tuple[str, ...]

class Loader:
    def __init__(
        self,
        *,
        store: str | _PythonStore | list[str | _PythonStore],
        sources: Sequence[TensorSource],
        threads: int,
        prefetch: int,
        prefetch_samples: int = 0,
        cache_bytes: int,
        read_ahead_bytes: int = 134217728,
        memory_limit: int | None = None,
        io_threads: int | None = None,
        allocate: Callable[[int], tuple[int, object]] | None = None,
        detection: Detection | None = None,
        cache_dir: str | None = None,
        cache_size: int | None = None,
        cache_identity: str | Sequence[str | None] | None = None,
        cache_report: Callable[[str], object] | None = None,
        coefficient_bytes: int | None = None,
        coefficient_roots: Sequence[str] | None = None,
    ) -> None: ...
    def start(
        self,
        order: Sequence[int] | npt.NDArray[np.int64],
        batch_ends: Sequence[int] | npt.NDArray[np.int64],
        seed: int = 0,
        epoch: int = 0,
        after: Epoch | None = None,
        places: EpochPlaces | None = None,
    ) -> Epoch:
        """An int64 array is not copied: it must not change while the epoch goes on. ``after``: an epoch of this loader
        whose work comes first, until next() of the new one is called. ``places``: needed where a step of the detection
        takes images from a cache.
        """
    def stats(self) -> dict[str, int | float]: ...
    def memory(self) -> tuple[int, int, int]:
        """Bytes that are held now, the most that were, and by how much memory_limit was exceeded at most."""
    def begin_stop(self) -> None: ...
    def stop(self) -> None: ...

class Verifier:
    def __init__(
        self, *, store: str | _PythonStore, sources: Sequence[TensorSource], threads: int, decode: bool
    ) -> None: ...
    def next(self) -> tuple[int, list[tuple[PenstockError, int, tuple[int, int] | None]]] | None: ...
    def stop(self) -> None: ...

def decode_image(
    data: bytes, compression: str, shape: Sequence[int], item_size: int = 1, color: str = "native"
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]: ...
def decompress_lz4(data: bytes) -> bytes: ...
def permutation(seed: int, epoch: int, purpose: int, length: int) -> npt.NDArray[np.int64]: ...

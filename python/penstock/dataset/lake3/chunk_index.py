"""Which chunk holds which sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from penstock.dataset.lake3.encoders import parse_chunk_ids
from penstock.dataset.lake3.keys import CHUNK_IDS, CHUNK_SET, FIRST_COMMIT_ID, in_commit, is_safe_key
from penstock.dataset.lake3.records import damaged
from penstock.dataset.lake3.versions import Version
from penstock.errors import ChunkFormatError, DatasetFormatError
from penstock.format.tiles import Tiling
from penstock.storage.store import Store

__all__ = ["ChunkIndex", "chunk_set_keys", "read_chunk_index", "read_chunk_rows"]

# A chunk's header numbers its samples in 32 bits.
_MOST_SAMPLES = 2**32


@dataclass(frozen=True, eq=False)
class ChunkIndex:
    """One row a chunk; memory grows with the number of chunks, not of samples.

    Attributes:
        ids: uint64 [rows]: chunk ids.
        last_index: int64 [rows]: last sample of each row, inclusive; rises strictly but for tiles.
        folders: Directories of chunks relative to the dataset, such as "images/chunks".
        folder_of: uint32 [rows]: row -> position in ``folders``. A chunk lies in the folder of the commit
            that wrote it.
        tiles: How the samples are cut that are stored in tiles. The tiles of a sample should have a row each, one after
            the other, with nothing else in their chunks: see :meth:`tile_rows`.
    """

    ids: npt.NDArray[np.uint64]
    last_index: npt.NDArray[np.int64]
    folders: list[str]
    folder_of: npt.NDArray[np.uint32]
    tiles: dict[int, Tiling] = field(default_factory=dict)

    @property
    def num_samples(self) -> int:
        return int(self.last_index[-1]) + 1 if len(self.last_index) else 0

    def __len__(self) -> int:
        return len(self.ids)

    def first_index(self, row: int) -> int:
        """First sample of a row."""
        return 0 if row == 0 else int(self.last_index[row - 1]) + 1

    def locate(self, index: int) -> tuple[int, int]:
        """Row of a sample, or of its first tile, and its index within that row's chunk. Raises IndexError past the
        end.
        """
        if not 0 <= index < self.num_samples:
            raise IndexError(f"sample {index} is out of range: there are {self.num_samples}")
        row = int(np.searchsorted(self.last_index, index))
        return row, index - self.first_index(row)

    def rows_of(self, indices: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
        """Row of each of these samples, or of its first tile; of all where none are named. int64 [samples]."""
        if indices is None:
            return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.last_index, prepend=-1))
        return np.searchsorted(self.last_index, indices).astype(np.int64)

    def tile_rows(self, index: int) -> range:
        """Rows of the tiles of a sample that is in tiles.

        Raises:
            ChunkFormatError: They are not as many as its tiles, or the first one holds other samples too. Deep Lake
                leaves such an index when a sample in tiles is replaced by one that is cut otherwise.
        """
        first, local = self.locate(index)
        rows = range(first, int(np.searchsorted(self.last_index, index, side="right")))
        if local or len(rows) != self.tiles[index].count:
            raise ChunkFormatError(
                f"the sample is in {self.tiles[index].count} tiles, the index has {len(rows)} chunks for it"
                + (" and for others" if local else "")
            )
        return rows

    def key(self, row: int) -> str:
        """Key of a row's chunk, relative to the dataset: "images/chunks/1f"."""
        return f"{self.folders[self.folder_of[row]]}/{int(self.ids[row]):x}"


def read_chunk_rows(
    store: Store, version: Version, tensor_key: str, length: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Chunk ids and last sample indices, as in the tensor's chunk id encoder.

    Args:
        store: The dataset's files.
        version: Which state of it.
        tensor_key: The tensor's key.
        length: Number of samples that the metadata states: the encoder has to agree.

    Raises:
        DatasetFormatError: The encoder is missing or broken.
    """
    key = in_commit(version.commit_id, tensor_key, *CHUNK_IDS)
    try:
        ids, last = parse_chunk_ids(store.read(key))
    except FileNotFoundError:
        if length:
            raise damaged(f"'{key}' is missing", store.root) from None
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    except DatasetFormatError as error:
        raise damaged(f"'{key}': {error.cause}", store.root) from None
    covered = int(last[-1]) + 1 if len(last) else 0
    if covered != length:
        raise damaged(f"'{key}' describes {covered} samples, the tensor's metadata says {length}", store.root)
    return ids, last


def read_chunk_index(
    store: Store, version: Version, tensor_key: str, length: int, tiles: Mapping[int, Tiling] | None = None
) -> ChunkIndex:
    """Reads a tensor's chunk index and finds the commit that wrote each chunk.

    Args:
        store, version, tensor_key, length: As for :func:`read_chunk_rows`.
        tiles: The samples that are stored in tiles.

    Raises:
        DatasetFormatError: The encoder or a list of a commit's chunks is missing or broken.
    """
    ids, last = read_chunk_rows(store, version, tensor_key, length)
    tiles = tiles or {}
    if not set(last[1:][last[1:] == last[:-1]].tolist()) <= set(tiles):
        key = in_commit(version.commit_id, tensor_key, *CHUNK_IDS)
        raise damaged(f"'{key}': a chunk holds no sample", store.root)
    if np.any(np.diff(last, prepend=-1) > _MOST_SAMPLES):
        key = in_commit(version.commit_id, tensor_key, *CHUNK_IDS)
        raise damaged(f"'{key}': more samples than a chunk can number", store.root)
    places = _find_chunks(store, version, tensor_key, ids)
    folders = sorted(set(places))
    position = {folder: place for place, folder in enumerate(folders)}
    folder_of = np.fromiter((position[place] for place in places), dtype=np.uint32, count=len(places))
    return ChunkIndex(ids, last, folders, folder_of, dict(tiles))


def chunk_set_keys(version: Version, tensor_key: str) -> list[str]:
    """The files that say which commit wrote which chunk."""
    return [in_commit(commit, tensor_key, *CHUNK_SET) for commit in version.commits if commit != FIRST_COMMIT_ID]


def _find_chunks(
    store: Store, version: Version, tensor_key: str, ids: npt.NDArray[np.uint64]
) -> list[str]:
    """Folder of each chunk: that of the latest commit whose list has it, else that of the first commit."""
    written_by: dict[int, str] = {}
    for commit in reversed(version.commits):
        if commit != FIRST_COMMIT_ID:
            written_by.update(_read_chunk_set(store, commit, tensor_key))
    oldest = in_commit(FIRST_COMMIT_ID, tensor_key, "chunks")
    return [written_by.get(chunk, oldest) for chunk in ids.tolist()]


def _read_chunk_set(store: Store, commit: str, tensor_key: str) -> dict[int, str]:
    """Chunks that a commit wrote -> their folder. Entries are "id", "id:commit" or "id:commit:tensor key"."""
    key = in_commit(commit, tensor_key, *CHUNK_SET)
    try:
        text = store.read(key).decode("utf-8")
        chunks: dict[int, str] = {}
        for entry in text.split(",") if text else ():
            chunk, _, origin = entry.partition(":")
            origin_commit, _, origin_key = origin.partition(":")
            folder = in_commit(origin_commit or commit, origin_key or tensor_key, "chunks")
            if not is_safe_key(folder):
                raise ValueError(f"{entry!r} leads out of the dataset")
            chunks[int(chunk, 16)] = folder
        return chunks
    except FileNotFoundError:
        # A tensor that is younger than the commit, or one that the commit left alone.
        return {}
    except ValueError as error:
        raise damaged(f"'{key}' is no list of chunks: {error}", store.root) from error

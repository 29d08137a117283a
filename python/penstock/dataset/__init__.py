"""Datasets of every kind, behind one interface: opened, read, never locked. Uses storage/ and format/."""

from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.lake3.chunk_index import ChunkIndex
from penstock.dataset.open import DatasetLike, open_dataset

__all__ = ["ChunkIndex", "Dataset", "DatasetLike", "Tensor", "open_dataset"]

"""Opening datasets: metadata, versions, and which chunk holds which sample. Reads only, never locks."""

from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.lake3.chunk_index import ChunkIndex
from penstock.dataset.open import DatasetLike, open_dataset

__all__ = ["ChunkIndex", "Dataset", "DatasetLike", "Tensor", "open_dataset"]

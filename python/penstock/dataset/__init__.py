"""Opening datasets: metadata, versions, and which chunk holds which sample. Reads only, never locks."""

from penstock.dataset.chunk_index import ChunkIndex
from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.open import DatasetLike, open_dataset

__all__ = ["ChunkIndex", "Dataset", "DatasetLike", "Tensor", "open_dataset"]

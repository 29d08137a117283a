"""Opening datasets: metadata, versions, and which chunk holds which sample. Reads only, never locks."""

from penstock.dataset.chunk_index import ChunkIndex
from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.open import open_dataset

__all__ = ["ChunkIndex", "Dataset", "Tensor", "open_dataset"]

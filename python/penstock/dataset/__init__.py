"""Opening Deep Lake 3 datasets: metadata, versions, and which chunk holds which sample. Reads only, never
locks.
"""

from penstock.dataset.chunk_index import ChunkIndex
from penstock.dataset.dataset import Dataset
from penstock.dataset.open import open_dataset
from penstock.dataset.tensor import DECODINGS, Tensor

__all__ = ["DECODINGS", "ChunkIndex", "Dataset", "Tensor", "open_dataset"]

"""Samples of one or several datasets, in any order and any number of times, as one dataset. Uses dataset/."""

from penstock.dataset.joined.dataset import JoinedDataset
from penstock.dataset.joined.tensor import JoinedTensor

__all__ = ["JoinedDataset", "JoinedTensor"]

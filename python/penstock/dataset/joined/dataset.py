"""A dataset of other datasets' samples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.joined.tensor import JoinedTensor
from penstock.dataset.picking import ByNameAndNumber, make_subsets_with
from penstock.errors import ConfigError, PenstockError
from penstock.storage.store import Store

__all__ = ["JoinedDataset", "joined", "subset"]


class JoinedDataset(ByNameAndNumber[JoinedTensor]):
    """Samples of other datasets as one dataset, read only. Pickles as those do.

    Args:
        parts: The datasets; views, and of any version.
        tensors: For each tensor of this dataset its name in each part.
        part_of: int64 [samples]: which part each sample is of.
        index_of: int64 [samples]: which sample of that part it is.
    """

    def __init__(
        self,
        parts: Sequence[Dataset],
        tensors: Mapping[str, Sequence[str]],
        part_of: npt.NDArray[np.int64],
        index_of: npt.NDArray[np.int64],
    ) -> None:
        self.parts = tuple(parts)
        self.part_of = part_of
        self.index_of = index_of
        self._names = {name: tuple(names) for name, names in tensors.items()}

    @cached_property
    def tensors(self) -> dict[str, JoinedTensor]:
        """Tensors by name."""
        return {
            name: JoinedTensor(self, name, [part[own] for part, own in zip(self.parts, names, strict=True)])
            for name, names in self._names.items()
        }

    @property
    def path(self) -> str:
        """The paths of the parts, each once, with " + " between them."""
        return " + ".join(dict.fromkeys(part.path for part in self.parts))

    @property
    def commit_id(self) -> str:
        """As :attr:`path`."""
        return " + ".join(dict.fromkeys(part.commit_id for part in self.parts))

    @property
    def branch(self) -> str:
        """As :attr:`path`."""
        return " + ".join(dict.fromkeys(part.branch for part in self.parts))

    @property
    def view_id(self) -> str | None:
        """As :attr:`path`, of the parts that are saved views; None where none is."""
        found = dict.fromkeys(part.view_id for part in self.parts if part.view_id is not None)
        return " + ".join(found) or None

    @property
    def info(self) -> Mapping[str, Any]:
        """That of the first part."""
        return self.parts[0].info

    @property
    def hidden_tensors(self) -> Mapping[str, JoinedTensor]:
        """None."""
        return {}

    @property
    def stores(self) -> list[Store]:
        """Files of the parts; none where the core does not read a part from files."""
        found = [part.stores for part in self.parts]
        return [store for (store,) in found] if all(len(stores) == 1 for stores in found) else []

    @property
    def is_remote(self) -> bool:
        """Whether reading the samples of any part waits for a network."""
        return any(part.is_remote for part in self.parts)

    def __len__(self) -> int:
        return len(self.part_of)

    def _named(self, name: str) -> JoinedTensor:
        return self.tensors[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def __repr__(self) -> str:
        return f"JoinedDataset('{self.path}', length={len(self)}, tensors={list(self.tensors)})"

    def __getstate__(self) -> dict[str, Any]:
        # The tensors pickle as this dataset's.
        return {name: value for name, value in vars(self).items() if name != "tensors"}

    def of_samples(self, indices: npt.NDArray[np.int64]) -> JoinedDataset:
        """A dataset of some of the samples: int64 [samples]."""
        return JoinedDataset(self.parts, self._names, self.part_of[indices], self.index_of[indices])

    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for the parts' samples and which of them are here."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256("\0".join(part.fingerprint() for part in self.parts).encode())
        digest.update(self.part_of.astype("<i8").tobytes() + self.index_of.astype("<i8").tobytes())
        return digest.hexdigest()[:16]

    def stored_in(self, tensors: Sequence[Tensor]) -> list[tuple[Dataset, list[Tensor]]]:
        """The parts, or theirs: see :meth:`penstock.Dataset.stored_in`."""
        found: dict[int, tuple[Dataset, list[Tensor]]] = {}
        for number, part in enumerate(self.parts):
            own = [self[tensor.name].parts[number] for tensor in tensors]
            for dataset, stored in part.stored_in(own):
                known = found.setdefault(id(dataset), (dataset, []))[1]
                known += [tensor for tensor in stored if all(tensor.name != other.name for other in known)]
        return list(found.values())

    def place(self, error: PenstockError) -> None:
        """Gives an error of the native core, which knows joined tensors alone, the names that the part has: path,
        tensor, sample and chunk."""
        # Steps fail without a tensor: any of them knows where the sample is from.
        tensor = self.tensors.get(error.tensor or next(iter(self.tensors), ""))
        if tensor is None or error.index is None:
            error.path = error.path or self.path
            return
        part, error.index = tensor.stored_place(error.index)
        error.path = self.parts[part].path
        error.tensor = error.tensor and tensor.parts[part].name
        if error.chunk is not None and len(self.parts) > 1:
            error.chunk = error.chunk.partition("/")[2]


def subset(dataset: Dataset, indices: Sequence[int] | npt.NDArray[np.int64]) -> JoinedDataset:
    """A dataset of some samples of another, in their order; they may come several times."""
    index_of = np.asarray(indices, dtype=np.int64)
    if isinstance(dataset, JoinedDataset):
        return dataset.of_samples(index_of)
    names = {name: [name] for name in dataset.tensors}
    return JoinedDataset([dataset], names, np.zeros(len(index_of), dtype=np.int64), index_of)


def joined(parts: Sequence[Dataset]) -> JoinedDataset:
    """The samples of several datasets, one after the other, with the tensors that all of them have.

    Raises:
        ConfigError: There is no such tensor.
    """
    names = [name for name in parts[0].tensors if all(name in part for part in parts)]
    if not names:
        raise ConfigError("the datasets to join have no tensor in common", path=parts[0].path)
    lengths = [len(part) for part in parts]
    part_of = np.repeat(np.arange(len(parts), dtype=np.int64), lengths)
    index_of = np.concatenate([np.arange(length, dtype=np.int64) for length in lengths])
    return JoinedDataset(parts, {name: [name] * len(parts) for name in names}, part_of, index_of)


# Datasets of the other kinds pick samples too, and know nothing of this one.
make_subsets_with(subset)

"""Samples and batches in the form that Deep Lake 3 gives them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import torch

from penstock.chain.named_values import NamedValues
from penstock.dataset.lake3.rows import Rows
from penstock.described import described
from penstock.loading.collate import collate_transformed

__all__ = ["BatchForm", "SampleForm", "Transform", "as_they_are", "collate"]

#: What ``.transform()`` takes.
Transform = Callable[..., Any] | Mapping[str, Callable[[Any], Any] | None]

# torch had no such numbers when Deep Lake 3 was made, which gives the next larger ones that it had.
_WIDER = {np.dtype(np.uint16): np.int32, np.dtype(np.uint32): np.int64, np.dtype(np.uint64): np.int64}
_WIDER_IN_TORCH = {torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.int64}


@dataclass(frozen=True, repr=False)
class SampleForm:
    """Takes a loader's sample to what Deep Lake's ``transform`` gets, and runs that; a loader's ``transform``.

    Attributes:
        rows: For a view, the number in its dataset of each of its samples.
        transform: The user's; None leaves samples as they are.
        keys: Of a transform that is a dict: the sample's key for each of the dict's.
        json: Keys of JSON, of which Deep Lake gives the value without an array around it.
        widens: Unsigned integers of 16 bits and more become signed ones, as torch's tensors of Deep Lake have them.
    """

    rows: Rows | None
    transform: Transform | None
    keys: Mapping[str, str]
    json: frozenset[str]
    widens: bool

    def __post_init__(self) -> None:
        # By these a state tells one transform from another.
        steps = self.transform.items() if isinstance(self.transform, Mapping) else [("", self.transform)]
        name = ", ".join(f"{key}: {_name(step)}" for key, step in steps)
        object.__setattr__(self, "__qualname__", f"SampleForm({name})")

    def __call__(self, sample: Mapping[str, Any]) -> Any:
        """The transform's result; without one, the sample: its index, where it has one, is int64 of shape (1,)."""
        made = NamedValues({key: self._value(key, value) for key, value in sample.items()})
        if isinstance(self.transform, Mapping):
            chosen = ((key, step, made[self.keys[key]]) for key, step in self.transform.items())
            return NamedValues({key: value if step is None else step(value) for key, step, value in chosen})
        return made if self.transform is None else self.transform(made)

    def __repr__(self) -> str:
        # What explain() calls the step.
        return "the form of Deep Lake's samples" if self.transform is None else described(self.transform)

    def _value(self, key: str, value: Any) -> Any:
        if key == "index" and isinstance(value, int):
            return np.array([value if self.rows is None else self.rows[value]], dtype=np.int64)
        if key in self.json:
            return value[0]
        return _widened(value) if self.widens else value


@dataclass(frozen=True)
class BatchForm:
    """Takes a loader's own batch to the one that Deep Lake collates.

    Attributes:
        rows: As of :class:`SampleForm`.
        json: Likewise.
    """

    rows: Rows | None
    json: frozenset[str]

    def __call__(self, batch: Mapping[str, Any]) -> NamedValues:
        """The batch; nothing is copied that keeps its type."""
        return NamedValues({key: self._column(key, column) for key, column in batch.items()})

    def _column(self, key: str, column: Any) -> Any:
        if key == "index" and isinstance(column, torch.Tensor):
            if isinstance(self.rows, range):
                column = column * self.rows.step + self.rows.start
            elif self.rows is not None:
                column = torch.from_numpy(self.rows[column.numpy()])
            return column.reshape(-1, 1)
        if isinstance(column, torch.Tensor):
            return _widened_tensor(column)
        if any(isinstance(value, torch.Tensor) for value in column):
            # A sequence whose items differ in shape is a list among tensors.
            return [_widened_tensor(value) if isinstance(value, torch.Tensor) else value for value in column]
        return _collate_column([value[0] for value in column] if key in self.json else column, key)


def collate(samples: Sequence[Any]) -> Any:
    """A batch of samples as ``.pytorch()`` makes it without ``collate_fn``.

    Where samples are Deep Lake's dicts, by key: arrays and numbers become one tensor with a new first axis, or a list
    of tensors where their shapes differ; text a list of ``str``; tags a list of lists; dicts (of ``"data"``) a dict of
    such; anything else a list. Other samples are collated as :class:`penstock.DataLoader` collates what transforms
    return.

    Raises:
        ConfigError: They cannot be; it names the key.
    """
    first = samples[0]
    if isinstance(first, NamedValues):
        return NamedValues({key: _collate_column([sample[key] for sample in samples], key) for key, _ in first.items()})
    return collate_transformed(list(samples))


def as_they_are(samples: list[Any]) -> list[Any]:
    """A batch of samples as ``.numpy()`` makes it: the list of them."""
    return samples


def _collate_column(values: list[Any], key: str) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        keys = set(first.keys())
        if not keys or any(not isinstance(value, Mapping) or set(value.keys()) != keys for value in values):
            return values
        return {name: _collate_column([value[name] for value in values], name) for name, _ in first.items()}
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    if arrays and all(array.dtype.kind in "UO" for array in arrays):
        if all(array.dtype.kind == "U" and array.shape == (1,) for array in arrays):
            return [str(value[0]) if isinstance(value, np.ndarray) else value for value in values]
        return [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
    if arrays and len(arrays) < len(values) and all(isinstance(value, np.ndarray | list) for value in values):
        # Sequences: arrays, and lists of items that differ in shape.
        return [collate_transformed([value])[0] if isinstance(value, np.ndarray) else value for value in values]
    if isinstance(first, list) and not (first and isinstance(first[0], Number)):
        return values
    return collate_transformed([{key: value} for value in values])[key]


def _name(step: Any) -> str:
    while isinstance(step, functools.partial):
        step = step.func
    named = step if hasattr(step, "__qualname__") else type(step)
    return f"{named.__module__}.{named.__qualname__}"


def _widened(value: Any) -> Any:
    if isinstance(value, list):
        return [_widened(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype in _WIDER:
        return value.astype(_WIDER[value.dtype])
    return value


def _widened_tensor(tensor: torch.Tensor) -> torch.Tensor:
    wider = _WIDER_IN_TORCH.get(tensor.dtype)
    return tensor if wider is None else tensor.to(wider)

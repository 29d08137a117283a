"""All that the links of a chain have said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from penstock.chain.forms import Transform
from penstock.chain.order import Weights
from penstock.dataset import Dataset

__all__ = ["DECODE_METHODS", "Ending", "Mode", "Settings"]

Mode = Literal["pytorch", "numpy"]
#: Deep Lake's words for what becomes of a tensor's samples, and the loader's.
DECODE_METHODS = {"numpy": "numpy", "tobytes": "bytes", "pil": "pil", "data": "data"}


@dataclass(frozen=True)
class Ending:
    """What ``.pytorch()`` or ``.numpy()`` said; the defaults are those of a chain that is iterated without either.

    Attributes:
        mode: Which of the two; None for neither.
    """

    mode: Mode | None = None
    num_workers: int = 0
    num_threads: int | None = None
    prefetch_factor: int = 2
    decode_method: Mapping[str, str] | None = None
    persistent_workers: bool = False
    collate_fn: Callable[[list[Any]], Any] | None = None
    distributed: bool = False
    return_index: bool = False


@dataclass(frozen=True)
class Settings:
    """What a chain will load, and how.

    Attributes:
        dataset: The samples, after queries.
        given: What the user opened: of deeplake, where it is that.
        loader_type, seed: Of the loader.
        skip_errors: Bad samples are left out.
        transform: The user's, with its arguments.
        weights: How samples are drawn.
        shuffle: None where nothing was said.
        offset: Likewise.
        batch_size: Likewise; batches then have one sample.
        drop_last: Whether the last batch is dropped when it is not full.
        tensors: Names of the tensors, as the dataset has them; None: all.
        ending: What the last link said.
    """

    dataset: Dataset
    given: Any
    loader_type: str
    seed: int | None
    skip_errors: bool
    transform: Transform | None = None
    weights: Weights | None = None
    shuffle: bool | None = None
    offset: int | None = None
    batch_size: int | None = None
    drop_last: bool = False
    tensors: tuple[str, ...] | None = None
    ending: Ending = Ending()

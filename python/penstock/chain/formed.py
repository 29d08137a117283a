"""What a loader gives, in Deep Lake's form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from penstock.chain.forms import BatchForm
from penstock.loading.iteration import Iteration

__all__ = ["Formed", "FormedBatches"]


@dataclass(frozen=True)
class Formed:
    """A ``collate_fn`` whose batches have Deep Lake's form.

    Attributes:
        collate: The loader's.
        form: The form.
    """

    collate: Callable[[Any], Any]
    form: BatchForm

    def __call__(self, samples: Any) -> Any:
        """The batch."""
        return self.form(self.collate(samples))


class FormedBatches(Iterator[Any]):
    """The batches of an iteration, in Deep Lake's form.

    Args:
        batches: The loader's.
        form: The form.
    """

    def __init__(self, batches: Iteration, form: BatchForm) -> None:
        self._batches = batches
        self._form = form

    def __next__(self) -> Any:
        return self._form(next(self._batches))

    def __len__(self) -> int:
        return len(self._batches)

    def close(self) -> None:
        """As :meth:`Iteration.close`."""
        self._batches.close()

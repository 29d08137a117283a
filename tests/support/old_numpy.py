"""MMDetection's recall as it was with the numpy of its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

__all__ = ["recall_of_old_numpy"]


@contextmanager
def recall_of_old_numpy() -> Iterator[None]:
    """Lets ``mmdet.core.eval_recalls`` make an array of unequal arrays, which numpy did until version 1.24."""
    from mmdet.core.evaluation import recall

    def array(values: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(values, list) and values and isinstance(values[0], np.ndarray):
            objects = np.empty(len(values), object)
            objects[:] = values
            return objects
        return np.array(values, *arguments, **options)

    names = {name: getattr(np, name) for name in np.__all__ if hasattr(np, name)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "np", SimpleNamespace(**{**names, "array": array}))
        yield

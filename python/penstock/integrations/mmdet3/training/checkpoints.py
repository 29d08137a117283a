"""Reading checkpoints of MMEngine's with a torch that reads weights alone."""

from __future__ import annotations

import contextlib
import importlib
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

__all__ = ["readable"]


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Lets torch read what MMEngine writes into checkpoints, within a ``with``: from 2.6 on torch refuses them, since
    they hold the log's history, arrays in objects of MMEngine's own. Nothing else is let in.
    """
    version: Any = torch.torch_version.TorchVersion(torch.__version__)
    if version < (2, 6):
        yield
        return
    with torch.serialization.safe_globals([HistoryBuffer, (_statistic, "builtins.getattr"), *_of_numpy()]):
        yield


def _statistic(kind: Any, name: str) -> Any:
    """A method of the history's, where the checkpoint asks for one by ``getattr``."""
    if kind is not HistoryBuffer:
        raise pickle.UnpicklingError(f"the checkpoint asks for '{name}' of {kind!r}")
    return getattr(kind, name)


def _of_numpy() -> list[Any]:
    """What numpy's arrays and numbers are read by."""
    name = "numpy._core.multiarray" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else "numpy.core.multiarray"
    multiarray = importlib.import_module(name)
    kinds = {type(np.dtype(kind)) for kind in ("bool", "uint8", "int32", "int64", "float16", "float32", "float64")}
    return [np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar, *kinds]

"""Deep Lake 4's exceptions as those of this package."""

from __future__ import annotations

from penstock.errors import ChunkNotFoundError, PenstockError, StorageError

__all__ = ["reading_error"]


def reading_error(error: Exception, *, path: str, tensor: str, index: int | None = None) -> PenstockError:
    """What to raise for an exception of Deep Lake's while it reads. The exception becomes its ``__cause__``."""
    if isinstance(error, PenstockError):
        error.path, error.tensor = error.path or path, error.tensor or tensor
        if error.index is None:
            error.index = index
        return error
    missing = isinstance(error, KeyError) or type(error).__name__ == "StorageKeyNotFound"
    kind = ChunkNotFoundError if missing else StorageError
    text = str(error.args[0] if error.args else error).strip()
    found = kind(f"deeplake cannot read it: {type(error).__name__}: {text}", path=path, tensor=tensor, index=index)
    found.__cause__ = error
    return found

"""Names of tensors and of their types, whatever format a dataset is stored in."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.described import described
from penstock.errors import TensorNotFoundError
from penstock.similar import similar

__all__ = ["IMAGE_HTYPES", "no_such_tensor"]

#: The types of images.
IMAGE_HTYPES = ("image", "image.rgb", "image.gray")


def no_such_tensor(name: str, path: str, known: Sequence[str]) -> TensorNotFoundError:
    """The error for a name that a dataset does not have."""
    hint = similar(described(name), known, "The dataset has no tensors")
    return TensorNotFoundError(f"there is no tensor {described(name)}", path=path, hint=hint)

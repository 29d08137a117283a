"""A batch of several views of its samples, as both MMDetections collate test-time augmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.loading.native.part import NativeBatch

__all__ = ["batch_of_views"]


def batch_of_views(native: NativeBatch, augmented: bool, view: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """The batch: of test-time augmentation a list of what each view has, else what the only one has.

    Args:
        native: The batch as the core has made it.
        augmented: Whether the pipeline ends with test-time augmentation.
        view: Gives what a view of all samples has, by its number.
    """
    views = [view(number) for number in range(len(native.views))]
    if augmented:
        return {key: [one[key] for one in views] for key in views[0]}
    return views[0]

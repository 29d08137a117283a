"""Samples that are sequences of items."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.format.values import JSON_HTYPES, POLYGON, TEXT

__all__ = ["compose_sequence", "empty_sequence"]


def compose_sequence(items: list[Any], empty: Any) -> Any:
    """The sample that the items of a sequence make, as Deep Lake's ``numpy()`` gives it, else ``numpy(aslist=True)``.

    Args:
        items: Arrays, or lists of polygons.
        empty: From :func:`empty_sequence`.

    Returns:
        One array with a new first axis where the shapes of all items are equal; ``empty`` where that has no elements;
        the list of the items where their shapes differ, and always for polygons.
    """
    if isinstance(empty, list) and empty == [] and not all(isinstance(item, np.ndarray) for item in items):
        return items
    if len({item.shape for item in items}) > 1:
        return items
    stacked = np.array(items)
    return empty if stacked.size == 0 else stacked


def empty_sequence(htype: str, dtype: np.dtype[Any] | None, item_axes: int, items: int) -> Any:
    """A sequence without elements, as Deep Lake gives it.

    Args:
        htype: The items' type.
        dtype: The items' dtype.
        item_axes: Number of axes of an item.
        items: Items in the whole tensor: without any, nothing is known of them.

    Returns:
        For arrays an array of no elements, with an axis more than an item has, all of extent 0; "" for text, {} for
        JSON, [] for lists and polygons. float64 of shape (0,) in a tensor without items.
    """
    if htype == POLYGON:
        return []
    if items == 0:
        return np.zeros(0)
    if htype == TEXT:
        return ""
    if htype in JSON_HTYPES:
        return {} if htype == "json" else []
    return np.zeros((0,) * (item_axes + 1), dtype=dtype)

"""Masks in the form in which MMDetection's hooks take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.extras import import_extra

__all__ = ["as_list"]


def as_list(segmentation: Any) -> list[Any]:
    """An object's polygons as they are; its run lengths as a list of one, not compressed: where MMDetection takes
    polygons alone (``polygon_to_bitmap``), it takes those too.
    """
    if isinstance(segmentation, list):
        return segmentation
    decode = import_extra("pycocotools.mask", "masks", "mmdet").decode
    bits = decode(segmentation).reshape(-1, order="F")
    # Runs of 0 and 1 by turns, the first of 0.
    ends = [*(np.flatnonzero(np.diff(bits)) + 1).tolist(), len(bits)]
    starts = [0, *ends[:-1]]
    runs = [end - start for start, end in zip(starts, ends, strict=True)]
    return [{"size": list(segmentation["size"]), "counts": [0, *runs] if bits[:1].any() else runs}]

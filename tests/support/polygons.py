"""Strategies for the polygons of objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

__all__ = ["polygon_objects"]

#: On and between pixels, on the corners of COCO's grid of fifths, and anything.
_COORDINATES = st.one_of(
    st.integers(-20, 100).map(float),
    st.integers(-100, 500).map(lambda fifths: fifths / 5),
    st.integers(-200, 1000).map(lambda tenths: tenths / 10),
    st.floats(-30, 110, allow_nan=False),
)


@st.composite
def _polygons(draw: st.DrawFn, fewest: int) -> npt.NDArray[np.float64]:
    if draw(st.booleans()):
        points = draw(st.lists(st.tuples(_COORDINATES, _COORDINATES), min_size=fewest, max_size=8))
        if draw(st.booleans()):
            points = points + points[: draw(st.integers(0, 2))] + points[:1]  # corners twice, closed
        return np.array(points, np.float64).reshape(-1)
    # Many corners, which cross one another: Hypothesis draws few.
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = rng.uniform(-20, 100, (draw(st.integers(3, 60)), 2))
    return np.round(points, draw(st.integers(0, 3))).reshape(-1)


@st.composite
def polygon_objects(draw: st.DrawFn) -> list[list[npt.NDArray[np.float64]]]:
    """Up to four objects of one to three polygons, the first of three points or more, others of one or more."""
    objects: list[list[npt.NDArray[Any]]] = []
    for _ in range(draw(st.integers(0, 4))):
        others = draw(st.lists(_polygons(1), max_size=2))
        objects.append([draw(_polygons(3)), *others])
    return objects

"""One polygon for each object, as Deep Lake's htype "polygon" wants, from COCO's segmentations.

Note [One polygon an object]: COCO draws an object in several parts when something stands before it, and a crowd as
a run-length encoding, which may have holes. Keeping the first part alone would lose area; an entry for each part
would break the rule that entry i of masks, boxes and categories is one object. So the parts are joined by bridges:
lines that are walked once in each direction, hence enclose nothing. Filled by the even-odd rule, as pycocotools
fills, the joined polygon covers what its parts cover. Where parts overlap, that rule would leave a hole: then the
polygon is the outline of the union's pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.ingest.bitmaps import Polygon, decoded, filled, points_of

__all__ = ["object_polygon", "outline"]

#: Deep Lake counts a polygon's points in 16 bits.
_MOST_POINTS = 65535


def object_polygon(segmentation: Any, box: Sequence[float], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """The outline of an object: float32 [points, 2] of x, y in pixels.

    Args:
        segmentation: A list of polygons [x, y, x, y, ...]; a run-length encoding, compressed or not; or None. Parts of
            fewer than three points enclose nothing and are left out.
        box: Left, top, width, height: the outline where the segmentation encloses nothing.
        size: Height and width of the image.

    Raises:
        ValueError: A segmentation that is none of these, or whose outline has more points than Deep Lake can count.
    """
    if isinstance(segmentation, dict):
        polygon = outline(decoded(segmentation))
    elif segmentation is None or isinstance(segmentation, list):
        polygon = _joined_parts([points_of(part) for part in segmentation or ()], size)
    else:
        raise ValueError(f"a segmentation is a list or an object, not {segmentation!r}")
    if len(polygon) == 0:
        left, top, width, height = box
        right, bottom = left + width, top + height
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        polygon = np.array(corners, np.float64)
    if len(polygon) > _MOST_POINTS:
        raise ValueError(f"its outline has {len(polygon)} points, Deep Lake's polygons at most {_MOST_POINTS}")
    return polygon.astype(np.float32)


def outline(mask: npt.NDArray[Any]) -> Polygon:
    """The outline of a mask's pixels, holes included: float64 [points, 2], empty for an empty mask.

    Args:
        mask: [height, width]; what is not 0 belongs to it.
    """
    inside = np.pad(mask != 0, 1)
    next_corners: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # Pixel edges with the mask on their right: each corner is left as often as it is reached, so that following
    # them anyhow gives closed lines, and the even-odd rule does not mind which.
    for y, x in np.argwhere(inside[1:, :-1] != inside[:-1, :-1]).tolist():
        ends = ((x - 1, y), (x, y)) if inside[y + 1, x] else ((x, y), (x - 1, y))
        next_corners.setdefault(ends[0], []).append(ends[1])
    for y, x in np.argwhere(inside[:-1, 1:] != inside[:-1, :-1]).tolist():
        ends = ((x, y), (x, y - 1)) if inside[y, x + 1] else ((x, y - 1), (x, y))
        next_corners.setdefault(ends[0], []).append(ends[1])
    lines = []
    while next_corners:
        corner = start = next(iter(next_corners))
        line = []
        while True:
            line.append(corner)
            following = next_corners[corner]
            end = following.pop()
            if not following:
                del next_corners[corner]
            corner = end
            if corner == start:
                break
        lines.append(_without_straight_points(np.array(line, np.float64)))
    return _joined(lines)


def _joined_parts(parts: list[Polygon], size: tuple[int, int]) -> Polygon:
    parts = [part for part in parts if len(part) >= 3]
    joined = _joined(parts)
    if len(parts) < 2:
        return joined
    union = filled(parts, size)
    return joined if np.array_equal(filled([joined], size), union) else outline(union)


def _joined(parts: list[Polygon]) -> Polygon:
    """See Note [One polygon an object]: from the first part's start out to each other part and back."""
    if not parts:
        return np.zeros((0, 2))
    first = parts[0]
    pieces = [first]
    for part in parts[1:]:
        pieces += [first[:1], part, part[:1]]
    return np.concatenate(pieces)


def _without_straight_points(line: Polygon) -> Polygon:
    before, after = line - np.roll(line, 1, axis=0), np.roll(line, -1, axis=0) - line
    turns: Polygon = line[np.any(before != after, axis=1)]
    return turns

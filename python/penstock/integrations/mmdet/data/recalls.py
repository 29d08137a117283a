"""Recall of proposals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mmdet.core import eval_recalls, print_recall_summary

from penstock.errors import ConfigError

__all__ = ["check_proposals", "recalls_of"]


def check_proposals(results: Sequence[Any]) -> None:
    """Raises ConfigError for detections by class in place of proposals."""
    if not all(isinstance(found, np.ndarray) for found in results):
        raise ConfigError(
            "recall is that of proposals, and these results are detections by class",
            hint="Take 'proposal' (COCO), or a detector that only proposes, such as RPN",
        )


def recalls_of(
    truths: Sequence[npt.NDArray[Any]],
    proposals: Sequence[Any],
    proposal_nums: Sequence[int] | int,
    iou_thrs: Sequence[float] | npt.NDArray[np.float64],
    *,
    legacy: bool = False,
    logger: Any = None,
) -> npt.NDArray[np.float64]:
    """MMDetection's ``eval_recalls``, which makes one array of the images' unequal ones and fails with numpy 1.24.

    It is asked for each image by itself here, and the images' objects are counted together: the numbers are those that
    it gave with older versions of numpy.

    Args:
        truths: Boxes of each image, [objects, 4].
        proposals: Of each image [proposals, 5] with scores, or [proposals, 4] in their order.
        proposal_nums: So many proposals of an image count, ascending.
        iou_thrs: From which overlap on an object is found.
        legacy: Boxes of n pixels' width reach from 0 to n - 1.
        logger: Where the table of results goes, as MMDetection takes it.

    Returns:
        float64 [proposal_nums, iou_thrs]: shares of objects that are found; NaN where there is no object.

    Raises:
        ConfigError: Detections by class in place of proposals.
    """
    check_proposals(proposals)
    numbers = np.atleast_1d(np.asarray(proposal_nums))
    thresholds = np.atleast_1d(np.asarray(iou_thrs, dtype=np.float64))
    found = np.zeros((len(numbers), len(thresholds)))
    total = 0
    for boxes, candidates in zip(truths, proposals, strict=True):
        if len(boxes) == 0:
            continue
        shares = eval_recalls([boxes], [candidates], numbers, thresholds, logger="silent", use_legacy_coordinate=legacy)
        found += np.rint(shares * len(boxes))
        total += len(boxes)
    recalls = found / total if total else np.full_like(found, np.nan)
    print_recall_summary(recalls, numbers, thresholds, logger=logger)
    return recalls

"""FilterAnnotations."""

from __future__ import annotations

import numpy as np

from penstock.detection.reference.results import Array, Results, keep_rows, refuse
from penstock.detection.steps import FilterAnnotations
from penstock.loading.draws import Draws

__all__ = ["apply"]


def apply(step: FilterAnnotations, results: Results, draws: Draws) -> Results | None:
    """Drops objects that are too small; None where none is left, unless there was none before.

    MMDetection's ``keep_empty`` means the opposite of its name: True rejects the sample.
    """
    tests: list[Array] = []
    if step.by_box:
        if "gt_bboxes" not in results:
            refuse(step, "there are no 'gt_bboxes' in the results")
        boxes = results["gt_bboxes"]
        width, height = step.min_gt_bbox_wh
        tests.append((boxes[:, 2] - boxes[:, 0] > width) & (boxes[:, 3] - boxes[:, 1] > height))
    if step.by_mask:
        if "gt_masks" not in results:
            refuse(step, "there are no 'gt_masks' in the results")
        tests.append(np.asarray(results["gt_masks"].areas >= step.min_gt_mask_area))
    if len(tests[-1]) == 0:
        return results
    # By "&", which repeats a test of one object where boxes and masks are of different number.
    kept = (tests[0] & tests[-1]).nonzero()[0]
    keep_rows(results, "gt_bboxes", kept)
    if "gt_masks" in results:
        results["gt_masks"] = results["gt_masks"][kept]
    return None if kept.size == 0 and step.keep_empty else results

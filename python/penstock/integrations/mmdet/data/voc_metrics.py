"""Pascal VOC's metrics, as MMDetection's ``VOCDataset`` computes them."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmcv.utils import print_log
from mmdet.core import eval_map
from mmdet.core.evaluation.mean_ap import print_map_summary

from penstock.integrations.mmdet.data.recalls import recalls_of

__all__ = ["mean_precision", "recall"]

#: Under this name MMDetection averages the precision at eleven recalls; under any other over all.
_DATASET_OF_MODE = {"11points": "voc07", "area": None}
#: Seconds that processes have to end by themselves.
_GRACE = 2.0


def mean_precision(
    results: Sequence[Any],
    annotations: Sequence[Mapping[str, Any]],
    classes: Sequence[str],
    iou_thrs: Sequence[float],
    eval_mode: str,
    logger: Any = None,
) -> dict[str, float]:
    """Average precision at each threshold, "AP50" and the like, and their mean, "mAP".

    Args:
        results: Of each image the detections of each class, [detections, 5], or a tuple of these and masks.
        annotations: Of each image "bboxes", "labels", "bboxes_ignore" and "labels_ignore".
        classes: Their names.
        iou_thrs: From which overlap on a detection counts.
        eval_mode: "11points" as in VOC2007, "area" as in VOC2012.
        logger: Where the tables go, as MMDetection takes it.
    """
    boxes = [result[0] if isinstance(result, tuple) else result for result in results]
    precisions = []
    for threshold in iou_thrs:
        print_log(f"\n{'-' * 15}iou_thr: {threshold}{'-' * 15}", logger=logger)
        # Silent, since under "voc07" its table would name the twenty classes of Pascal VOC whatever ours are.
        with _no_process_left():
            mean, by_class = eval_map(
                boxes,
                annotations,
                iou_thr=threshold,
                dataset=_DATASET_OF_MODE[eval_mode],
                logger="silent",
                # A box of n pixels' width reaches from 0 to n - 1, as in the official evaluation.
                use_legacy_coordinate=True,
            )
        print_map_summary(mean, by_class, list(classes), logger=logger)
        precisions.append(mean)
    named = {f"AP{int(iou * 100):02d}": round(mean, 3) for iou, mean in zip(iou_thrs, precisions, strict=True)}
    return {"mAP": sum(precisions) / len(precisions), **named}


@contextlib.contextmanager
def _no_process_left() -> Iterator[None]:
    """Ends MMDetection's pool of processes, which it closes and does not wait for, or leaves open where it fails."""
    others = multiprocessing.active_children()
    try:
        yield
    except BaseException as error:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            # A pool ends with its last reference, which is there.
            traceback.clear_frames(error.__traceback__)
        raise
    finally:
        end = time.monotonic() + _GRACE
        for process in multiprocessing.active_children():
            if process not in others and "PoolWorker" in process.name:
                process.join(max(0.0, end - time.monotonic()))
                process.kill()
                process.join()


def recall(
    results: Sequence[Any],
    annotations: Sequence[Mapping[str, Any]],
    proposal_nums: Sequence[int],
    iou_thrs: Sequence[float],
    logger: Any = None,
) -> dict[str, float]:
    """Share of the objects that the first so many proposals find, "recall@100@0.5" and the like; with several
    thresholds also their mean, "AR@100".

    Arguments as of :func:`mean_precision`, but results are proposals, [proposals, 5].
    """
    truths = [annotation["bboxes"] for annotation in annotations]
    found = recalls_of(truths, results, proposal_nums, iou_thrs, legacy=True, logger=logger)
    named = {
        f"recall@{number}@{threshold}": float(found[i, j])
        for i, number in enumerate(proposal_nums)
        for j, threshold in enumerate(iou_thrs)
    }
    if len(iou_thrs) > 1:
        named |= {f"AR@{number}": float(found[i].mean()) for i, number in enumerate(proposal_nums)}
    return named

"""MultiScaleFlipAug, and what views are put together to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.detection.reference.results import Results, refuse
from penstock.detection.steps import MultiScaleFlipAug

__all__ = ["apply", "of_lists"]


def apply(step: MultiScaleFlipAug, results: Results, run: Callable[[Any, Results, int], Results | None]) -> Results:
    """Each combination of scale and flip of the sample; a list of views for each key.

    Args:
        step: The step.
        results: The sample; it stays as it is, as long as no step changes arrays in place.
        run: Runs the n-th of the step's transforms on a view.
    """
    views: list[Results] = []
    for scale in step.img_scale:
        for direction in step.flips:
            view = dict(results)
            view["scale" if isinstance(scale, tuple) else "scale_factor"] = scale
            view["flip"] = direction is not None
            view["flip_direction"] = direction
            views.append(_through(step, view, run))
    return of_lists(views)


def of_lists(views: Sequence[Results]) -> Results:
    """For each key what the views have."""
    return {key: [view[key] for view in views] for key in views[0]}


def _through(step: MultiScaleFlipAug, view: Results, run: Callable[[Any, Results, int], Results | None]) -> Results:
    for number, transform in enumerate(step.transforms):
        changed = run(transform, view, number)
        if changed is None:
            refuse(step, f"{type(transform).__name__} rejects a view")
        view = changed
    return view

"""A loader as notebooks show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from penstock.html import table
from penstock.loading.explain import NO_TRANSFORM, where_it_runs
from penstock.loading.options import LoaderOptions
from penstock.loading.program import StepReport

__all__ = ["loader_html"]


def loader_html(
    path: str,
    samples: int,
    batches: int | None,
    loader_type: str,
    tensors: Mapping[str, str],
    options: LoaderOptions,
    steps: Sequence[StepReport],
) -> str:
    """Facts about a loader, and where the steps of its transform run. All text is escaped.

    Args:
        path: Of the dataset.
        samples, batches: How many an epoch has; None: without end.
        loader_type: "c++" or "python".
        tensors: Names of the tensors by the keys of a sample.
        options: See there.
        steps: Of the transform.
    """
    size = "samples one by one" if options.batch_size is None else f"batches of {options.batch_size}"
    facts = [
        ("dataset", f"{path}, {samples:,} samples"),
        ("epoch", "without end" if batches is None else f"{batches:,} {size}"),
        ("loader", "C++ core" if loader_type == "c++" else "Python"),
        ("threads", str(options.num_threads)),
        ("worker processes", str(options.num_workers)),
        ("loaded ahead", f"{options.prefetch_factor} batches"),
        ("tensors", ", ".join(key if key == name else f"{key} (of {name})" for key, name in tensors.items())),
    ]
    text = f"<p><b>penstock.DataLoader</b></p>{table(('', ''), facts)}"
    if not steps:
        return f"{text}<p>{escape(NO_TRANSFORM)}</p>"
    return text + table(("step", "runs in"), [(step.step, where_it_runs(step)) for step in steps])

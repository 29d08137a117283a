"""A dataset as notebooks show it."""

from __future__ import annotations

from html import escape

from penstock.dataset.interface import Dataset
from penstock.dataset.summary import describe, tensor_rows
from penstock.errors import PenstockError
from penstock.html import table

__all__ = ["dataset_html"]


def dataset_html(dataset: Dataset) -> str:
    """Path, length and version, and a table of the tensors. All text of the dataset is escaped."""
    try:
        described = describe(dataset, chunks=False)
    except PenstockError as error:
        return f"<p><b>{escape(dataset.path)}</b>: {escape(str(error))}</p>"
    view = "" if dataset.view_id is None else f", view {escape(dataset.view_id)}"
    head = (
        f"<p><b>{escape(described['path'])}</b><br>{described['samples']:,} samples, branch "
        f"{escape(described['branch'])}, commit {escape(described['commit'])}{view}</p>"
    )
    # Chunks are for those who tune; counting them would read indices.
    rows = [(*row[:6], row[7]) for row in tensor_rows(described)]
    return head + table(("tensor", "htype", "dtype", "shape", "compression", "samples", ""), rows)

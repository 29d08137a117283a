"""penstock.show"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from penstock.dataset import DatasetLike, open_dataset
from penstock.dataset.outputs import check_output_file
from penstock.errors import ConfigError
from penstock.extras import import_extra
from penstock.notebook import in_notebook
from penstock.printable import printable
from penstock.view.drawing import annotated
from penstock.view.stored import StoredSamples

__all__ = ["show"]

#: Pixels of an inch of the figure.
_DENSITY = 100


def show(
    dataset: DatasetLike,
    count: int = 3,
    *,
    indices: Sequence[int] | None = None,
    images: str | None = None,
    boxes: str | None = None,
    labels: str | None = None,
    masks: bool = True,
    cell: int = 400,
    out: str | os.PathLike[str] | None = None,
) -> None:
    """Shows images with their boxes, masks and class names: in a notebook below the cell, in a script in a window of
    matplotlib's, or in a file.

    Args:
        dataset: As for :func:`penstock.open`.
        count: How many samples, from the first on.
        indices: Which samples, in place of the first ones.
        images, boxes, labels: Names of tensors; those not named are found by their htype.
        masks: Whether masks are drawn, where there is one tensor of them.
        cell: The longer side of a picture, in pixels.
        out: The file to write, for example "x.png", in place of showing anything.

    Raises:
        ConfigError: No tensor of images, or several; or there is no window to show anything in.
        IndexError: There is no such sample.
        PenstockError: What opening and reading raise.
        MissingExtraError: matplotlib or Pillow is not installed.
    """
    if count < 1 or cell < 16:
        raise ValueError(f"count must be at least 1 and cell at least 16, got {count} and {cell}")
    if out is not None:
        check_output_file("out", Path(out))
    matplotlib = import_extra("matplotlib", "showing samples", "cli")
    samples = StoredSamples.of(open_dataset(dataset), images, boxes, labels, masks=masks)
    chosen = range(min(count, len(samples))) if indices is None else [_checked(index, samples) for index in indices]
    if not len(chosen):
        raise ConfigError("there is no sample to show", path=samples.images.path)
    pictures = [_picture(samples, index, cell) for index in chosen]
    titles = [_title(samples, index) for index in chosen]
    if out is not None or in_notebook():
        figure = import_extra("matplotlib.figure", "showing samples", "cli").Figure()
        _fill(figure, pictures, titles, cell)
        if out is not None:
            figure.savefig(out, dpi=_DENSITY)
            return
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=_DENSITY)
        display = import_extra("IPython.display", "showing samples", "cli", "Run this in a notebook")
        display.display(display.Image(data=stream.getvalue()))
        return
    pyplot = import_extra("matplotlib.pyplot", "showing samples", "cli")
    if matplotlib.get_backend().lower() in ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template"):
        raise ConfigError(
            "there is no window to show samples in: matplotlib found no display",
            hint="Write them to a file: out='x.png'",
        )
    _fill(pyplot.figure(), pictures, titles, cell)
    pyplot.show()


def _checked(index: int, samples: StoredSamples) -> int:
    if not -len(samples) <= index < len(samples):
        raise IndexError(f"sample {index} is out of range: there are {len(samples)} in '{samples.images.path}'")
    return index % len(samples)


def _picture(samples: StoredSamples, index: int, cell: int) -> Any:
    shown = samples.shown(index, masks=True)
    return annotated(shown.pixels, shown.ltwh, shown.labels, masks=shown.masks, cell=cell)


def _title(samples: StoredSamples, index: int) -> str:
    """The index; of an image that has a class of its own, that too."""
    names = [] if samples.boxes is not None else [samples.label_name(number) for number in samples.label_numbers(index)]
    # A dollar begins a formula.
    text = printable(", ".join([str(index), *names])).replace("$", r"\$")
    return text if len(text) <= 60 else text[:57] + "..."


def _fill(figure: Any, pictures: Sequence[Any], titles: Sequence[str], cell: int) -> None:
    columns = min(len(pictures), 3)
    rows = math.ceil(len(pictures) / columns)
    figure.set_size_inches(columns * cell / _DENSITY, rows * (cell / _DENSITY + 0.3))
    for number, (picture, title) in enumerate(zip(pictures, titles, strict=True), 1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(np.asarray(picture))
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    figure.tight_layout()

"""``penstock show``: a picture of a dataset's images with their boxes and class names."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from penstock.cli.show_config import check_options, config_samples
from penstock.cli.source import add_source, open_source
from penstock.dataset import Dataset
from penstock.detection.shown import Shown
from penstock.printable import printable
from penstock.view.drawing import CELL, annotated, check_picture, draw_grid
from penstock.view.stored import StoredSamples

__all__ = ["add_parser"]

_DESCRIPTION = """\
Draws images with their boxes and class names: as the dataset has them, or, with --config, as they are after an
MMDetection configuration's pipeline, with masks, ignored boxes (dashed) and padding: what the model sees.
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("show", help="draw images with their boxes", description=_DESCRIPTION)
    add_source(parser, instead="the configuration's deeplake_path")
    parser.add_argument("--out", required=True, type=Path, help="the picture to write, for example x.png")
    parser.add_argument("-n", type=int, default=16, help="how many images (default: 16)")
    parser.add_argument("--cell", type=int, default=CELL, help=f"size of an image in the picture (default: {CELL})")
    parser.add_argument("--shuffle", action="store_true", help="random ones, else the first")
    parser.add_argument("--seed", type=int, help="of what is random (default: the configuration's, else 0)")
    parser.add_argument("--json", action="store_true", help="print what was drawn, as JSON")
    plain = parser.add_argument_group("without --config")
    plain.add_argument("--images", metavar="NAME", help="tensor of images; default: the only one")
    plain.add_argument("--boxes", metavar="NAME", help="tensor of boxes; default: the only one, if any")
    plain.add_argument("--labels", metavar="NAME", help="tensor of labels; default: the only one, if any")
    configured = parser.add_argument_group("after a pipeline")
    configured.add_argument("--config", metavar="CFG.py", help="an MMDetection configuration")
    configured.add_argument("--split", choices=("train", "val", "test"), help="of it (default: train)")
    configured.add_argument(
        "--as",
        dest="drawn_as",
        choices=("fed", "original"),
        help="fed: the image as the model gets it, without its normalization (default). original: the dataset's image, "
        "with the pipeline's boxes and masks scaled and flipped back onto it. Of val and test, whose pipelines load no "
        "annotations, the boxes and masks are those that results are measured against.",
    )
    configured.add_argument("--loader-type", help="auto, c++ or python (default: the configuration's, else auto)")
    configured.add_argument("--epoch", type=int, help="whose order and random numbers are shown (default: 0)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    for option, least in (("n", 1), ("cell", 16)):
        if getattr(arguments, option) < least:
            name = "-n" if option == "n" else f"--{option}"
            raise ValueError(f"{name} must be at least {least}, got {getattr(arguments, option)}")
    check_options(arguments)
    check_picture(arguments.out)
    drawn = config_samples(arguments) if arguments.config is not None else _stored(open_source(arguments), arguments)
    cell = arguments.cell
    pictures = [
        annotated(each.pixels, each.ltwh, each.labels, masks=each.masks, ignored=each.ignored_ltwh, cell=cell)
        for each in drawn
    ]
    draw_grid(pictures, cell=cell).save(arguments.out)
    print(
        json.dumps([each.described() for each in drawn], indent=1) if arguments.json else printable(str(arguments.out))
    )
    return 0


def _stored(dataset: Dataset, arguments: argparse.Namespace) -> list[Shown]:
    samples = StoredSamples.of(dataset, arguments.images, arguments.boxes, arguments.labels)
    indices: Sequence[int] = range(len(samples))
    if arguments.shuffle:
        indices = np.random.default_rng(arguments.seed or 0).permutation(len(samples)).tolist()
    return [samples.shown(int(index)) for index in indices[: arguments.n]]

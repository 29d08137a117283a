"""``penstock ingest-voc``: a dataset in Pascal VOC's layout into a Deep Lake 3 dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from penstock.cli.ingesting import add_ingest_options, run_ingest

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "ingest-voc",
        help="make a dataset of Pascal VOC files",
        description="Writes a dataset in Pascal VOC's layout (Annotations/*.xml, JPEGImages/, ImageSets/Main/) as a "
        "Deep Lake 3 dataset, with boxes as MMDetection reads them.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the directory with Annotations in it: VOC2007")
    add_ingest_options(parser)
    parser.add_argument("--split", help="a list of ImageSets/Main, for example trainval; default: all annotations")
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="NAME",
        help="the classes by label; objects of others are left out. Default: Pascal VOC's twenty, or those there are",
    )
    parser.add_argument(
        "--first-pixel",
        type=int,
        choices=[0, 1],
        default=1,
        help="the coordinate of the first pixel: 1 as Pascal VOC counts (default), 0 as some tools do",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def ingest(**options: Any) -> dict[str, Any]:
        from penstock.ingest import ingest_voc

        return ingest_voc(
            arguments.folder,
            arguments.out,
            split=arguments.split,
            classes=arguments.classes,
            first_pixel=arguments.first_pixel,
            **options,
        )

    return run_ingest(arguments, ingest, _what)


def _what(summary: dict[str, Any]) -> str:
    text = (
        f"{summary['images']} images, {summary['annotations']} annotations, of which {summary['difficult']} are "
        f"difficult and {summary['truncated']} truncated"
    )
    others = summary["other_classes"]
    return text + (f"; {others} objects of other classes were left out" if others else "")

"""``penstock ingest-coco``: COCO annotations and images into a Deep Lake 3 dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from penstock.cli.ingesting import add_ingest_options, add_masks, run_ingest

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "ingest-coco",
        help="make a dataset of COCO files",
        description="Writes COCO files as a Deep Lake 3 dataset; the image files' bytes stay as they are, "
        "but for those with an EXIF orientation.",
    )
    parser.add_argument("annotations", metavar="ANNOTATIONS", type=Path, help="instances_*.json")
    parser.add_argument("images", metavar="IMAGES", type=Path, help="the directory with its images")
    add_ingest_options(parser)
    add_masks(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def ingest(**options: Any) -> dict[str, Any]:
        from penstock.ingest import ingest_coco

        return ingest_coco(arguments.annotations, arguments.images, arguments.out, masks=arguments.masks, **options)

    return run_ingest(arguments, ingest, _what)


def _what(summary: dict[str, Any]) -> str:
    return f"{summary['images']} images, {summary['annotations']} annotations"

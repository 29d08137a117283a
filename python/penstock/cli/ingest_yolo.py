"""``penstock ingest-yolo``: a dataset in Ultralytics' layout into a Deep Lake 3 dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from penstock.cli.ingesting import add_ingest_options, add_masks, run_ingest

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "ingest-yolo",
        help="make a dataset of YOLO files",
        description="Writes a split of a dataset in Ultralytics' layout (data.yaml, images/, labels/ with boxes or "
        "polygons) as a Deep Lake 3 dataset.",
    )
    parser.add_argument("data", metavar="DATA", type=Path, help="data.yaml, or the directory that it lies in")
    add_ingest_options(parser)
    add_masks(parser)
    parser.add_argument("--split", default="train", help="train (default), val or test")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def ingest(**options: Any) -> dict[str, Any]:
        from penstock.ingest import ingest_yolo

        return ingest_yolo(arguments.data, arguments.out, split=arguments.split, masks=arguments.masks, **options)

    return run_ingest(arguments, ingest, _what)


def _what(summary: dict[str, Any]) -> str:
    text = f"{summary['images']} images, {summary['annotations']} annotations"
    return text + (f", {summary['backgrounds']} images without any" if summary["backgrounds"] else "")

"""``penstock ingest-folder``: a directory for each class into a Deep Lake 3 dataset for classification."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from penstock.cli.ingesting import add_ingest_options, run_ingest

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "ingest-folder",
        help="make a dataset of a folder for each class",
        description="Writes a directory in which each class has a directory of images as a Deep Lake 3 dataset for "
        "classification: tensors images, labels and filenames.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the directory with a directory for each class")
    add_ingest_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def ingest(**options: Any) -> dict[str, Any]:
        from penstock.ingest import ingest_folder

        return ingest_folder(arguments.folder, arguments.out, **options)

    return run_ingest(arguments, ingest, _what)


def _what(summary: dict[str, Any]) -> str:
    return f"{summary['images']} images in {len(summary['classes'])} classes"

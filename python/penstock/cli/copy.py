"""``penstock copy``: a dataset from a bucket to a directory."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from penstock.cli.source import add_creds, creds_of
from penstock.printable import printable
from penstock.progress import progress_bar
from penstock.storage.address import shown
from penstock.storage.copying import copy_dataset

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "copy",
        help="copy a dataset from a bucket to a directory",
        description="Copies all files of a dataset, with its history and views. Called again after it was interrupted, "
        "it goes on where it ended.",
    )
    parser.add_argument("source", metavar="SOURCE", help="the dataset's URL: s3://bucket/folder, gs://, az://, hub://")
    parser.add_argument("target", metavar="TARGET", type=Path, help="a directory that is not there yet, or empty")
    add_creds(parser, "SOURCE")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with progress_bar("B") as progress:
        copied = copy_dataset(arguments.source, arguments.target, creds=creds_of(arguments), progress=progress)
    if arguments.json:
        print(json.dumps(asdict(copied), indent=1))
    else:
        kept = f", {copied.kept} were there" if copied.kept else ""
        of, to = printable(shown(arguments.source)), printable(str(arguments.target))
        print(f"{of} -> {to}: {copied.files} files, {copied.data_bytes} bytes{kept}")
    return 0

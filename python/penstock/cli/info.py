"""``penstock info``: what a dataset holds and what of it can be loaded."""

from __future__ import annotations

import argparse
import json
from typing import Any

from penstock.cli.source import add_source, open_source
from penstock.dataset.summary import describe, tensor_rows
from penstock.printable import printable

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("info", help="what a dataset holds", description="Shows what a dataset holds.")
    add_source(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    dataset = open_source(arguments)
    described = describe(dataset)
    print(json.dumps(described, indent=1, default=str) if arguments.json else as_text(described))
    return 0


def as_text(described: dict[str, Any]) -> str:
    """The same for reading: a head and a table with a line for each tensor."""
    head = (
        f"{printable(described['path'])}\n"
        f"{described['samples']} samples, branch {printable(described['branch'])}, "
        f"commit {printable(described['commit'])}\n"
    )
    rows = [("tensor", "htype", "dtype", "shape", "compression", "samples", "chunks", ""), *tensor_rows(described)]
    cells = [list(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([head, *lines])

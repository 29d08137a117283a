"""The command ``penstock``: a file for each of its commands. Uses all else."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from penstock.cli import (
    bench,
    copy,
    doctor,
    info,
    ingest_coco,
    ingest_folder,
    ingest_voc,
    ingest_yolo,
    show,
    verify,
    view,
)
from penstock.errors import PenstockError
from penstock.printable import printable

__all__ = ["main"]

_COMMANDS = (info, verify, view, show, bench, copy, ingest_coco, ingest_yolo, ingest_voc, ingest_folder, doctor)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        The exit status: 0, 1 after an error (one line on standard error), 2 for wrong usage.
    """
    parser = argparse.ArgumentParser(
        prog="penstock", description="The open, native data loader for Deep Lake datasets."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    words = sys.argv[1:] if argv is None else [*argv]
    arguments = parser.parse_args(words, argparse.Namespace(words=words))
    try:
        status: int = arguments.run(arguments)
    except (PenstockError, ValueError, OSError) as error:
        print(f"penstock: error: {printable(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("penstock: interrupted", file=sys.stderr)
        return 130
    return status


def _version() -> str:
    import penstock

    return penstock.__version__

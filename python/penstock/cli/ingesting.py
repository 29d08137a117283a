"""What the commands that make datasets have in common: options and the summary."""

from __future__ import annotations

import argparse
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from penstock.cli.ending import ended_by_sigterm
from penstock.printable import printable
from penstock.progress import progress

__all__ = ["add_ingest_options", "add_masks", "run_ingest"]

#: So many odd files of a kind are named, but in JSON.
_MOST_NAMED = 20


def add_ingest_options(parser: argparse.ArgumentParser) -> None:
    """OUT and the options of all kinds of ingesting."""
    parser.add_argument("out", metavar="OUT", type=Path, help="the dataset to write")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it is a dataset")
    parser.add_argument("--limit", type=int, help="only the first so many images")
    parser.add_argument("--max-chunk-size", type=int, metavar="BYTES", help="default: Deep Lake's own")
    parser.add_argument(
        "--exif",
        choices=["apply", "keep"],
        default="apply",
        help="files with an EXIF orientation: turn them, without loss where their size allows (default), or keep them",
    )
    parser.add_argument(
        "--convert",
        choices=["jpeg", "png"],
        help="convert files of other formats (JPEG, PNG, WebP, BMP, TIFF, GIF): to png without loss, several times as "
        "large; to jpeg with loss, see --quality. Default: all files have one format, JPEG or PNG, and stay as they "
        "are",
    )
    parser.add_argument(
        "--quality", type=int, default=95, metavar="N", help="of files converted to JPEG, 1 to 100 (default: 95)"
    )
    parser.add_argument(
        "--no-check", dest="check", action="store_false", help="do not decode the images: faster, finds no damage"
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out images that are missing or damaged or have wrong annotations, and name them; "
        "default: the first one ends the command",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep the work when it is interrupted, beside OUT, and go on with it when the command is run again",
    )
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")


def add_masks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--masks",
        choices=["polygon", "binary_mask"],
        default="polygon",
        help="how masks are stored: outlines (default), or pixels, which any segmentation has",
    )


def run_ingest(arguments: argparse.Namespace, ingest: Callable[..., dict[str, Any]], what: Callable[[Any], str]) -> int:
    """Runs a function of :mod:`penstock.ingest` and prints its summary.

    Args:
        arguments: Those of :func:`add_ingest_options`.
        ingest: Takes the options as keywords.
        what: Says what the dataset holds, of the summary.
    """
    # The library is quiet by itself.
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_OneLine("penstock: warning: %(message)s"))
    logger = logging.getLogger("penstock")
    logger.addHandler(handler)
    try:
        with ended_by_sigterm(), warnings.catch_warnings():
            # deeplake's advice, that there is a deeplake 4 for one.
            warnings.filterwarnings("ignore", category=UserWarning, module="deeplake")
            names = (
                "overwrite",
                "limit",
                "max_chunk_size",
                "exif",
                "convert",
                "quality",
                "check",
                "skip_bad",
                "resume",
            )
            summary = ingest(progress=progress, **{name: getattr(arguments, name) for name in names})
    finally:
        logger.removeHandler(handler)
    if arguments.json:
        print(json.dumps(summary, indent=1))
    else:
        print("\n".join(map(printable, [f"{arguments.out}: {what(summary)}", *_remarks(summary)])))
    return 0


def _remarks(summary: Mapping[str, Any]) -> Iterator[str]:
    if summary["resumed_after"]:
        yield f"went on after {summary['resumed_after']} images that an interrupted run had done"
    if summary["converted"]:
        yield f"converted to {summary['compression'].upper()}: {summary['converted']}"
    if summary["turned_lossless"] or summary["turned_encoded"]:
        yield (
            f"turned as their EXIF orientation says: {summary['turned_lossless']} without loss, "
            f"{summary['turned_encoded']} encoded anew"
        )
    by_kind: dict[str, list[dict[str, str]]] = {}
    for odd in summary["odd"]:
        by_kind.setdefault(odd["kind"], []).append(odd)
    for kind, found in by_kind.items():
        yield f"{kind}: {len(found)}"
        yield from (f"  {odd['file']}: {odd['what']}" for odd in found[:_MOST_NAMED])
        if len(found) > _MOST_NAMED:
            yield f"  and {len(found) - _MOST_NAMED} more, which --json names"


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))

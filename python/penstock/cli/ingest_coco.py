"""``penstock ingest-coco``: COCO annotations and images into a Deep Lake 3 dataset."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.printable import printable
from penstock.progress import progress

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
    parser.add_argument("out", metavar="OUT", type=Path, help="the dataset to write")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it is a dataset")
    parser.add_argument("--limit", type=int, help="only the first so many images")
    parser.add_argument("--max-chunk-size", type=int, metavar="BYTES", help="default: Deep Lake's own")
    parser.add_argument(
        "--masks",
        choices=["polygon", "binary_mask"],
        default="polygon",
        help="how masks are stored: outlines (default), or pixels, which any segmentation has",
    )
    parser.add_argument(
        "--exif",
        choices=["apply", "keep"],
        default="apply",
        help="files with an EXIF orientation: turn them, without loss where their size allows (default), or keep them",
    )
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    # The library is quiet by itself.
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_OneLine("penstock: warning: %(message)s"))
    logger = logging.getLogger("penstock")
    logger.addHandler(handler)
    try:
        with _ended_by_sigterm():
            summary = _ingest(arguments)
    finally:
        logger.removeHandler(handler)
    if arguments.json:
        print(json.dumps(summary, indent=1))
    else:
        print(f"{printable(str(arguments.out))}: {summary['images']} images, {summary['annotations']} annotations")
        if summary["turned_lossless"] or summary["turned_encoded"]:
            print(
                f"turned as their EXIF orientation says: {summary['turned_lossless']} without loss, "
                f"{summary['turned_encoded']} encoded anew"
            )
    return 0


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the command as an exception, so that what is half done is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    status: list[int] = []

    def stop(number: int, frame: object) -> None:
        status.append(128 + number)
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except Exception:
        # Code on the way may have made an error of its own of it.
        if status:
            raise SystemExit(status[0]) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _ingest(arguments: argparse.Namespace) -> dict[str, Any]:
    from penstock.ingest import ingest_coco

    with warnings.catch_warnings():
        # deeplake's advice, that there is a deeplake 4 for one.
        warnings.filterwarnings("ignore", category=UserWarning, module="deeplake")
        return ingest_coco(
            arguments.annotations,
            arguments.images,
            arguments.out,
            overwrite=arguments.overwrite,
            limit=arguments.limit,
            max_chunk_size=arguments.max_chunk_size,
            masks=arguments.masks,
            exif=arguments.exif,
            progress=progress,
        )

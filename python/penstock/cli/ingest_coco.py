"""``penstock ingest-coco``: COCO annotations and images into a Deep Lake 3 dataset."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

from penstock.cli.progress import progress

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "ingest-coco",
        help="make a dataset of COCO files",
        description="Writes COCO files as a Deep Lake 3 dataset; the JPEG files' bytes stay as they are.",
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
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from penstock.ingest import ingest_coco

    with warnings.catch_warnings():
        # deeplake's advice, that there is a deeplake 4 for one.
        warnings.filterwarnings("ignore", category=UserWarning, module="deeplake")
        summary = ingest_coco(
            arguments.annotations,
            arguments.images,
            arguments.out,
            overwrite=arguments.overwrite,
            limit=arguments.limit,
            max_chunk_size=arguments.max_chunk_size,
            masks=arguments.masks,
            progress=progress,
        )
    if arguments.json:
        print(json.dumps(summary, indent=1))
    else:
        print(f"{arguments.out}: {summary['images']} images, {summary['annotations']} annotations")
    return 0

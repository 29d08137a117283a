"""A COCO set whose images occur several times, as files and as a Deep Lake 3 dataset.

    python benchmarks/make_coco.py COCO OUT [--times 10]

COCO has annotations/instances_{train,val}2017.json and the directories train2017 and val2017; all their images are
taken. OUT gets images/ (links to the files), annotations.json, which names them with new numbers, and lake/, the
dataset that `penstock ingest-coco` makes of both.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from penstock.ingest import ingest_coco

_SPLITS = ("train2017", "val2017")


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Several annotation files in one."""
    return {**parts[0], **{key: [one for part in parts for one in part[key]] for key in ("images", "annotations")}}


def repeated(coco: dict[str, Any], times: int) -> dict[str, Any]:
    """The annotation file with every image, and its annotations, ``times`` times over."""
    stride = 1 + max(image["id"] for image in coco["images"])
    annotation_stride = 1 + max(annotation["id"] for annotation in coco["annotations"])
    return {
        **coco,
        "images": [{**image, "id": image["id"] + n * stride} for n in range(times) for image in coco["images"]],
        "annotations": [
            {**one, "id": one["id"] + n * annotation_stride, "image_id": one["image_id"] + n * stride}
            for n in range(times)
            for one in coco["annotations"]
        ],
    }


def make(coco: Path, out: Path, times: int) -> None:
    """Writes the files."""
    shutil.rmtree(out, ignore_errors=True)
    images = out / "images"
    images.mkdir(parents=True)
    for split in _SPLITS:
        for file in (coco / split).iterdir():
            (images / file.name).symlink_to(file.resolve())
    parts = [json.loads((coco / "annotations" / f"instances_{split}.json").read_text()) for split in _SPLITS]
    annotations = out / "annotations.json"
    annotations.write_text(json.dumps(repeated(joined(parts), times)))
    ingest_coco(annotations, images, out / "lake")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("coco", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--times", type=int, default=10)
    arguments = parser.parse_args()
    make(arguments.coco, arguments.out, arguments.times)


if __name__ == "__main__":
    main()

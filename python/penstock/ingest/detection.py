"""Annotated images as a dataset: what all formats of detection share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from penstock.ingest.annotated import Annotations, Image, Instance
from penstock.ingest.columns import MaskHtype, Size, check_mask_htype, detection_columns
from penstock.ingest.options import IngestOptions, OddFiles
from penstock.ingest.writing import Item, check_before, write_dataset

__all__ = ["write_detection"]


def write_detection(
    out: Path,
    read: Callable[[], Annotations],
    file_of: Callable[[Image], Path],
    masks: MaskHtype,
    options: IngestOptions,
    odd: OddFiles,
    *,
    in_pixels: Callable[[Image, Size], Image] = lambda image, size: image,
    flags: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Writes the dataset that :func:`penstock.ingest.ingest_coco` describes.

    Args:
        out: The dataset's directory.
        read: Reads the annotations; called when it is sure that something can be written.
        file_of: The file of an image.
        masks: The htype of the masks.
        options: See there.
        odd: What ``read`` notes its odd files in.
        in_pixels: Turns what was read of an image into pixels, with its height and width as it is stored.
        flags: "difficult" and "truncated", where the format has them.

    Returns:
        What ``ingest_coco`` does.
    """
    check_mask_htype(masks)
    check_before(out, options)
    annotations = read()
    rows = annotations.images[: options.limit]

    def item(row: Image) -> Item:
        return Item(file_of(row), lambda size: in_pixels(row, size), row.size)

    columns = detection_columns(
        annotations,
        masks,
        with_masks=any(instance.segmentation for instance in _instances(annotations.images)),
        flags=(("ignores",) if any(instance.ignore for instance in _instances(annotations.images)) else ()) + flags,
    )
    written, left_out = write_dataset(out, [item(row) for row in rows], columns, annotations.digest, options, odd)
    instances = list(_instances([row for number, row in enumerate(rows) if number not in left_out]))
    return {
        **written,
        "annotations": len(instances),
        "crowds": sum(instance.crowd for instance in instances),
        "categories": len(annotations.categories),
    }


def _instances(images: list[Image]) -> Iterator[Instance]:
    return (instance for image in images for instance in image.instances)

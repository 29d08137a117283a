"""COCO annotations and images as a Deep Lake 3 dataset."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.errors import StorageError
from penstock.ingest.coco_file import read_coco_file
from penstock.ingest.columns import MaskHtype
from penstock.ingest.detection import write_detection
from penstock.ingest.options import IngestKeywords, IngestOptions, OddFiles

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ingest_coco"]


def ingest_coco(
    annotations: str | os.PathLike[str],
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    masks: MaskHtype = "polygon",
    **options: Unpack[IngestKeywords],
) -> dict[str, Any]:
    """Writes a Deep Lake 3 dataset of a COCO annotation file and its images, in the order of the file.

    Tensors; the first four beside ``images`` have an entry for each annotation, in the same order:

    - ``images``: the files' own bytes, JPEG or PNG; of those with an EXIF orientation see ``exif``.
    - ``boxes``: float32 (n, 4), left, top, width, height in pixels.
    - ``categories``: class labels (n,) with ``class_names`` in the order of the category numbers; the numbers
      themselves are ``info["category_ids"]``.
    - ``iscrowds``: bool (n,).
    - ``ignores``: bool (n,): annotations with ``"ignore": 1``, which MMDetection leaves out in training. Left out where
      no annotation of the file has it.
    - ``areas``: float64 (n,), as in the file; of the box where the file has none.
    - ``masks``: one polygon each, see :func:`penstock.ingest.polygons.object_polygon`; or an array (h, w, n) of bool,
      see :func:`penstock.ingest.bitmaps.object_bitmap`. Left out where no annotation of the file has a segmentation.
    - ``image_ids``: int64 (1,), the image's number.
    - ``filenames``: text, as in the file.

    Args:
        annotations: An instances_*.json.
        images: The directory that its file names are relative to.
        out: The dataset's directory. It appears when the dataset is complete, and never in part.
        masks: The htype of the masks. Binary masks are the pixels of any segmentation. Polygons are smaller, and cover
            the same pixels if their coordinates had six digits at most, since float32 keeps no more; Deep Lake has
            none of more than 65535 points.
        options: The fields of :class:`penstock.ingest.options.IngestOptions`: ``overwrite``, ``limit``,
            ``max_chunk_size``, ``exif``, ``convert``, ``quality``, ``check``, ``skip_bad``, ``resume``, ``progress``.

    Returns:
        ``path``, and counts: ``images``, ``annotations``, ``crowds``, ``categories``, ``image_bytes`` as stored;
        ``converted``, files of another format; ``turned_lossless`` and ``turned_encoded``, files turned without loss
        and encoded anew; ``wrong_sizes``, images of other sizes than the annotation file says, of which a warning names
        the first few; ``resumed_after``, how many images an interrupted run had done. ``compression``: "jpeg" or "png".
        ``odd``: the files that are out of the ordinary, each a dict of ``file``, ``kind`` and ``what``.

    Raises:
        DatasetFormatError: An annotation file that contradicts itself, image files that are damaged or of different
            formats.
        StorageError: An image is missing, ``out`` exists or came to be meanwhile, or the disk failed.
        MissingExtraError: deeplake or pycocotools is not installed.
    """
    chosen, folder = IngestOptions(**options), Path(images)
    odd = OddFiles(chosen.skip_bad)

    def read() -> Any:
        try:
            return read_coco_file(Path(annotations))
        except OSError as error:
            raise StorageError(f"the annotation file cannot be read: {error}") from error

    return write_detection(Path(out), read, lambda image: folder / image.file_name, masks, chosen, odd)

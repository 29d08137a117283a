"""COCO annotations and images as a Deep Lake 3 dataset."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from penstock.errors import DatasetFormatError, PenstockError, StorageError
from penstock.extras import import_extra
from penstock.ingest.bitmaps import object_bitmap
from penstock.ingest.coco_file import CocoFile, Image, Instance, read_coco_file
from penstock.ingest.image_files import find_images
from penstock.ingest.polygons import object_polygon
from penstock.ingest.target import check_target, new_dataset_directory
from penstock.ingest.turning import upright

__all__ = ["Progress", "ingest_coco"]

logger = logging.getLogger("penstock")

#: So many files are named in a warning.
_MOST_NAMED = 5

#: Wraps what is iterated over: called with the items, how many there are and what one is called.
Progress = Callable[[Iterable[Any], int, str], Iterator[Any]]

#: What a tensor of masks is created with. Masks are mostly zeros; each sample is compressed by itself, so that one can
#: be read without its neighbours.
_MASK_TYPES: dict[str, dict[str, Any]] = {"polygon": {}, "binary_mask": {"sample_compression": "lz4"}}


def ingest_coco(
    annotations: str | os.PathLike[str],
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    limit: int | None = None,
    max_chunk_size: int | None = None,
    masks: Literal["polygon", "binary_mask"] = "polygon",
    exif: Literal["apply", "keep"] = "apply",
    progress: Progress = lambda items, total, unit: iter(items),
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
        overwrite: Replace a dataset at ``out``.
        limit: Take the first so many images only.
        max_chunk_size: Of the images' chunks, in bytes; default: Deep Lake's own.
        masks: The htype of the masks. Binary masks are the pixels of any segmentation. Polygons are smaller, and cover
            the same pixels if their coordinates had six digits at most, since float32 keeps no more; Deep Lake has
            none of more than 65535 points.
        exif: "apply": files with an EXIF orientation are turned, as people, OpenCV and MMDetection see them, and lose
            their EXIF; see :func:`penstock.ingest.turning.upright`. "keep": their bytes stay, and so do the pixels that
            Penstock and Deep Lake read, which are not turned.
        progress: Shows progress.

    Returns:
        ``path``, and counts: ``images``, ``annotations``, ``crowds``, ``categories``, ``image_bytes`` as stored;
        ``turned_lossless`` and ``turned_encoded``, files turned without loss and encoded anew; ``wrong_sizes``, images
        of other sizes than the annotation file says, of which a warning names the first few.

    Raises:
        DatasetFormatError: An annotation file that contradicts itself, or image files of different formats.
        StorageError: An image is missing, ``out`` exists or came to be meanwhile, or the disk failed.
        MissingExtraError: deeplake or pycocotools is not installed.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if masks not in _MASK_TYPES:
        raise ValueError(f"masks must be one of {', '.join(map(repr, _MASK_TYPES))}, got {masks!r}")
    if exif not in ("apply", "keep"):
        raise ValueError(f"exif must be 'apply' or 'keep', got {exif!r}")
    target = Path(out)
    check_target(target, overwrite=overwrite)
    deeplake = import_extra("deeplake", "writing datasets", "ingest")
    # deeplake.read() leaves its files open.
    encoded = import_extra("deeplake.core.sample", "writing datasets", "ingest").Sample
    try:
        coco = read_coco_file(Path(annotations))
    except OSError as error:
        raise StorageError(f"the annotation file cannot be read: {error}") from error
    rows = coco.images[:limit]
    files, compression = find_images(Path(images), [row.file_name for row in rows])
    counts = dict.fromkeys(("kept", "lossless", "encoded", "bytes"), 0)
    wrong_sizes: list[str] = []
    with new_dataset_directory(target, overwrite=overwrite) as path, _writing(deeplake, path) as lake:
        with _named("the dataset cannot be written"):
            _create_tensors(lake, coco, compression, max_chunk_size)
            if any(instance.segmentation for image in coco.images for instance in image.instances):
                lake.create_tensor("masks", htype=masks, **_MASK_TYPES[masks])
            if any(instance.ignore for image in coco.images for instance in image.instances):
                lake.create_tensor("ignores", dtype="bool")
        for row, file in progress(zip(rows, files, strict=True), len(rows), "image"):
            with _named(f"the image '{file}' cannot be stored"):
                data, how = file.read_bytes(), "kept"
                if exif == "apply":
                    data, how = upright(data, compression, file)
                counts[how] += 1
                counts["bytes"] += len(data)
                sample = encoded(buffer=data, compression=compression)
                size = (int(sample.shape[0]), int(sample.shape[1]))
                if row.size is not None and row.size != size:
                    wrong_sizes.append(f"'{file}' {size[1]} x {size[0]}, not {row.size[1]} x {row.size[0]}")
                _append(lake, coco, row, sample, size)
    if wrong_sizes:
        logger.warning(
            "%d images have another size (width x height) than '%s' says: %s%s",
            len(wrong_sizes),
            coco.path,
            "; ".join(wrong_sizes[:_MOST_NAMED]),
            "; ..." if len(wrong_sizes) > _MOST_NAMED else "",
        )
    instances = [instance for row in rows for instance in row.instances]
    return {
        "path": str(target),
        "images": len(rows),
        "annotations": len(instances),
        "crowds": sum(instance.crowd for instance in instances),
        "categories": len(coco.categories),
        "image_bytes": counts["bytes"],
        "turned_lossless": counts["lossless"],
        "turned_encoded": counts["encoded"],
        "wrong_sizes": len(wrong_sizes),
    }


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """Turns deeplake's errors, which are of many kinds, into ours."""
    try:
        yield
    except PenstockError:
        raise
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        kind = DatasetFormatError if cause is None or cause.errno is None else StorageError
        raise kind(f"{what}: {cause or error}") from error


@contextlib.contextmanager
def _writing(deeplake: Any, path: Path) -> Iterator[Any]:
    """A new dataset, complete on disk when the context ends."""
    # Where deeplake waits for the disk it turns a spinner on standard error, terminal or not.
    quiet = contextlib.redirect_stderr(io.StringIO())
    with quiet, _named("the dataset cannot be made"):
        lake = deeplake.empty(str(path), lock_enabled=False, verbose=False)
    lake.__enter__()
    try:
        yield lake
    except BaseException:
        # What deeplake still holds goes now, into what is about to be removed, and not when the object dies.
        with quiet, contextlib.suppress(Exception):
            _finish(lake)
        raise
    with quiet, _named("the dataset cannot be written"):
        _finish(lake)


def _finish(lake: Any) -> None:
    lake.__exit__(None, None, None)
    lake.flush()


def _create_tensors(lake: Any, coco: CocoFile, compression: str, max_chunk_size: int | None) -> None:
    # Tiles would tear the files' bytes apart.
    options = {
        "tiling_threshold": -1,
        **({} if max_chunk_size is None else {"max_chunk_size": max_chunk_size}),
    }
    lake.create_tensor("images", htype="image", sample_compression=compression, **options)
    lake.create_tensor("boxes", htype="bbox", dtype="float32", coords={"type": "pixel", "mode": "LTWH"})
    names = [category.name for category in coco.categories]
    lake.create_tensor("categories", htype="class_label", class_names=names)
    lake.categories.info.update(category_ids=[category.id for category in coco.categories])
    lake.create_tensor("iscrowds", dtype="bool")
    lake.create_tensor("areas", dtype="float64")
    lake.create_tensor("image_ids", dtype="int64")
    lake.create_tensor("filenames", htype="text")


def _append(lake: Any, coco: CocoFile, image: Image, sample: Any, size: tuple[int, int]) -> None:
    instances = image.instances
    values = {
        "images": sample,
        "boxes": np.array([instance.box for instance in instances], np.float32).reshape(-1, 4),
        "categories": np.array([instance.label for instance in instances], np.uint32),
        "iscrowds": np.array([instance.crowd for instance in instances], np.bool_),
        "areas": np.array([instance.area for instance in instances], np.float64),
        "image_ids": np.array([image.id], np.int64),
        "filenames": image.file_name,
    }
    if "ignores" in lake.tensors:
        values["ignores"] = np.array([instance.ignore for instance in instances], np.bool_)
    if "masks" in lake.tensors:
        shape: Any = _stacked_bitmaps if lake.masks.htype == "binary_mask" else _polygons
        values["masks"] = shape(coco, instances, size)
    lake.append(values)


def _polygons(coco: CocoFile, instances: list[Instance], size: tuple[int, int]) -> list[Any]:
    return [_object(object_polygon, coco, instance, size) for instance in instances]


def _stacked_bitmaps(coco: CocoFile, instances: list[Instance], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """bool (h, w, n)."""
    stack = np.zeros((*size, len(instances)), np.bool_)
    for number, instance in enumerate(instances):
        stack[..., number] = _object(object_bitmap, coco, instance, size)
    return stack


def _object(shape: Callable[..., Any], coco: CocoFile, instance: Instance, size: tuple[int, int]) -> Any:
    try:
        return shape(instance.segmentation, instance.box, size)
    except ValueError as error:
        raise DatasetFormatError(f"annotation {instance.id}: {error}", path=str(coco.path)) from None

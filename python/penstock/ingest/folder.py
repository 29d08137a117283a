"""A directory for each class as a Deep Lake 3 dataset for classification."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import DatasetFormatError, StorageError
from penstock.ingest.columns import Column, file_name_column
from penstock.ingest.image_files import IMAGE_SUFFIXES, files_below
from penstock.ingest.options import IngestKeywords, IngestOptions, OddFiles
from penstock.ingest.writing import Item, check_before, write_dataset

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ingest_folder"]

_SPLITS = frozenset(("train", "val", "valid", "validation", "test"))


@dataclass(frozen=True)
class _Labelled:
    """An image file, its name relative to the folder, and its class."""

    file: Path
    file_name: str
    label: int


def ingest_folder(
    folder: str | os.PathLike[str], out: str | os.PathLike[str], **options: Unpack[IngestKeywords]
) -> dict[str, Any]:
    """Writes a Deep Lake 3 dataset of a directory in which each class has a directory of images, as torchvision's
    ``ImageFolder`` reads it: classes by name, images by path.

    Tensors:

    - ``images``: the files' own bytes, JPEG or PNG; see ``exif`` and ``convert`` of
      :func:`penstock.ingest.ingest_coco`.
    - ``labels``: a class label (1,) with ``class_names``.
    - ``filenames``: text, relative to ``folder``.

    Args:
        folder: The directory with a directory for each class, in which images may lie at any depth.
        out: The dataset's directory. It appears when the dataset is complete, and never in part.
        options: As of ``ingest_coco``. ``limit`` takes the first images of all classes in turn: one of each, then
            another one of each, and so on.

    Returns:
        As ``ingest_coco`` without ``annotations``, ``crowds`` and ``categories``; ``classes``, how many images each
        class has, by name.

    Raises:
        DatasetFormatError: There are no directories, one of them has no image, or images are damaged or of different
            formats.
        StorageError: ``out`` exists or came to be meanwhile, or the disk failed.
        MissingExtraError: deeplake is not installed.
    """
    chosen, root = IngestOptions(**options), Path(folder)
    odd = OddFiles(chosen.skip_bad)
    check_before(Path(out), chosen)
    names, images = _images(root, odd)
    if chosen.limit is not None:
        images = _first_of_each(images, chosen.limit)
    columns = [
        Column(
            "labels",
            {"htype": "class_label", "class_names": names},
            lambda image, size: np.array([image.label], np.uint32),
        ),
        file_name_column(),
    ]
    digest = hashlib.sha256(repr((names, [image.file_name for image in images])).encode(errors="surrogateescape"))
    items = [_item(image) for image in images]
    summary, left_out = write_dataset(Path(out), items, columns, digest.hexdigest(), chosen, odd)
    stored = [image.label for number, image in enumerate(images) if number not in left_out]
    numbers = np.bincount(np.array(stored, np.int64), minlength=len(names)).tolist()
    return {**summary, "classes": dict(zip(names, numbers, strict=True))}


def _item(image: _Labelled) -> Item:
    return Item(image.file, lambda size: image)


def _images(root: Path, odd: OddFiles) -> tuple[list[str], list[_Labelled]]:
    try:
        there = sorted(entry for entry in root.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise StorageError(f"the directory '{root}' cannot be read: {error.strerror}") from error
    folders = [entry for entry in there if entry.is_dir()]
    if not folders:
        raise DatasetFormatError(
            f"there is no directory in '{root}'", hint="Each class needs a directory of its images"
        )
    names = [entry.name for entry in folders]
    if set(names) <= _SPLITS and any(entry.is_dir() for folder in folders for entry in folder.iterdir()):
        raise DatasetFormatError(
            f"'{root}' has the directories {', '.join(names)}, which are no classes",
            hint=f"Ingest each by itself: '{folders[0]}'",
        )
    for entry in there:
        if not entry.is_dir():
            odd.note(entry, "beside the classes", "it is in no class's directory")
    images: list[_Labelled] = []
    for label, folder in enumerate(folders):
        before = len(images)
        for file in files_below(folder):
            if file.suffix.lower() in IMAGE_SUFFIXES:
                images.append(_Labelled(file, file.relative_to(root).as_posix(), label))
            else:
                odd.note(file, "no image by its name", f"'{file.suffix}' is no suffix of an image")
        if len(images) == before:
            raise DatasetFormatError(
                f"the class '{folder.name}' has no image: '{folder}' is empty", hint="Remove the directory"
            )
    return names, images


def _first_of_each(images: list[_Labelled], limit: int) -> list[_Labelled]:
    """The images that come first where the classes take turns, in the order that they had."""
    seen: dict[int, int] = {}
    turns: list[tuple[int, int]] = []
    for place, image in enumerate(images):
        turns.append((seen.get(image.label, 0), place))
        seen[image.label] = seen.get(image.label, 0) + 1
    return [images[place] for _, place in sorted(sorted(turns)[:limit], key=lambda turn: turn[1])]

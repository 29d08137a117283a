"""A dataset in Ultralytics' layout as a Deep Lake 3 dataset."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.errors import DatasetFormatError
from penstock.ingest.annotated import Annotations, Image, Instance, official_numbers
from penstock.ingest.columns import MaskHtype
from penstock.ingest.detection import write_detection
from penstock.ingest.image_files import files_below
from penstock.ingest.options import IngestKeywords, IngestOptions, OddFiles
from penstock.ingest.yolo_data import YoloData, images_of, read_data_file
from penstock.ingest.yolo_labels import label_file, parse_labels, with_pixels

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ingest_yolo"]


def ingest_yolo(
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    split: str = "train",
    masks: MaskHtype = "polygon",
    **options: Unpack[IngestKeywords],
) -> dict[str, Any]:
    """Writes a Deep Lake 3 dataset of a split of a dataset in Ultralytics' layout: a data.yaml, image files, and a
    label file for each image that has objects.

    The tensors are those of :func:`penstock.ingest.ingest_coco`, in the order of the images' paths. Boxes and polygons
    are in pixels of the image as it is stored. ``masks`` are there where a label file has polygons. ``areas`` are those
    of polygons, else of boxes. ``image_ids`` are the files' names where all are different numbers, else 1, 2, 3, ...
    ``filenames`` are relative to the dataset's root. A line that is there twice in a file counts once, as Ultralytics
    has it.

    Args:
        data: The data.yaml, or a directory with one.
        out: The dataset's directory. It appears when the dataset is complete, and never in part.
        split: "train", "val" or "test".
        masks: The htype of the masks, as of ``ingest_coco``.
        options: As of ``ingest_coco``.

    Returns:
        As ``ingest_coco``, and ``backgrounds``: images without objects.

    Raises:
        DatasetFormatError: A data.yaml or a label file that is wrong, images that are damaged or of different formats.
        UnsupportedError: Labels of poses.
        StorageError: A file is missing, ``out`` exists or came to be meanwhile, or the disk failed.
        MissingExtraError: deeplake, PyYAML or pycocotools is not installed.
    """
    chosen = IngestOptions(**options)
    odd = OddFiles(chosen.skip_bad)
    files: dict[int, Path] = {}
    backgrounds = 0

    def read() -> Annotations:
        nonlocal backgrounds
        described = read_data_file(Path(data))
        annotations, found = _read(described, images_of(described, split, odd), odd)
        backgrounds = sum(not image.instances for image in annotations.images[: chosen.limit])
        files.update(found)
        return annotations

    summary = write_detection(Path(out), read, lambda image: files[image.id], masks, chosen, odd, in_pixels=with_pixels)
    return {**summary, "backgrounds": backgrounds}


def _read(data: YoloData, images: list[Path], odd: OddFiles) -> tuple[Annotations, dict[int, Path]]:
    """The annotations of the images, and the file of each image by its number."""
    digest = hashlib.sha256(data.content)
    labels = {category.id: label for label, category in enumerate(data.categories)}
    rows: list[Image] = []
    files: dict[int, Path] = {}
    first_id = 1
    for number, image in zip(official_numbers([image.stem for image in images]), images, strict=True):
        instances = _instances(image, labels, first_id, odd, digest)
        if instances is not None:
            first_id += len(instances)
            files[number] = image
            rows.append(Image(number, _relative(image, data.root), None, instances))
    _note_labels_without_images(images, odd)
    return Annotations(data.file, data.categories, rows, digest.hexdigest()), files


def _instances(image: Path, labels: dict[int, int], first_id: int, odd: OddFiles, digest: Any) -> list[Instance] | None:
    """The objects of an image; None where its label file is bad and it is left out."""
    file = label_file(image)
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        odd.bad(file, "labels cannot be read", f"the labels '{file}' cannot be read: {error.strerror}")
        return None
    digest.update(os.fsencode(file) + b"\0" + content)
    try:
        instances, twice = parse_labels(content.decode("utf-8-sig"), labels, first_id)
    except UnicodeDecodeError:
        odd.bad(file, "wrong labels", f"the labels '{file}' are no text")
        return None
    except DatasetFormatError as error:
        odd.bad(file, "wrong labels", f"the labels '{file}' are wrong: {error.cause}")
        return None
    if twice:
        odd.note(file, "lines that are there twice", f"{twice} of its lines are there twice and count once")
    return instances


def _note_labels_without_images(images: list[Path], odd: OddFiles) -> None:
    wanted = {label_file(image) for image in images}
    # Where labels lie beside their images, lists of images do, too.
    folders = {file.parent for file in wanted} - {image.parent for image in images}
    for folder in sorted(folders):
        if any(other != folder and other in folder.parents for other in folders) or not folder.is_dir():
            continue
        for file in files_below(folder):
            # LabelImg writes the names of the classes beside the labels.
            if file.suffix == ".txt" and file.name != "classes.txt" and file not in wanted:
                odd.note(file, "labels without an image", "there is no image of this name")


def _relative(file: Path, root: Path) -> str:
    return Path(os.path.relpath(file, root)).as_posix()

"""A dataset in Pascal VOC's layout as a Deep Lake 3 dataset."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.errors import DatasetFormatError, StorageError
from penstock.ingest.annotated import Annotations, Category, Image, Instance, official_numbers
from penstock.ingest.detection import write_detection
from penstock.ingest.image_files import IMAGE_SUFFIXES, files_below
from penstock.ingest.options import IngestKeywords, IngestOptions, OddFiles
from penstock.ingest.voc_files import VOC_CLASSES, VocImage, parse_annotation, split_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ingest_voc"]


def ingest_voc(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    split: str | None = None,
    classes: Sequence[str] | None = None,
    first_pixel: int = 1,
    **options: Unpack[IngestKeywords],
) -> dict[str, Any]:
    """Writes a Deep Lake 3 dataset of a dataset in Pascal VOC's layout: directories ``Annotations`` (an XML file for
    each image), ``JPEGImages``, and ``ImageSets/Main`` with lists of images.

    The tensors are those of :func:`penstock.ingest.ingest_coco` without masks, and two more, with an entry for each
    object: ``difficult`` and ``truncated``, bool (n,). Boxes are those that MMDetection reads. ``image_ids`` are the
    files' names where all are different numbers, else 1, 2, 3, ... ``filenames`` are relative to ``folder``.

    Args:
        folder: VOC2007, for example.
        out: The dataset's directory. It appears when the dataset is complete, and never in part.
        split: A file of ``ImageSets/Main``, without its suffix: "trainval". None: all annotation files, by their names.
        classes: The classes by label; objects of others are left out and counted. None: Pascal VOC's twenty in
            MMDetection's order where no object is of another class, else those that there are, by name.
        first_pixel: The coordinate of an image's first pixel: 1 as Pascal VOC counts, 0 as some tools do.
        options: As of ``ingest_coco``.

    Returns:
        As ``ingest_coco``, and ``difficult`` and ``truncated``, numbers of objects; ``other_classes``, objects that
        were left out.

    Raises:
        DatasetFormatError: An annotation file that is wrong, images that are damaged or of different formats.
        StorageError: A file is missing, ``out`` exists or came to be meanwhile, or the disk failed.
        MissingExtraError: deeplake is not installed.
    """
    if first_pixel not in (0, 1):
        raise ValueError(f"first_pixel must be 0 or 1, got {first_pixel}")
    chosen, root = IngestOptions(**options), Path(folder)
    odd = OddFiles(chosen.skip_bad)
    files: dict[int, Path] = {}
    counts: dict[str, int] = {}

    def read() -> Annotations:
        annotations, found, others = _read(root, split, classes, first_pixel, odd)
        files.update(found)
        instances = [instance for image in annotations.images[: chosen.limit] for instance in image.instances]
        counts["difficult"] = sum(instance.difficult for instance in instances)
        counts["truncated"] = sum(instance.truncated for instance in instances)
        counts["other_classes"] = others
        return annotations

    summary = write_detection(
        Path(out), read, lambda image: files[image.id], "polygon", chosen, odd, flags=("difficult", "truncated")
    )
    return {**summary, **counts}


def _read(
    root: Path, split: str | None, classes: Sequence[str] | None, first_pixel: int, odd: OddFiles
) -> tuple[Annotations, dict[int, Path], int]:
    """The annotations, the file of each image by its number, and how many objects have another class."""
    folder = root / "Annotations"
    if not folder.is_dir():
        raise StorageError(f"there is no directory '{folder}'", hint="Name the directory that has Annotations in it")
    names = _names(root, folder, split)
    digest = hashlib.sha256()
    parsed: list[tuple[str, Path, VocImage]] = []
    images = _images_by_stem(root / "JPEGImages")
    for name in names:
        found = _parsed(folder / f"{name}.xml", first_pixel, odd, digest)
        if found is not None:
            parsed.append((name, _image_file(root, name, found, images), found))
    if split is None:
        _note_images_without_annotations(images, names, odd)
    categories = _categories([found for _, _, found in parsed], classes)
    labels = {category.name: label for label, category in enumerate(categories)}
    rows: list[Image] = []
    files: dict[int, Path] = {}
    first_id, others = 1, 0
    for number, (_, file, found) in zip(official_numbers([name for name, _, _ in parsed]), parsed, strict=True):
        known = [each for each in found.objects if each.name in labels]
        others += len(found.objects) - len(known)
        instances = [
            Instance(
                id=first_id + place,
                label=labels[each.name],
                box=each.box,
                area=each.box[2] * each.box[3],
                difficult=each.difficult,
                truncated=each.truncated,
            )
            for place, each in enumerate(known)
        ]
        first_id += len(instances)
        rows.append(Image(number, Path(os.path.relpath(file, root)).as_posix(), found.size, instances))
        files[number] = file
    return Annotations(folder, categories, rows, digest.hexdigest()), files, others


def _names(root: Path, folder: Path, split: str | None) -> list[str]:
    """The images, by the names of their annotation files without suffixes."""
    if split is not None:
        lists = root / "ImageSets" / "Main"
        file = lists / f"{split}.txt"
        if not file.exists():
            known = ", ".join(sorted(found.stem for found in lists.glob("*.txt") if "_" not in found.stem))
            raise StorageError(f"there is no split '{file}'", hint=f"There are: {known}" if known else None)
        names = split_names(file)
    else:
        names = [file.relative_to(folder).with_suffix("").as_posix() for file in files_below(folder) if _is_xml(file)]
    if not names:
        raise DatasetFormatError(f"there is no annotation file in '{folder if split is None else file}'")
    return list(dict.fromkeys(names))


def _is_xml(file: Path) -> bool:
    return file.suffix.lower() == ".xml"


def _parsed(file: Path, first_pixel: int, odd: OddFiles, digest: Any) -> VocImage | None:
    """The annotations of an image; None where they are bad and it is left out."""
    try:
        data = file.read_bytes()
    except OSError as error:
        cause = StorageError(f"the annotations '{file}' cannot be read: {error.strerror}")
        odd.bad(file, "annotations cannot be read", cause)
        return None
    digest.update(os.fsencode(file) + b"\0" + data)
    try:
        return parse_annotation(data, first_pixel)
    except DatasetFormatError as error:
        odd.bad(file, "wrong annotations", f"the annotations '{file}' are wrong: {error.cause}")
        return None


def _images_by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    files = [file for file in files_below(folder) if file.suffix.lower() in IMAGE_SUFFIXES]
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in reversed(files)}


def _image_file(root: Path, name: str, found: VocImage, images: dict[str, Path]) -> Path:
    """The image of an annotation file: the one with its name, else the one that it names."""
    if name in images:
        return images[name]
    if found.file_name is not None:
        # Tools write whole paths of another machine.
        for candidate in (found.file_name, found.file_name.replace("\\", "/").rpartition("/")[2]):
            file = root / "JPEGImages" / candidate
            if file.is_file():
                return file
    return root / "JPEGImages" / f"{name}.jpg"


def _note_images_without_annotations(images: dict[str, Path], names: Sequence[str], odd: OddFiles) -> None:
    for stem in sorted(images.keys() - set(names)):
        odd.note(images[stem], "an image without annotations", "there is no XML file of this name")


def _categories(found: Sequence[VocImage], classes: Sequence[str] | None) -> tuple[Category, ...]:
    if classes is None:
        there = {each.name for image in found for each in image.objects}
        classes = VOC_CLASSES if there <= set(VOC_CLASSES) else sorted(there)
    if len(set(classes)) < len(classes):
        raise ValueError("classes must not name a class twice")
    return tuple(Category(number, name) for number, name in enumerate(classes, 1))

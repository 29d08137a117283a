"""Reading data.yaml, with which Ultralytics' tools describe a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.errors import DatasetFormatError, StorageError, UnsupportedError
from penstock.extras import import_extra
from penstock.ingest.annotated import Category
from penstock.ingest.image_files import IMAGE_SUFFIXES, files_below
from penstock.ingest.options import OddFiles
from penstock.ingest.text_files import lines_of

__all__ = ["YoloData", "images_of", "read_data_file"]

#: Keys that name images.
_SPLITS = ("train", "val", "test", "minival")


@dataclass(frozen=True)
class YoloData:
    """A data.yaml.

    Attributes:
        file: The file itself.
        content: Its bytes.
        root: The directory that the splits are relative to.
        categories: The classes, by number.
        splits: Of each split the directories and lists of images.
    """

    file: Path
    content: bytes
    root: Path
    categories: tuple[Category, ...]
    splits: Mapping[str, list[Path]]


def read_data_file(data: Path) -> YoloData:
    """Reads a data.yaml.

    Args:
        data: The file, or a directory with one such file.

    Raises:
        DatasetFormatError: It is no YAML, or a key is missing or wrong.
        UnsupportedError: Labels of another task: poses.
        StorageError: It cannot be read.
        MissingExtraError: PyYAML is not installed.
    """
    file = _file_of(data)
    yaml = import_extra("yaml", "reading data.yaml", "ingest")
    try:
        content = file.read_bytes()
        parsed = yaml.safe_load(content)
    except OSError as error:
        raise StorageError(f"the file '{file}' cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise DatasetFormatError(f"'{file}' is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(parsed, dict):
        raise DatasetFormatError(f"'{file}' has no keys: 'train' and 'names' are needed")
    if "kpt_shape" in parsed:
        raise UnsupportedError(f"'{file}' describes poses (kpt_shape): boxes and polygons alone are ingested")
    root = _root(file, parsed)
    splits = {name: _places(file, root, name, parsed[name]) for name in _SPLITS if parsed.get(name)}
    if not splits:
        raise DatasetFormatError(f"'{file}' names no images: it has none of the keys {', '.join(_SPLITS)}")
    return YoloData(file, content, root, _categories(file, parsed), splits)


def images_of(data: YoloData, split: str, odd: OddFiles) -> list[Path]:
    """The images of a split in their order, which is that of their names, as Ultralytics has it. Files that are no
    images are noted.

    Raises:
        DatasetFormatError: There is no such split, or no image in it.
        StorageError: A directory or a list is missing or cannot be read.
    """
    if split not in data.splits:
        known = ", ".join(data.splits)
        raise DatasetFormatError(f"'{data.file}' has no split '{split}'", hint=f"It has: {known} (--split, split=)")
    images: list[Path] = []
    for place in data.splits[split]:
        if place.suffix == ".txt":
            images += _listed(place)
            continue
        if not place.is_dir():
            raise StorageError(
                f"there is no directory '{place}', which '{data.file}' names for '{split}'",
                hint="Correct 'path' and the split in the file",
            )
        for file in files_below(place):
            if file.suffix.lower() in IMAGE_SUFFIXES:
                images.append(file)
            elif file.suffix != ".txt":
                # Labels may lie beside their images.
                odd.note(file, "no image by its name", f"'{file.suffix}' is no suffix of an image")
    if not images:
        places = ", ".join(f"'{place}'" for place in data.splits[split])
        raise DatasetFormatError(f"there is no image in {places}")
    return sorted(dict.fromkeys(images))


def _file_of(data: Path) -> Path:
    if not data.is_dir():
        return data
    found = sorted([*data.glob("*.yaml"), *data.glob("*.yml")])
    named = [file for file in found if file.stem in ("data", "dataset")]
    if len(named or found) == 1:
        return (named or found)[0]
    if not found:
        raise DatasetFormatError(f"there is no data.yaml in '{data}'", hint="Name the file that describes the dataset")
    names = ", ".join(f"'{file.name}'" for file in found)
    raise DatasetFormatError(f"several files in '{data}' could describe the dataset: {names}", hint="Name one")


def _root(file: Path, parsed: Mapping[str, Any]) -> Path:
    named = parsed.get("path")
    if named is None or named == "":
        return file.parent
    root = file.parent / str(named)
    # Ultralytics looks for it among its own datasets, too. People move datasets, and leave the line as it was.
    return root if root.is_dir() else file.parent


def _places(file: Path, root: Path, name: str, value: Any) -> list[Path]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(place, str) for place in values):
        raise DatasetFormatError(f"'{file}': '{name}' is {value!r}, not a path or a list of paths")
    return [_place(root, place) for place in values]


def _place(root: Path, name: str) -> Path:
    place = root / name
    if not place.exists() and name.startswith("../"):
        # Roboflow writes paths that begin one directory too far up; Ultralytics forgives them.
        place = root / name[3:]
    return place


def _listed(place: Path) -> list[Path]:
    """The images that a list names; those that begin with "./" lie beside it."""
    return [place.parent / line.strip() for line in lines_of(place, "list")]


def _categories(file: Path, parsed: Mapping[str, Any]) -> tuple[Category, ...]:
    names = parsed.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise DatasetFormatError(f"'{file}': 'names' is {names!r}, not a list of names, or names by numbers")
    for number in names:
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise DatasetFormatError(f"'{file}': 'names' has the number {number!r}, not one from 0 on")
    count = parsed.get("nc")
    if count is not None and count != len(names):
        raise DatasetFormatError(f"'{file}': 'nc' is {count!r}, and there are {len(names)} names")
    return tuple(Category(number, str(names[number])) for number in sorted(names))

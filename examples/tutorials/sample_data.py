"""What the tutorials train on where the reader has no data at hand: pictures of shapes, and datasets made of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

# examples/shapes.py draws the pictures. A script finds by itself only what lies beside it.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from penstock.ingest import ingest_folder
from shapes import CLASSES, Points, draw_shapes, make_shapes

#: Of the picture around an object this much is kept, in sizes of the object.
_MARGIN = 1.25
#: Pixels between the pictures of a sheet.
_GAP = 4


def coco_of_shapes(folder: Path, train: int, val: int) -> Path:
    """Draws pictures of circles, squares and triangles, unless the folder is there, and lays them out as COCO 2017.

    Args:
        folder: Gets ``annotations/instances_{train,val}2017.json``, ``train2017/`` and ``val2017/``.
        train: How many pictures there are for training.
        val: How many there are for validation.

    Returns:
        The folder.
    """
    if folder.exists():
        return folder
    new = folder.with_name(folder.name + ".new")
    (new / "annotations").mkdir(parents=True, exist_ok=True)
    for seed, (split, images) in enumerate((("train", train), ("val", val))):
        annotations, pictures = make_shapes(new / split, images, seed)
        annotations.rename(new / "annotations" / f"instances_{split}2017.json")
        pictures.rename(new / f"{split}2017")
        (new / split).rmdir()
    return new.rename(folder)


def folders_of_shapes(folder: Path, train: int, val: int) -> dict[str, Path]:
    """Draws pictures of one shape each, unless the folder is there.

    Args:
        folder: Gets ``train/`` and ``val/``, in which each class has a folder of JPEG files of 16 to 72 pixels a side.
        train: How many pictures there are for training.
        val: How many there are for validation.

    Returns:
        The folders "train" and "val".
    """
    splits = {"train": train, "val": val}
    if not folder.exists():
        new = folder.with_name(folder.name + ".new")
        for seed, (split, images) in enumerate(splits.items()):
            _draw_single_shapes(new / split, images, seed)
        new.rename(folder)
    return {split: folder / split for split in splits}


def classification_datasets(folder: Path, train: int, val: int) -> dict[str, Path]:
    """Deep Lake datasets of :func:`folders_of_shapes`, written unless they are there.

    Returns:
        The paths of the datasets "train" and "val".
    """
    datasets = {}
    for split, pictures in folders_of_shapes(folder / "pictures", train, val).items():
        datasets[split] = folder / split
        if not datasets[split].exists():
            ingest_folder(pictures, datasets[split])
    return datasets


def contact_sheet(pictures: Sequence[Path], out: Path, columns: int) -> None:
    """Puts pictures into one small PNG file, side by side in rows."""
    opened = [Image.open(picture).convert("RGB") for picture in pictures]
    width = max(picture.width for picture in opened) + _GAP
    height = max(picture.height for picture in opened) + _GAP
    sheet = Image.new("RGB", (columns * width, -(-len(opened) // columns) * height), "white")
    for number, picture in enumerate(opened):
        row, column = divmod(number, columns)
        sheet.paste(picture, (column * width, row * height))
    # A palette takes a third of the bytes.
    sheet.quantize(128).save(out, optimize=True)


def _draw_single_shapes(folder: Path, images: int, seed: int) -> None:
    """JPEG files of one shape each, in a folder for each class."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    made, scene = 0, 0
    while made < images:
        picture, objects = draw_shapes(np.random.default_rng((seed, scene)))
        scene += 1
        for label, points in objects[: images - made]:
            _around(picture, points).save(folder / CLASSES[label] / f"{made:05d}.jpg", quality=80)
            made += 1


def _around(picture: Image.Image, points: Points) -> Image.Image:
    """The square around an object, as far as the picture reaches."""
    center = (points.min(0) + points.max(0)) / 2
    reach = _MARGIN * (points.max(0) - points.min(0)).max() / 2
    left, top = np.maximum(center - reach, 0)
    right, bottom = np.minimum(center + reach, picture.size)
    return picture.crop((round(left), round(top), round(right), round(bottom)))

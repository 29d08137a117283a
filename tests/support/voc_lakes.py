"""Pascal VOC's files, and the same as Deep Lake datasets, for comparison with MMDetection's own reading."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from support.images import jpeg, picture
from support.lake import encoded, new_lake

__all__ = ["NAMES", "VocPair", "stock_voc", "write_voc"]

NAMES = ("fox", "cat", "emu", "dog")


class VocPair(NamedTuple):
    """The same annotations twice: the folder VOC2007 or VOC2012, and a Deep Lake dataset."""

    root: Path
    lake: Path

    @property
    def images(self) -> str:
        return str(self.root / "ImageSets" / "Main" / "test.txt")


class _Object(NamedTuple):
    name: str
    box: tuple[int, int, int, int]
    difficult: int | None


def write_voc(folder: Path, year: int = 2007) -> VocPair:
    """Sixteen images; some are small, some have difficult objects alone, an unknown class, or nothing at all."""
    rng = np.random.default_rng(6)
    pair = VocPair(folder / f"VOC{year}", folder / "lake")
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (pair.root / name).mkdir(parents=True)
    sizes = [(48, 64), (64, 48), (20, 90), (32, 32), *[(60, 80), (80, 60)] * 6]
    numbers = [f"{3 * number + 7:06d}" for number in range(len(sizes))]
    Path(pair.images).write_text("\n".join(numbers))
    with new_lake(pair.lake) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg")
        lake.create_tensor("boxes", htype="bbox", dtype="float32", coords={"type": "pixel", "mode": "LTRB"})
        lake.create_tensor("labels", htype="class_label", class_names=[*NAMES, "gnu"])
        lake.create_tensor("difficult", dtype="bool")
        for row, (number, (height, width)) in enumerate(zip(numbers, sizes, strict=True)):
            data = jpeg(picture(height, width, 3, seed=row))
            (pair.root / "JPEGImages" / f"{number}.jpg").write_bytes(data)
            objects = _objects(row, height, width, rng)
            (pair.root / "Annotations" / f"{number}.xml").write_bytes(_xml(objects, height, width))
            lake.images.append(encoded(data, "jpeg"))
            # The files count pixels from 1.
            lake.boxes.append(np.array([found.box for found in objects], np.float32).reshape(-1, 4) - 1)
            labels = [(*NAMES, "gnu").index(found.name) for found in objects]
            lake.labels.append(np.array(labels, np.uint32))
            lake.difficult.append(np.array([bool(found.difficult) for found in objects], bool))
    return pair


def stock_voc(pair: VocPair, pipeline: list[dict[str, Any]], **options: Any) -> Any:
    """MMDetection's own dataset on the files."""
    from mmdet.datasets import VOCDataset

    with contextlib.redirect_stdout(io.StringIO()):
        return VOCDataset(
            ann_file=pair.images,
            pipeline=pipeline,
            img_prefix=str(pair.root),
            **{"classes": NAMES, **options},
        )


def _objects(row: int, height: int, width: int, rng: np.random.Generator) -> list[_Object]:
    if row in (5, 9):
        return []
    objects = []
    for _ in range(6):
        left, top = (int(value) for value in rng.uniform(1, (width * 0.7, height * 0.7)))
        right, bottom = left + int(rng.uniform(1, width * 0.6)), top + int(rng.uniform(1, height * 0.6))
        name = "gnu" if row == 7 or rng.random() < 0.1 else NAMES[int(rng.integers(4))]
        difficult = 1 if row == 8 or rng.random() < 0.25 else None if rng.random() < 0.3 else 0
        objects.append(_Object(name, (left, top, right, bottom), difficult))
    return objects


def _xml(objects: list[_Object], height: int, width: int) -> bytes:
    root = ET.Element("annotation")
    size = ET.SubElement(root, "size")
    for name, value in (("width", width), ("height", height), ("depth", 3)):
        ET.SubElement(size, name).text = str(value)
    for found in objects:
        node = ET.SubElement(root, "object")
        ET.SubElement(node, "name").text = found.name
        if found.difficult is not None:
            ET.SubElement(node, "difficult").text = str(found.difficult)
        box = ET.SubElement(node, "bndbox")
        for name, value in zip(("xmin", "ymin", "xmax", "ymax"), found.box, strict=True):
            ET.SubElement(box, name).text = str(value)
    text: bytes = ET.tostring(root)
    return text

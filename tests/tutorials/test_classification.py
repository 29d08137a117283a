"""A folder of images to a trained classifier."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

import penstock


def test_it_learns_the_classes(classified: tuple[Path, str]) -> None:
    folder, written = classified
    accuracies = [float(found) for found in re.findall(r"accuracy ([\d.]+)", written)]
    # One of three classes would be right by chance.
    assert len(accuracies) == 4 and accuracies[-1] > 0.7
    assert (folder / "model.pt").stat().st_size > 100_000
    with Image.open(folder / "accuracy.png") as picture:
        assert picture.size == (500, 300)
    assert "Limit(" in written and "train_transform" in written


def test_the_datasets_have_each_image_once(classified: tuple[Path, str]) -> None:
    folder, _ = classified
    for split, count in (("train", 601), ("val", 161)):
        dataset = penstock.open(folder / split)
        names = {str(dataset["filenames"][index]) for index in range(len(dataset))}
        pictures = folder / "pictures" / split
        files = {str(file.relative_to(pictures)) for file in pictures.rglob("*.jpg")}
        assert len(dataset) == len(names) == len(files) == count

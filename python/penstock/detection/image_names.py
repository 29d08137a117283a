"""The official numbers of images, and the names of their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.dataset import Dataset
from penstock.errors import DatasetFormatError

__all__ = ["file_names", "image_numbers"]

# Where a dataset has no file names they are made of the official number as COCO does it: drawing results needs names.
_SUFFIXES = {"jpeg": ".jpg", "png": ".png"}


def file_names(dataset: Dataset, tensor: str | None, numbers: Sequence[int], compression: str | None) -> list[str]:
    """A name of a file for each image: the one that a tensor has, else one that is made of the image's number.

    Args:
        dataset: The dataset.
        tensor: Its tensor of names, which may end before the images do, or have empty ones; None: there is none.
        numbers: Official number of each image.
        compression: Of the images' files, which the names end in that are made here.
    """
    given = [] if tensor is None else [_text(value) for value in dataset[tensor].numpy_all()[: len(numbers)]]
    suffix = _SUFFIXES.get(compression or "", ".png")
    made = [f"{number:012d}{suffix}" for number in numbers]
    return [name or other for name, other in zip([*given, *made[len(given) :]], made, strict=True)]


def _text(value: Any) -> str:
    return str(np.asarray(value).reshape(-1)[0]) if value is not None and np.size(value) else ""


def image_numbers(dataset: Dataset, tensor: str | None, count: int) -> list[int]:
    """The images' official numbers; their indices where there is no tensor of them.

    Raises:
        DatasetFormatError: An image without a number or with several, or two with the same.
    """
    if tensor is None:
        return list(range(count))
    arrays = dataset[tensor].numpy_all()[:count]
    for index, array in enumerate(arrays):
        if array.size != 1:
            raise DatasetFormatError(
                f"an image has one number, here are {array.size}", tensor=tensor, index=index, path=dataset.path
            )
    if len(arrays) < count:
        raise DatasetFormatError(
            f"there are {len(arrays)} numbers for {count} images", tensor=tensor, index=len(arrays), path=dataset.path
        )
    numbers = [int(array.reshape(-1)[0]) for array in arrays]
    if len(set(numbers)) < count:
        raise DatasetFormatError("two images have the same number, or some have none", tensor=tensor, path=dataset.path)
    return numbers

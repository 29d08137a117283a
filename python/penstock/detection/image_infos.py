"""What MMDetection keeps of each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset
from penstock.errors import DatasetFormatError

__all__ = ["file_names", "image_infos", "image_numbers"]

# Where a dataset has no file names they are made of the official number as COCO does it: drawing results needs names.
_SUFFIXES = {"jpeg": ".jpg", "png": ".png"}


def image_infos(
    numbers: Sequence[int],
    sizes: npt.NDArray[np.int64],
    compression: str | None,
    given: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """MMDetection's facts on each image, in the order of the dataset.

    Args:
        numbers: Official number of each image.
        sizes: Its height and width, int64 [samples, 2].
        compression: Of the images' files, which the names end in that are made here.
        given: Names of the files, as far as they are known; "" for one that is not.
    """
    suffix = _SUFFIXES.get(compression or "", ".png")
    infos = []
    for index, (number, (height, width)) in enumerate(zip(numbers, sizes.tolist(), strict=True)):
        name = (given[index] if index < len(given) else "") or f"{number:012d}{suffix}"
        names = {"file_name": name, "filename": name}
        infos.append({"id": number, **names, "height": height, "width": width, "index": index})
    return infos


def file_names(dataset: Dataset, tensor: str | None, count: int) -> list[str]:
    """The names of the first ``count`` images' files: fewer where the tensor ends before, none where there is none."""
    if tensor is None:
        return []
    return [
        str(np.asarray(value).reshape(-1)[0]) if value is not None and np.size(value) else ""
        for value in dataset[tensor].numpy_all()[:count]
    ]


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

"""``penstock.normalize_on`` against torchvision's formula."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

import penstock

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def images(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def by_definition(planes: torch.Tensor) -> torch.Tensor:
    """Of [..., c, h, w]."""
    mean, std = (torch.tensor(numbers).view(3, 1, 1) for numbers in (MEAN, STD))
    return (planes.to(torch.float32) / 255 - mean) / std


def test_a_batch_of_rows_becomes_planes() -> None:
    batch = images(4, 5, 6, 3)
    kept = batch.clone()
    result = penstock.normalize_on("cpu", MEAN, STD)(batch)
    assert result.dtype == torch.float32
    assert result.shape == (4, 3, 5, 6)
    assert torch.equal(result, by_definition(batch.permute(0, 3, 1, 2)))
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(batch, kept)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_planes_in_any_dtype(dtype: torch.dtype) -> None:
    batch = images(2, 3, 7, 4)
    result = penstock.normalize_on("cpu", MEAN, STD, dtype=dtype, layout="nchw")(batch)
    assert torch.equal(result, by_definition(batch).to(dtype))


def test_lists_and_dicts() -> None:
    ragged = [images(5, 6, 3), images(9, 2, 3)]
    result = penstock.normalize_on("cpu", MEAN, STD)(ragged)
    assert [one.shape for one in result] == [(3, 5, 6), (3, 9, 2)]
    labels = torch.arange(2)
    batch = {"images": ragged, "labels": labels}
    made = penstock.normalize_on("cpu", MEAN, STD, key="images")(batch)
    assert made["labels"] is labels
    assert batch["images"] is ragged
    assert all(torch.equal(one, other) for one, other in zip(made["images"], result, strict=True))


def test_one_number_for_all_channels() -> None:
    batch = images(2, 3, 7, 4)
    result = penstock.normalize_on("cpu", 0.5, 0.25, layout="nchw")(batch)
    assert torch.equal(result, (batch.to(torch.float32) / 255 - 0.5) / 0.25)


def test_torchvision_says_the_same() -> None:
    functional = pytest.importorskip("torchvision.transforms.functional")
    batch = images(2, 3, 7, 4)
    expected = functional.normalize(functional.convert_image_dtype(batch, torch.float32), list(MEAN), list(STD))
    assert torch.equal(penstock.normalize_on("cpu", MEAN, STD, layout="nchw")(batch), expected)


def test_it_pickles() -> None:
    normalize = penstock.normalize_on("cpu", MEAN, STD)
    assert pickle.loads(pickle.dumps(normalize)) == normalize


@pytest.mark.parametrize(
    ("arguments", "batch", "error", "words"),
    [
        ({}, images(2, 4, 4, 3).float(), TypeError, "images must be uint8, got torch.float32"),
        ({}, images(4, 4, 3), ValueError, "images must have 4 axes"),
        ({}, images(2, 4, 4, 1), ValueError, "mean has 3 numbers, and images have 1 channels"),
        ({}, {"images": images(2, 4, 4, 3)}, TypeError, "say which of these are images"),
        ({"key": "images"}, images(2, 4, 4, 3), TypeError, "the batch is no dict"),
        ({}, "text", TypeError, "a tensor or a list of tensors"),
    ],
)
def test_what_is_no_batch_of_images(
    arguments: dict[str, Any], batch: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        penstock.normalize_on("cpu", MEAN, STD, **arguments)(batch)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"layout": "chw"}, ValueError, "layout must be"),
        ({"dtype": torch.uint8}, TypeError, "dtype must be one of floating point"),
        ({"std": (1, 0, 1)}, ValueError, "std must not be 0"),
        ({"std": (1, 1)}, ValueError, "mean has 3 numbers, and std 2"),
        ({"mean": ()}, ValueError, "mean has no numbers"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        penstock.normalize_on(**({"device": "cpu", "mean": MEAN, "std": STD} | arguments))

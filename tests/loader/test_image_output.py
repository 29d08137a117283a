"""``layout`` and ``dtype``: what comes out is what numpy makes of the images as they are stored, with both loaders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import penstock
from penstock.errors import ConfigError
from support.lake import new_lake

#: Of each dataset the tensors that hold images.
DATASETS = {
    "equal_images": ["jpegs"],
    "jpeg_images": ["images", "gray"],
    "png_images": ["rgb", "gray", "rgba", "deep_uint16", "bits_uint8"],
    "raw_images": ["plain", "lz4_samples", "lz4_chunks"],
}
CASES = [(name, tensor) for name, tensors in DATASETS.items() for tensor in tensors]


def wanted(image: npt.NDArray[Any], layout: str, dtype: str | None) -> torch.Tensor:
    """By the definition, apart from the code under test."""
    tensor = torch.from_numpy(image.astype(np.int64))
    if dtype is not None:
        tensor = tensor.to(torch.float32) / (255 if image.dtype == np.uint8 else 65535)
        tensor = tensor.to(getattr(torch, dtype))
    else:
        tensor = torch.from_numpy(image)
    if layout == "nchw":
        tensor = tensor.unsqueeze(-1) if tensor.ndim == 2 else tensor
        tensor = tensor.permute(2, 0, 1)
    return tensor


def images_of(path: Path, tensor: str, loader_type: str, **arguments: Any) -> list[Any]:
    with penstock.DataLoader(path, 3, tensors=[tensor], loader_type=loader_type, **arguments) as loader:
        return [batch[tensor] for batch in loader]


@pytest.mark.parametrize("dtype", [None, "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize(("name", "tensor"), CASES)
def test_images_come_out_as_asked(
    name: str, tensor: str, layout: str, dtype: str | None, lake: Callable[[str], Path], native: Any
) -> None:
    path = lake(name)
    stored = [np.asarray(image) for batch in images_of(path, tensor, "c++") for image in batch]
    assert stored
    for loader_type in ("c++", "python"):
        batches = images_of(path, tensor, loader_type, layout=layout, dtype=dtype)
        images = [image for batch in batches for image in batch]
        for image, source in zip(images, stored, strict=True):
            expected = wanted(source, layout, dtype)
            assert image.dtype == expected.dtype
            assert image.shape == expected.shape
            assert torch.equal(image, expected)
            assert image.is_contiguous()


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_equal_shapes_are_stacked_and_others_are_a_list(
    loader_type: str, lake: Callable[[str], Path], native: Any
) -> None:
    stacked, *_ = images_of(lake("equal_images"), "jpegs", loader_type, layout="nchw", dtype=torch.float16)
    assert isinstance(stacked, torch.Tensor)
    assert stacked.shape[:2] == (3, 3)
    assert stacked.dtype == torch.float16
    ragged, *_ = images_of(lake("jpeg_images"), "images", loader_type, layout="nchw", dtype=torch.float16)
    assert isinstance(ragged, list)
    assert ragged[0].shape[0] == 3


def test_other_tensors_stay_as_they_are(lake: Callable[[str], Path], native: Any) -> None:
    path = lake("equal_images")
    others = [name for name in penstock.open(path).tensors if name != "jpegs"]
    with (
        penstock.DataLoader(path, 3, tensors=["jpegs", *others[:1]], layout="nchw", dtype="float32") as loader,
        penstock.DataLoader(path, 3, tensors=["jpegs", *others[:1]]) as plain,
    ):
        for one, other in zip(loader, plain, strict=True):
            for name in others[:1]:
                if not penstock.open(path)[name].is_image:
                    assert torch.equal(one[name], other[name])


def test_torchvision_says_the_same(lake: Callable[[str], Path], native: Any) -> None:
    functional = pytest.importorskip("torchvision.transforms.functional")
    path = lake("equal_images")
    (plain, *_), (floats, *_) = (
        images_of(path, "jpegs", "c++"),
        images_of(path, "jpegs", "c++", layout="nchw", dtype="float32"),
    )
    assert torch.equal(floats, functional.convert_image_dtype(plain.permute(0, 3, 1, 2), torch.float32))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"layout": "chw"}, ValueError, "layout must be 'nhwc' or 'nchw', got 'chw'"),
        ({"dtype": "int8"}, ValueError, "dtype must be one of 'float32', 'float16', 'bfloat16', or None"),
        ({"dtype": 32}, TypeError, "dtype must be a dtype of torch"),
        ({"dtype": "float32", "transform": dict}, ConfigError, "no transform"),
        ({"layout": "nchw", "collate_fn": list}, ValueError, "without collate_fn"),
        ({"layout": "nchw", "batch_size": None}, ValueError, "with a batch_size"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: dict[str, Any], error: type[Exception], words: str, lake: Callable[[str], Path]
) -> None:
    with pytest.raises(error, match=words):
        penstock.DataLoader(lake("equal_images"), **({"tensors": ["jpegs"]} | arguments))


def test_images_of_other_numbers_are_refused(deeplake: Any, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("maps", htype="image", sample_compression=None, dtype="float32")
        lake.maps.append(np.zeros((4, 5, 3), np.float32))
    for arguments in ({"dtype": "float32"}, {"layout": "nchw"}):
        with pytest.raises(ConfigError, match="those of 'maps' are float32"):
            penstock.DataLoader(tmp_path / "lake", **arguments)

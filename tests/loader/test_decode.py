"""``decode``: stored bytes and PIL images, as deeplake's ``decode_method`` gives them, with either loader type."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import penstock
from penstock import errors
from support.codec_datasets import MEDIA
from support.lake import open_lake

Lake = Callable[[str], Path]

both = pytest.mark.parametrize("loader_type", ["c++", "python"])


def load(path: Path, loader_type: str, decode: dict[str, str] | None, **arguments: Any) -> dict[str, list[Any]]:
    """All samples by key, in order."""
    with penstock.DataLoader(path, 3, decode=decode, loader_type=loader_type, **arguments) as loader:
        batches = list(loader)
    for batch in batches:
        assert all(isinstance(batch[key], list) for key in decode or {})
    return {key: [sample for batch in batches for sample in batch[key]] for key in batches[0]}


def theirs(path: Path, name: str, method: str) -> list[Any]:
    """The samples of a tensor as deeplake's own loader gives them."""
    with open_lake(path) as lake, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loader = lake.pytorch(
            tensors=[name],
            decode_method={name: method},
            num_workers=0,
            shuffle=False,
            batch_size=4,
            collate_fn=lambda batch: batch,
        )
        return [sample[name] for batch in loader for sample in batch]


def assert_same_picture(ours: Any, their: Any) -> None:
    assert type(ours) is type(their)
    if isinstance(their, np.ndarray):
        assert (ours.dtype, ours.shape) == (their.dtype, their.shape)
        return
    assert (ours.format, ours.mode, ours.size) == (their.format, their.mode, their.size)
    assert ours.getexif() == their.getexif()
    np.testing.assert_array_equal(np.array(ours), np.array(their))


@both
@pytest.mark.parametrize(
    ("dataset", "names"),
    [
        ("jpeg_images", ["images", "gray"]),
        ("png_images", ["rgb", "rgba", "palette", "bits", "deep_uint16"]),
        ("masks", ["png/sample_compression/binary_mask/bool", "png/sample_compression/segment_mask/uint8"]),
    ],
)
def test_pil_images_are_those_of_deeplake(
    dataset: str, names: list[str], loader_type: str, lake: Lake, native: Any
) -> None:
    path = lake(dataset)
    for name in names:
        found = load(path, loader_type, {name: "pil"}, tensors=[name])[name]
        expected = theirs(path, name, "pil")
        assert len(found) == len(expected)
        for index, (ours, their) in enumerate(zip(found, expected, strict=True)):
            assert_same_picture(ours, their)
            assert_same_picture(penstock.open(path)[name].read(index, decode="pil"), their)


@both
@pytest.mark.parametrize(
    ("dataset", "names"),
    [
        ("jpeg_images", ["images"]),
        ("raw_images", ["plain", "lz4_samples"]),
        ("image_files", ["tiff/3", "bmp/1", "equal/tiff", "webp/4"]),
        ("annotations", ["pixels/boxes", "labels", "masks", "vectors"]),
        ("empties", ["raw/middle", "lz4_sample/end", "raw/without_rows"]),
        ("texts", ["raw/text", "lz4_sample/text"]),
        ("polygons", ["lz4_sample/varying"]),
    ],
)
def test_bytes_are_those_of_deeplake(dataset: str, names: list[str], loader_type: str, lake: Lake, native: Any) -> None:
    path = lake(dataset)
    for name in names:
        found = load(path, loader_type, {name: "bytes"}, tensors=[name])[name]
        assert all(type(sample) is bytes for sample in found)
        assert found == [bytes(sample) for sample in theirs(path, name, "tobytes")]
        assert found == [penstock.open(path)[name].read(index, decode="bytes") for index in range(len(found))]


@both
def test_bytes_of_json_and_polygons_are_those_of_tobytes(loader_type: str, lake: Lake, native: Any) -> None:
    """deeplake's loader decodes these whatever it is told."""
    for dataset, names in (("texts", ["raw/json", "lz4_sample/list", "raw/tag"]), ("polygons", ["raw/varying"])):
        path = lake(dataset)
        found = load(path, loader_type, dict.fromkeys(names, "bytes"), tensors=names)
        with open_lake(path) as oracle:
            for name in names:
                assert found[name] == [oracle[name][index].tobytes() for index in range(len(found[name]))]


@both
def test_bytes_of_compressed_chunks_are_the_samples_own(loader_type: str, lake: Lake, native: Any) -> None:
    """deeplake refuses them."""
    for dataset, names in (
        ("texts", ["lz4_chunk/text"]),
        ("raw_images", ["lz4_chunks"]),
        ("image_chunks", ["many/png", "many/bmp", "equal/webp", "changed/jpeg"]),
    ):
        path = lake(dataset)
        found = load(path, loader_type, dict.fromkeys(names, "bytes"), tensors=names)
        source = penstock.open(path)
        for name in names:
            values = [source[name][index] for index in range(len(found[name]))]
            expected = [value.item().encode() if dataset == "texts" else value.tobytes() for value in values]
            # numpy's text ends before zeros.
            assert [data.rstrip(b"\0") for data in found[name]] == [data.rstrip(b"\0") for data in expected]


@both
def test_pil_images_of_what_is_no_file(loader_type: str, lake: Lake, native: Any) -> None:
    """Raw pixels, and images in chunks that are one: deeplake refuses them."""
    for dataset, name in (
        ("raw_images", "plain"),
        ("raw_images", "lz4_samples"),
        ("raw_images", "lz4_chunks"),
        ("image_chunks", "many/png"),
        ("image_chunks", "gray"),
    ):
        path = lake(dataset)
        found = load(path, loader_type, {name: "pil"}, tensors=[name])[name]
        for index, ours in enumerate(found):
            pixels = penstock.open(path)[name][index]
            if pixels.size:
                assert isinstance(ours, Image.Image)
                np.testing.assert_array_equal(np.array(ours).reshape(pixels.shape), pixels)
            else:
                np.testing.assert_array_equal(ours, pixels)


@both
@pytest.mark.parametrize("htype", MEDIA)
def test_media_are_refused_but_as_bytes(htype: str, loader_type: str, lake: Lake, native: Any) -> None:
    path = lake("media")
    tensor = penstock.open(path)[htype]
    with pytest.raises(errors.UnsupportedError, match=f"htype '{htype}' is not supported yet") as caught:
        penstock.DataLoader(path, tensors=[htype], loader_type=loader_type)
    assert "have its bytes with decode={...: 'bytes'}" in str(caught.value)
    for read in (lambda: tensor[0], lambda: tensor.shape(0), tensor.shapes, tensor.numpy_all):
        with pytest.raises(errors.UnsupportedError, match=f"htype '{htype}'"):
            read()
    found = load(path, loader_type, {"it": "bytes"}, tensors={"it": htype, "numbers": "numbers"})
    with open_lake(path) as oracle:
        assert found["it"] == [oracle[htype][index].tobytes() for index in range(5)]
    assert found["it"][1:4] == [tensor.bytes(index) for index in range(1, 4)]
    assert torch.equal(torch.stack(found["numbers"]), torch.arange(10, dtype=torch.int32).view(5, 2))


@both
@pytest.mark.parametrize("num_workers", [0, 2])
def test_transforms_and_workers_see_them_too(num_workers: int, loader_type: str, lake: Lake, native: Any) -> None:
    def describe(sample: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(sample["file"], bytes)
        assert isinstance(sample["picture"], Image.Image)
        assert sample["pixels"].shape == (*sample["picture"].size[::-1], 3)
        return {"same": np.array_equal(np.array(sample["picture"]), sample["pixels"]), "bytes": len(sample["file"])}

    path = lake("equal_images")
    found = load(
        path,
        loader_type,
        {"file": "bytes", "picture": "pil", "pixels": "numpy"},
        tensors={"file": "jpegs", "picture": "jpegs", "pixels": "jpegs"},
        collate_fn=lambda samples: (
            {
                key: [value for sample in map(describe, samples) for value in (sample[key],) * 3]
                for key in ("same", "bytes", "file", "picture", "pixels")
                if key in ("same", "bytes")
            }
            | {"file": [], "picture": [], "pixels": []}
        ),
        num_workers=num_workers,
    )
    assert found["same"] == [True] * 36
    assert found["bytes"][::3] == [len(penstock.open(path)["jpegs"].bytes(index)) for index in range(12)]


@pytest.mark.parametrize(
    ("decode", "kind", "words"),
    [
        ({"jpgs": "bytes"}, errors.ConfigError, "decode names 'jpgs', which is not loaded. Did you mean 'jpegs'"),
        ({"raw": "bytes"}, errors.ConfigError, "decode names 'raw', which is not loaded"),
        ({"jpegs": "byte"}, errors.ConfigError, r"decode\['jpegs'\] must be one of 'numpy', 'bytes', 'pil', 'data'"),
        ({"jpegs": "byte"}, ValueError, "Did you mean 'bytes'"),
        ({"jpegs": None}, errors.ConfigError, "got None"),
        ({"jpegs": ["pil"]}, errors.ConfigError, r"got \['pil'\]"),
        ("pil", TypeError, "decode must be a dict"),
    ],
)
@both
def test_wrong_values(
    decode: Any, kind: type[Exception], words: str, loader_type: str, lake: Lake, native: Any
) -> None:
    with pytest.raises(kind, match=words):
        penstock.DataLoader(lake("equal_images"), tensors=["jpegs"], decode=decode, loader_type=loader_type)


def test_only_images_become_pil_images(lake: Lake) -> None:
    for name in ("labels", "vectors", "masks"):
        with pytest.raises(errors.ConfigError, match=rf"decode\['{name}'\] is 'pil', but htype .* is no image"):
            penstock.DataLoader(lake("annotations"), tensors=[name], decode={name: "pil"})
        with pytest.raises(errors.UnsupportedError, match="no image, which decode='pil' needs"):
            penstock.open(lake("annotations"))[name].read(0, decode="pil")
    with pytest.raises(ValueError, match="decode must be one of 'numpy', 'bytes', 'pil', 'data', got 'jpeg'"):
        penstock.open(lake("annotations"))["labels"].read(0, decode="jpeg")  # type: ignore[arg-type]


def test_a_pipeline_needs_arrays(mmdet: Any, lake: Lake) -> None:
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "Collect", "keys": ["img"], "meta_keys": []}]
    with pytest.raises(errors.ConfigError, match=r"decode\['img'\] is 'pil', but the pipeline needs arrays"):
        penstock.DataLoader(lake("equal_images"), tensors={"img": "jpegs"}, transform=pipeline, decode={"img": "pil"})

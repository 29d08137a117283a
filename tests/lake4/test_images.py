"""Images that decoders disagree about, colours, and images that are none."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import penstock
from penstock.format.image_header import read_image_header
from support.images import jpeg, picture, png
from support.lake4_datasets import write


def file(mode: str, image_format: str, **options: Any) -> bytes:
    """A picture of Pillow's ``mode``."""
    buffer = BytesIO()
    Image.fromarray(picture(21, 34, 3, seed=5)).convert(mode).save(buffer, image_format, **options)
    return buffer.getvalue()


#: Name -> file, and whether every decoder gives the same pixels.
JPEGS = {
    "444": (jpeg(picture(21, 34, 3), subsampling=0), True),
    "420": (jpeg(picture(21, 34, 3), subsampling=2), True),
    "progressive": (jpeg(picture(21, 34, 3), progressive=True), True),
    "gray": (jpeg(picture(21, 34, 0)), True),
    "comment": (file("RGB", "JPEG", comment=b"\xff\xc0" * 40), True),
}
CMYK = file("CMYK", "JPEG")
PNGS = {
    "rgb": (png(picture(21, 34, 3)), True),
    "gray": (png(picture(21, 34, 0)), True),
    "rgba": (png(picture(21, 34, 4)), True),
    "gray_alpha": (file("LA", "PNG"), True),
    "palette": (file("P", "PNG"), False),
    "one_bit": (file("1", "PNG"), False),
    "sixteen_bits": (png(picture(21, 34, 0).astype(np.uint16) * 257), False),
}


@pytest.mark.parametrize(("encoding", "files"), [("jpeg", JPEGS), ("png", PNGS)])
def test_they_are_what_deep_lake_makes_of_them(
    encoding: str, files: dict[str, tuple[bytes, bool]], deeplake4: Any, tmp_path: Path, native: Any
) -> None:
    path = tmp_path / "lake"
    columns = {"images": deeplake4.types.Image(sample_compression=encoding)}
    write(path, columns, [{"images": data} for data, _ in files.values()])
    dataset = penstock.open(path)
    oracle = deeplake4.open_read_only(str(path))
    for loader_type in ("c++", "python"):
        (batch,) = penstock.DataLoader(dataset, len(files), loader_type=loader_type)
        for index, name in enumerate(files):
            expected = oracle["images"][index]
            assert np.array_equal(batch["images"][index].numpy(), expected), (loader_type, name)
            assert tuple(dataset["images"].shapes()[index]) == expected.shape, name
            assert dataset["images"].shape(index) == expected.shape, name


def test_cmyk_is_what_pillow_makes_of_it(deeplake4: Any, tmp_path: Path, native: Any) -> None:
    """Deep Lake 4.7 leaves parts of such images undefined: they differ from one reading to the next."""
    path = tmp_path / "lake"
    write(path, {"images": deeplake4.types.Image(sample_compression="jpeg")}, [{"images": CMYK}])
    with Image.open(BytesIO(CMYK)) as image:
        expected = np.array(image)
    for loader_type in ("c++", "python"):
        (batch,) = penstock.DataLoader(path, loader_type=loader_type)
        assert np.array_equal(batch["images"][0].numpy(), expected)


@pytest.mark.parametrize(("encoding", "files"), [("jpeg", JPEGS), ("png", PNGS)])
def test_headers(encoding: str, files: dict[str, tuple[bytes, bool]]) -> None:
    for name, (data, plain) in files.items():
        header = read_image_header(data, encoding)
        with Image.open(BytesIO(data)) as image:
            assert header.shape == (image.height, image.width, len(image.getbands())), name
        assert header.plain is plain, name
        for end in range(0, len(data), 7):
            try:
                found = read_image_header(data[:end], encoding)
            except penstock.errors.DecodeError:
                continue
            assert found == header, (name, end)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_colours(
    color: Any, loader_type: str, deeplake4: Any, tmp_path: Path, native: Any, lake4: Callable[[str], Path]
) -> None:
    from penstock.loading.program import Program

    files = [JPEGS["444"][0], JPEGS["gray"][0]]
    types = deeplake4.types
    columns = {"jpegs": types.Image(sample_compression="jpeg"), "plain": types.Image(sample_compression="null")}
    write(tmp_path / "lake", columns, [{"jpegs": data, "plain": picture(9, 8, 3)} for data in files])
    program = Program(color={"jpegs": color, "plain": color})
    (batch,) = penstock.DataLoader(tmp_path / "lake", 2, transform=program, loader_type=loader_type)
    for image, data in zip(batch["jpegs"], files, strict=True):
        with Image.open(BytesIO(data)) as opened:
            expected = np.array(opened.convert("RGB"))
        assert np.array_equal(image.numpy(), expected if color == "rgb" else expected[:, :, ::-1])
    raw = picture(9, 8, 3)
    assert np.array_equal(batch["plain"][1].numpy(), raw if color == "rgb" else raw[:, :, ::-1])


BAD = {
    "garbage": b"no image at all",
    "empty": b"",
    "png_in_jpeg": png(picture(21, 34, 3)),
    "cut": jpeg(picture(21, 34, 3))[:-120],
    "head_alone": jpeg(picture(21, 34, 3))[:30],
    "cut_cmyk": CMYK[:700],
    "cut_palette": PNGS["palette"][0][:300],
}


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_image_is_named(name: str, loader_type: str, deeplake4: Any, tmp_path: Path, native: Any) -> None:
    encoding = "png" if name == "cut_palette" else "jpeg"
    good = (png if encoding == "png" else jpeg)(picture(21, 34, 3))
    path = tmp_path / "lake"
    rows = [{"images": BAD[name] if number == 5 else good, "number": number} for number in range(8)]
    types = deeplake4.types
    write(path, {"images": types.Image(sample_compression=encoding), "number": types.Int32()}, rows)
    loader = penstock.DataLoader(path, 2, loader_type=loader_type, tensors=["images", "number"], num_threads=2)
    batches = iter(loader)
    assert [next(batches)["number"].tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(penstock.errors.DecodeError) as caught:
        next(batches)
    error = caught.value
    assert (error.tensor, error.index, error.path) == ("images", 5, str(path))
    assert "sample 5" in str(error) and "'images'" in str(error) and error.cause
    assert list(loader.dataset.tensors["number"].numpy_all())[5] == 5

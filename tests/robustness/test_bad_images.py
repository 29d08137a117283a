"""Damaged images of every format, alone or a whole chunk in one: a typed error that names the place, or the right
pixels; the same from both loader types.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock import errors
from penstock.format import parse_chunk_header
from support.damage import chunk_file, replace_sample, shorten_sample
from support.images import picture, webp
from support.lake import encoded, new_lake

FORMATS = ["webp", "tiff", "bmp"]
CHUNKS = ["jpeg", "png", "webp", "bmp"]

both = pytest.mark.parametrize("loader_type", ["c++", "python"])


@pytest.fixture
def path(deeplake: Any, tmp_path: Path) -> Path:
    """Five images of different sizes in each format, and in one chunk of each."""
    with new_lake(tmp_path / "lake") as lake, lake:
        for name in FORMATS:
            lake.create_tensor(name, htype="image", sample_compression=name)
            lake[name].extend([picture(10 + number, 8, 3, seed=number) for number in range(5)])
        for name in CHUNKS:
            lake.create_tensor(f"chunk/{name}", htype="image", chunk_compression=name)
            lake[f"chunk/{name}"].extend([picture(10 + number, 8, 3, seed=number) for number in range(5)])
    return tmp_path / "lake"


def load(path: Path, name: str, loader_type: str, found: list[Any]) -> None:
    """Fills ``found`` with the samples before the first bad one."""
    with penstock.DataLoader(path, 1, tensors=[name], loader_type=loader_type) as loader:
        for batch in loader:
            found.append(batch[name][0].numpy().copy())


def check_place(error: errors.PenstockError, path: Path, name: str, index: int) -> None:
    chunk = chunk_file(path, name, index).relative_to(path).as_posix()
    assert (error.tensor, error.index, error.chunk, error.path) == (name, index, chunk, str(path))


DAMAGE: dict[str, Callable[[Path, str], None]] = {
    "zeros": lambda path, name: replace_sample(path, name, 2, lambda old: bytes(len(old))),
    "noise": lambda path, name: replace_sample(path, name, 2, lambda old: np.random.default_rng(1).bytes(len(old))),
    "shortened": lambda path, name: shorten_sample(path, name, 2),
}


@both
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_names_its_place(name: str, damage: str, loader_type: str, path: Path, native: Any) -> None:
    expected = [penstock.open(path)[name][index] for index in range(2)]
    DAMAGE[damage](path, name)
    found: list[Any] = []
    with pytest.raises(errors.DecodeError) as caught:
        load(path, name, loader_type, found)
    check_place(caught.value, path, name, 2)
    np.testing.assert_equal(found, expected)
    with pytest.raises(errors.DecodeError):
        penstock.open(path)[name].read(2, decode="pil")
    assert len(penstock.open(path)[name].read(2, decode="bytes")) > 0


@both
@pytest.mark.parametrize("name", CHUNKS)
def test_a_damaged_chunk_names_the_sample_that_was_asked_for(
    name: str, loader_type: str, path: Path, native: Any
) -> None:
    name = f"chunk/{name}"
    file = chunk_file(path, name, 0)
    data = file.read_bytes()
    start = parse_chunk_header(data).data_offset
    for damaged in (data[: start + (len(data) - start) // 2], data[:start], data[:start] + bytes(len(data) - start)):
        file.write_bytes(damaged)
        with pytest.raises(errors.DecodeError) as caught:
            load(path, name, loader_type, [])
        check_place(caught.value, path, name, 0)


@both
@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ((9, 8, 3), errors.DecodeError),  # lower than the image
        ((14, 9, 3), errors.DecodeError),  # wider
        ((14, 8, 4), errors.DecodeError),  # of other channels
        ((2**32 - 1, 2**32 - 1, 3), errors.ChunkFormatError),
        ((2_000, 10_000, 3), errors.DecodeError),  # 300 MB
    ],
)
def test_shapes_that_are_not_the_images(
    shapes: tuple[int, ...], kind: type[Exception], loader_type: str, path: Path, native: Any
) -> None:
    for name in CHUNKS:
        name = f"chunk/{name}"
        file = chunk_file(path, name, 0)
        data = file.read_bytes()
        header = parse_chunk_header(data)
        table = np.array([[*shapes, index] for index in range(5)], dtype="<u4").tobytes()
        assert data.count(header.shapes.tobytes()) == 1
        file.write_bytes(data.replace(header.shapes.tobytes(), table))
        with pytest.raises(kind):
            load(path, name, loader_type, [])


@both
def test_every_prefix_and_every_flipped_byte_of_a_chunk(
    loader_type: str, deeplake: Any, tmp_path: Path, native: Any
) -> None:
    for compression in ("png", "webp"):
        path = tmp_path / compression
        with new_lake(path) as lake:
            lake.create_tensor("it", htype="image", chunk_compression=compression)
            lake.it.extend([picture(4 + number, 3, 3, seed=number) for number in range(2)])
        expected = [penstock.open(path)["it"][index] for index in range(2)]
        file = chunk_file(path, "it", 0)
        data = file.read_bytes()
        prefixes = [data[:length] for length in range(0, len(data), 3)]
        flips = [
            data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :]
            for place in range(0, len(data), 3)
        ]
        refused = 0
        for damaged in prefixes + flips:
            file.write_bytes(damaged)
            found: list[Any] = []
            try:
                load(path, "it", loader_type, found)
            except errors.PenstockError as error:
                check_place(error, path, "it", 0)
                refused += 1
            else:
                # A flipped byte may be a pixel's; what was cut off may be padding or a checksum nobody looks at.
                assert [image.shape for image in found] == [image.shape for image in expected]
                assert damaged in flips or len(damaged) + 20 >= len(data)
        assert refused > len(prefixes) - 10
        file.write_bytes(data)


@pytest.mark.parametrize("moving", [False, True])
def test_every_prefix_and_every_flipped_byte_of_a_webp(moving: bool, native: Any) -> None:
    """An animation too, which the core decodes by another way than a picture that stands still."""
    from PIL import Image

    frames = [Image.fromarray(picture(9, 11, 4, seed=number)) for number in range(2)]
    data = webp(picture(9, 11, 4), **({"save_all": True, "append_images": frames} if moving else {}))
    whole = native.decode_image(data, "webp", (9, 11, 4))
    for length in range(len(data)):
        try:
            assert np.array_equal(native.decode_image(data[:length], "webp", (9, 11, 4)), whole)
            assert length + 4 >= len(data)
        except errors.DecodeError:
            pass
    for place in range(len(data)):
        for color in ("native", "bgr"):
            damaged = data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :]
            with contextlib.suppress(errors.DecodeError):
                native.decode_image(damaged, "webp", (9, 11, 4), color=color)


@both
def test_a_file_of_another_size_than_stated(loader_type: str, deeplake: Any, tmp_path: Path, native: Any) -> None:
    """A small file may claim a large image: nothing is taken for it."""
    large = webp(np.zeros((4_000, 4_000, 3), np.uint8), lossless=True, quality=0, method=0)
    assert len(large) < 5_000
    size = len(large) + 1_000
    small = webp(picture(10, 10, 3))
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("it", htype="image", sample_compression="webp")
        lake.it.append(encoded(small.ljust(size, b"\0"), "webp"))
    load(tmp_path / "lake", "it", loader_type, [])
    replace_sample(tmp_path / "lake", "it", 0, lambda old: large.ljust(size, b"\0"))
    with pytest.raises(errors.DecodeError, match=r"4000 x 4000 \(height x width\), the dataset says 10 x 10"):
        load(tmp_path / "lake", "it", loader_type, [])


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "bmp", "lz4", None])
def test_a_shape_without_pixels_of_a_sample_with_bytes(
    kind: str | None, loader_type: str, deeplake: Any, tmp_path: Path, native: Any
) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("x", htype="image", sample_compression=kind)
        lake.x.extend([picture(9 + number, 7, 3, seed=number) for number in range(3)])
    file = chunk_file(tmp_path / "lake", "x", 1)
    data = file.read_bytes()
    assert data.count(struct.pack("<3I", 10, 7, 3)) == 1
    file.write_bytes(data.replace(struct.pack("<3I", 10, 7, 3), struct.pack("<3I", 10, 0, 3)))
    dataset = penstock.open(tmp_path / "lake")
    with pytest.raises(errors.DecodeError, match=r"without pixels|its shape"):
        dataset["x"][1]
    with (
        penstock.DataLoader(dataset, 1, loader_type=loader_type) as loader,
        pytest.raises(errors.DecodeError, match=r"(without pixels|its shape).*sample 1\b"),
    ):
        list(loader)
    for fast in (False, True):
        found = penstock.verify(dataset, tensors=["x"], fast=fast, loader_type=loader_type).findings
        # How many bytes lz4 holds is not known before it is decompressed.
        assert [finding.index for finding in found] == ([] if fast and kind == "lz4" else [1])

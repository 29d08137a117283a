"""What files may claim: refused before memory or time is spent, by both loader types and ``read``."""

from __future__ import annotations

import io
import resource
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import DecodeError
from penstock.format import parse_chunk_header
from penstock.format.limits import MOST_PIXELS, MOST_SCANS
from support.damage import chunk_file, edit_json, replace_sample
from support.images import jpeg, picture
from support.lake import encoded, new_lake

#: What refusing may take at most. The images that are claimed would take gigabytes and minutes.
MOST_MIB = 64
MOST_SECONDS = 10

both = pytest.mark.parametrize("loader_type", ["c++", "python"])


def progressive(scans: int) -> bytes:
    """A progressive JPEG whose last scan, a refinement of nothing, comes again and again."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), 128, np.uint8)).save(out, "jpeg", progressive=True)
    data = out.getvalue()
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[start:end] * (scans - data.count(b"\xff\xda")) + data[end:]


def png_of_zeros(height: int, width: int) -> bytes:
    """A PNG that is a thousandth of its pixels."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + width)
    pixels = b"".join(packer.compress(row) for _ in range(min(height, 1000))) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


def write(path: Path, compression: str, file: bytes) -> Path:
    with new_lake(path) as lake:
        lake.create_tensor(
            "it", htype="image" if compression == "jpeg" else "image.gray", sample_compression=compression
        )
        lake.it.append(encoded(file, compression))
    return path


def state_shape(path: Path, shape: tuple[int, ...]) -> None:
    """Makes the chunk's header and the tensor's metadata say that the sample has a shape."""
    file = chunk_file(path, "it", 0)
    data = file.read_bytes()
    old = parse_chunk_header(data).shapes
    new = np.array([[*shape, old[0][-1]]], dtype="<u4").tobytes()
    assert len(new) == old.nbytes and data.count(old.tobytes()) == 1
    file.write_bytes(data.replace(old.tobytes(), new))
    edit_json(path / "it" / "tensor_meta.json", lambda meta: meta.update(min_shape=[*shape], max_shape=[*shape]))


def load(path: Path, loader_type: str) -> Any:
    with penstock.DataLoader(path, 1, loader_type=loader_type) as loader:
        return next(iter(loader))["it"][0].numpy()


def refused(attempt: Callable[[], Any]) -> DecodeError:
    peak, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(DecodeError) as caught:
        attempt()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024 < MOST_MIB
    assert time.perf_counter() - start < MOST_SECONDS
    return caught.value


@both
def test_a_jpeg_of_ten_thousand_scans(loader_type: str, deeplake: Any, tmp_path: Path, native: Any) -> None:
    sound = write(tmp_path / "sound", "jpeg", progressive(MOST_SCANS - 20))
    np.testing.assert_array_equal(load(sound, loader_type), penstock.open(sound)["it"][0])
    bad = write(tmp_path / "bad", "jpeg", progressive(10_000))
    error = refused(lambda: load(bad, loader_type))
    assert (error.tensor, error.index, error.path) == ("it", 0, str(bad))
    assert f"more than {MOST_SCANS} scans" in error.cause
    assert f"more than {MOST_SCANS} scans" in refused(lambda: penstock.open(bad)["it"][0]).cause


def claim_of_jpeg(old: bytes) -> bytes:
    """The file with 65535 x 65535 in its frame header."""
    place = old.index(b"\xff\xc0") + 5
    return old[:place] + struct.pack(">HH", 65535, 65535) + old[place + 4 :]


@both
@pytest.mark.parametrize("stated", [(16, 24, 3), (65535, 65535, 3)])
def test_a_jpeg_that_claims_65535_squared(
    stated: tuple[int, ...], loader_type: str, deeplake: Any, tmp_path: Path, native: Any
) -> None:
    path = write(tmp_path / "lake", "jpeg", jpeg(picture(16, 24)))
    replace_sample(path, "it", 0, claim_of_jpeg)
    if stated != (16, 24, 3):
        state_shape(path, stated)
    error = refused(lambda: load(path, loader_type))
    assert (error.tensor, error.index, error.path) == ("it", 0, str(path))
    refused(lambda: penstock.open(path)["it"][0])


@both
@pytest.mark.parametrize("stated", [False, True])
def test_a_png_that_claims_more_than_it_can_hold(
    stated: bool, loader_type: str, deeplake: Any, tmp_path: Path, native: Any
) -> None:
    bomb = png_of_zeros(60_000, 60_000)
    path = write(tmp_path / "lake", "png", png_of_zeros(20, 30).ljust(len(bomb), b"\0"))
    assert load(path, loader_type).shape == (20, 30, 1)
    replace_sample(path, "it", 0, lambda old: bomb)
    if stated:
        state_shape(path, (60_000, 60_000, 1))
    error = refused(lambda: load(path, loader_type))
    assert (error.tensor, error.index) == ("it", 0)
    if stated:
        assert f"{MOST_PIXELS} are the limit" in error.cause or "bytes cannot hold" in error.cause
    refused(lambda: penstock.open(path)["it"][0])

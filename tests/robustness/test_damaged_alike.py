"""Damaged image files: both loader types read them as Pillow and deeplake do, or refuse them in the same words."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import DecodeError, PenstockError
from penstock.format import decode_image
from penstock.format.decode import decoding_by_pillow
from support.damage import chunk_file
from support.images import jpeg, picture, png, webp
from support.lake import encoded, new_lake, open_lake

Chunk = tuple[bytes, bytes]
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def by_pillow(file: bytes) -> Any:
    """The pixels, or None where Pillow refuses the file."""
    from PIL import Image

    try:
        return np.array(Image.open(io.BytesIO(file)))
    except (OSError, SyntaxError, ValueError):
        return None


def by_core(native: Any, file: bytes, compression: str, shape: tuple[int, ...]) -> Any:
    try:
        return native.decode_image(file, compression, shape)
    except DecodeError:
        return None


def part(kind: bytes, data: bytes, sum_xor: int = 0) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ sum_xor)


def parts_of(file: bytes) -> list[Chunk]:
    found, at = [], len(SIGNATURE)
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        found.append((file[at + 4 : at + 8], file[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def assembled(parts: list[Chunk], wrong: int = -1) -> bytes:
    """A PNG; the sum of chunk number ``wrong`` is."""
    return SIGNATURE + b"".join(part(*chunk, sum_xor=number == wrong) for number, chunk in enumerate(parts))


def inks() -> bytes:
    """A JPEG of cyan, magenta, yellow and black."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture(37, 43, 4), "CMYK").save(file, "JPEG", quality=85)
    return file.getvalue()


def damaged_jpegs() -> Iterator[tuple[str, bytes, bytes]]:
    """What was done, the sound file and the damaged one."""
    rng = random.Random(1)
    files = {
        "baseline": jpeg(picture(37, 43), quality=90, subsampling=0),
        "subsampled": jpeg(picture(37, 43), quality=80, subsampling=2),
        "restarts": jpeg(picture(37, 43), restart_marker_blocks=2),
        "gray": jpeg(picture(37, 43, 1)[:, :, 0]),
        "inks": inks(),
        "progressive": jpeg(picture(37, 43), progressive=True),
    }
    for name, file in files.items():
        for length in [*range(1, len(file), 41), *range(len(file) - 24, len(file))]:
            yield f"{name} cut", file, file[:length]
            yield f"{name} cut before an end marker", file, file[:length] + b"\xff\xd9"
        for _ in range(60):
            at = rng.randrange(len(file))
            yield f"{name} stray bytes", file, file[:at] + rng.randbytes(3) + file[at:]
            yield f"{name} flipped", file, file[:at] + bytes([file[at] ^ 1 << rng.randrange(8)]) + file[at + 1 :]
            yield f"{name} bytes left out", file, file[:at] + file[at + 5 :]
        for end in (b"\0\0", b"\xff\x00", b"\xff\xd8", b"\xff\xdb\0\x09\xff", b"\xff\xc4\0\x13" + bytes(40)):
            yield f"{name} with another end", file, file[:-2] + end
        yield f"{name} and more", file, file + b"more"
    scans = [at for at in range(len(file) - 1) if file[at : at + 2] == b"\xff\xda"] + [len(file) - 2]
    for first, after in pairwise(scans[1:]):
        yield "a scan is missing", file, file[:first] + file[after:]
        yield "the rest is missing", file, file[:first] + b"\xff\xd9"


def damaged_pngs() -> Iterator[tuple[str, bytes, bytes]]:
    for image in (picture(19, 23), picture(19, 23, 4), picture(19, 23, 1)[:, :, 0]):
        file = png(image)
        parts = parts_of(file)
        number = next(number for number, chunk in enumerate(parts) if chunk[0] == b"IDAT")
        head, raw = parts[:number], b"".join(data for kind, data in parts if kind == b"IDAT")
        text, end = (b"tEXt", b"key\0value"), (b"IEND", b"")
        whole = [*head, text, (b"IDAT", raw[:50]), (b"IDAT", raw[50:]), text, end]
        sound = assembled(whole)
        for wrong in range(len(whole)):
            yield f"sum of chunk {wrong}", sound, assembled(whole, wrong)
        for length in range(len(sound)):
            yield "cut", sound, sound[:length]
        for missing in range(1, 30):
            yield "pixels' end is missing", sound, assembled([*head, (b"IDAT", raw[:-missing]), end])
            yield "only pixels, cut", sound, assembled([*head, (b"IDAT", raw), end])[: -12 - missing]
        yield "zlib's sum", sound, assembled([*head, (b"IDAT", raw[:-4] + b"\1\2\3\4"), end])
        yield "more pixels", sound, assembled([*head, (b"IDAT", raw + b"more"), end])


def damaged_webps() -> Iterator[tuple[str, bytes, bytes]]:
    frames = [picture(9, 11, 4, seed=number) for number in range(3)]
    from PIL import Image

    moving = {"save_all": True, "append_images": [Image.fromarray(frame) for frame in frames[1:]]}
    files = {
        "lossy": webp(picture(17, 19), lossless=False),
        "lossless": webp(picture(17, 19), lossless=True),
        "lossy alpha": webp(frames[0], lossless=False),
        "alpha": webp(frames[0], lossless=True),
        "moving": webp(frames[0], **moving),
    }
    for name, file in files.items():
        for length in range(len(file)):
            yield f"{name} cut", file, file[:length]
            cut = file[:4] + struct.pack("<I", max(length - 8, 0)) + file[8:]
            yield f"{name} cut, and says so", file, cut[:length]
        for at in range(0, len(file), 3):
            yield f"{name} flipped", file, file[:at] + bytes([file[at] ^ (1 << at % 8)]) + file[at + 1 :]
        yield f"{name} and more", file, file + b"more"


KINDS = {"jpeg": damaged_jpegs, "png": damaged_pngs, "webp": damaged_webps}


@pytest.mark.parametrize("compression", KINDS)
def test_pixels_and_refusals_are_pillows(compression: str, native: Any, built_in_jpeg: bool) -> None:
    read = refused = 0
    wrong = []
    for what, sound, file in KINDS[compression]():
        expected = by_pillow(file)
        shape = by_pillow(sound).shape
        if expected is not None and expected.shape != shape:
            continue  # the dataset says otherwise
        if "missing" in what and compression == "jpeg" and not built_in_jpeg:
            continue  # libjpeg-turbo 2 smooths otherwise
        found = by_core(native, file, compression, shape)
        if (found is None) != (expected is None) or not np.array_equal(found, expected):
            wrong.append(what)
        read, refused = read + (expected is not None), refused + (expected is None)
    assert not wrong
    assert read > 40 and refused > 40


@pytest.fixture
def built_in_jpeg(native: Any) -> bool:
    """Whether the core's libjpeg is the 3 that is built in: it reads lossless files."""
    file, image = lossless()
    found = by_core(native, file, "jpeg", image.shape)
    return found is not None and np.array_equal(found, image)


def lossless() -> tuple[bytes, Any]:
    """A gray JPEG of SOF3, by hand: each pixel is the difference to the one on its left, in a code of its own."""
    image = (np.arange(16 * 16).reshape(16, 16) % 7 * 9 + 100).astype(np.uint8)
    bits = ""
    for y, row in enumerate(image.astype(int)):
        for x, value in enumerate(row):
            before = row[x - 1] if x else (int(image[y - 1, 0]) if y else 128)
            change = value - before
            size = int(abs(change)).bit_length()
            bits += f"{size:04b}" + (f"{change if change > 0 else change + (1 << size) - 1:0{size}b}" if size else "")
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    # Codes of four bits for the sizes 0 to 8: the code is the size.
    table = b"\xff\xc4" + struct.pack(">H", 2 + 1 + 16 + 9) + bytes([0, 0, 0, 0, 9, *[0] * 12]) + bytes(range(9))
    frame = b"\xff\xc3" + struct.pack(">HBHHB", 11, 8, 16, 16, 1) + bytes([1, 0x11, 0])
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + bytes([1, 0, 1, 0, 0])
    return b"\xff\xd8" + frame + table + scan + data + b"\xff\xd9", image


def test_lossless_jpegs_are_read(native: Any, built_in_jpeg: bool) -> None:
    file, image = lossless()
    assert np.array_equal(by_pillow(file), image)
    if not built_in_jpeg:
        pytest.skip("the core has the system's libjpeg")
    for length in range(3, len(file)):
        found, expected = by_core(native, file[:length], "jpeg", image.shape), by_pillow(file[:length])
        assert np.array_equal(found, expected) if expected is not None else found is None


def sample_cases(compression: str) -> list[tuple[bytes, bytes]]:
    """Some of each kind of damage."""
    by_kind: dict[str, list[tuple[bytes, bytes]]] = {}
    for what, sound, file in KINDS[compression]():
        by_kind.setdefault(what, []).append((sound, file))
    rng = random.Random(2)
    return [case for cases in by_kind.values() for case in rng.sample(cases, 1)]


def loaded(path: Path, loader_type: str) -> Any:
    try:
        with penstock.DataLoader(path, 1, tensors=["it"], loader_type=loader_type) as loader:
            return next(iter(loader))["it"][0].numpy()
    except PenstockError as error:
        return str(error)


@pytest.mark.parametrize("compression", KINDS)
def test_both_loaders_agree_with_deeplake(compression: str, deeplake: Any, tmp_path: Path, native: Any) -> None:
    outcomes = {"read": 0, "refused": 0}
    for number, (sound, file) in enumerate(sample_cases(compression)):
        shape = by_pillow(sound).shape
        # Deep Lake takes only sound files: the damaged one takes its place, and its length that of the sound one.
        path = tmp_path / str(number)
        with new_lake(path) as lake:
            lake.create_tensor("it", htype="image" if len(shape) == 3 else "image.gray", sample_compression=compression)
            lake.it.append(encoded(sound, compression))
        chunk = chunk_file(path, "it", 0)
        data = chunk.read_bytes()
        place = data.rindex(sound)
        head = data[:place].replace(struct.pack("<I", len(sound)), struct.pack("<I", len(file)), 1)
        assert place + len(sound) == len(data)
        chunk.write_bytes(head + file)
        native_result, python_result = loaded(path, "c++"), loaded(path, "python")
        with open_lake(path) as oracle:
            try:
                expected = oracle.it[0].numpy()
            except Exception:
                expected = None
        if expected is None:
            assert isinstance(native_result, str) and native_result == python_result
            outcomes["refused"] += 1
        else:
            assert not isinstance(native_result, str), (native_result, number)
            np.testing.assert_array_equal(native_result, expected)
            np.testing.assert_array_equal(python_result, expected)
            outcomes["read"] += 1
    assert min(outcomes.values()) > 3, outcomes


def test_without_the_core_it_is_pillow() -> None:
    file = jpeg(picture(8, 9))
    with decoding_by_pillow():
        found = decode_image(file, "jpeg", (8, 9, 3), "uint8")
    np.testing.assert_array_equal(found, by_pillow(file))

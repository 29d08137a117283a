"""What an error says: each kind of damage, and the message that a user reads, word for word."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock import errors
from penstock.format import parse_chunk_header
from support.damage import chunk_file, replace_sample, shorten_sample

Copy = Callable[[str], Path]
RESTORE = "The chunk is damaged: restore it from a copy of the dataset"
REPLACE = "The image is damaged: replace the sample, or leave it out"


@dataclass(frozen=True)
class Damage:
    """What is done to a dataset, and what is said then; a tuple of causes is (of the core, of the reference)."""

    lake: str
    tensor: str
    sample: int
    do: Callable[[Path, str, int], object]
    kind: type[errors.PenstockError]
    cause: str | tuple[str, str]
    hint: str


def missing(path: Path, tensor: str, sample: int) -> None:
    chunk_file(path, tensor, sample).unlink()


def a_directory(path: Path, tensor: str, sample: int) -> None:
    missing(path, tensor, sample)
    chunk_file(path, tensor, sample).mkdir()


def cut_to(size: int) -> Callable[[Path, str, int], object]:
    def cut(path: Path, tensor: str, sample: int) -> None:
        file = chunk_file(path, tensor, sample)
        file.write_bytes(file.read_bytes()[:size])

    return cut


def overwritten(path: Path, tensor: str, sample: int) -> None:
    replace_sample(path, tensor, sample, lambda old: b"no JPEG here" + old[12:])


def half(path: Path, tensor: str, sample: int) -> None:
    shorten_sample(path, tensor, sample)


def another_size(path: Path, tensor: str, sample: int) -> None:
    """The JPEG's own head says 25 rows, where the dataset has 24."""
    replace_sample(path, tensor, sample, lambda old: old.replace(b"\0\x18\0\x24", b"\0\x19\0\x24", 1))


def lz4_claim(path: Path, tensor: str, sample: int) -> None:
    file = chunk_file(path, tensor, sample)
    data = bytearray(file.read_bytes())
    struct.pack_into("<I", data, parse_chunk_header(bytes(data)).data_offset, 2**31)
    file.write_bytes(data)


DAMAGE = {
    "a missing chunk": Damage(
        "equal_images", "jpegs", 0, missing, errors.ChunkNotFoundError,
        ("does not exist", "the chunk is missing"), "copy",
    ),
    "a chunk that ends in its header": Damage(
        "equal_images", "jpegs", 0, cut_to(9), errors.ChunkFormatError,
        "the chunk ends inside its header: the shape table's size would end at byte 15, the chunk has 9", RESTORE,
    ),
    "a directory": Damage(
        "equal_images", "jpegs", 0, a_directory, errors.StorageError,
        "is a directory, not a file", "Restore the file from a copy of the dataset",
    ),
    "what is no JPEG": Damage(
        "equal_images", "jpegs", 3, overwritten, errors.DecodeError,
        "JPEG: Not a JPEG file: starts with 0x6e 0x6f", REPLACE,
    ),
    "a JPEG that ends early": Damage(
        "jpeg_images", "images", 9, half, errors.DecodeError,
        "JPEG: the data ends too early", REPLACE,
    ),
    "a JPEG of another size": Damage(
        "equal_images", "jpegs", 2, another_size, errors.DecodeError,
        "JPEG: the image is 25 x 36 (height x width), the dataset says 24 x 36", "",
    ),
    "lz4 that claims too much": Damage(
        "many_chunks", "varying/lz4_chunk", 0, lz4_claim, errors.ChunkFormatError,
        "cannot hold the 2147483648", RESTORE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("name", DAMAGE)
def test_the_message_says_all(name: str, loader_type: str, lake_copy: Copy, native: Any) -> None:
    damage = DAMAGE[name]
    path = lake_copy(damage.lake)
    key = chunk_file(path, damage.tensor, damage.sample).relative_to(path).as_posix()
    damage.do(path, damage.tensor, damage.sample)
    with (
        penstock.DataLoader(path, 1, tensors=[damage.tensor], loader_type=loader_type) as loader,
        pytest.raises(damage.kind) as caught,
    ):
        list(loader)
    cause = damage.cause if isinstance(damage.cause, str) else damage.cause[loader_type == "python"]
    place = f" (tensor '{damage.tensor}', sample {damage.sample}, chunk '{key}', dataset '{path}')"
    message = str(caught.value)
    assert cause in message
    assert place in message
    assert damage.hint in message if damage.hint else not caught.value.hint
    assert message.index(cause) < message.index(place)
    found = penstock.verify(path, tensors=[damage.tensor], loader_type=loader_type).findings
    assert [(finding.index, finding.chunk, finding.cause) for finding in found] == [
        (damage.sample, key, caught.value.cause)
    ]


def test_metadata_names_the_file(lake_copy: Copy) -> None:
    path = lake_copy("scalars")
    (path / "raw" / "tensor_meta.json").write_text("{")
    with pytest.raises(errors.DatasetFormatError, match=r"'raw/tensor_meta.json' is not valid JSON: .* \(dataset '"):
        penstock.open(path)
    shutil.rmtree(path / "raw")
    with pytest.raises(errors.DatasetFormatError, match=r"'raw/tensor_meta.json' is missing \(tensor 'raw', dataset '"):
        penstock.open(path)

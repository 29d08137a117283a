"""Damaged data ends in one error that names the place, with either loader type; sound batches come before it, and a
sound part of the dataset loads afterwards.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock import errors
from penstock.format import parse_chunk_header
from support.damage import shorten_sample

Copy = Callable[[str], Path]

pytestmark = pytest.mark.parametrize("loader_type", ["c++", "python"])


def chunk_of(path: Path, tensor: str, sample: int) -> tuple[Path, str]:
    """File and key of the chunk that holds a sample."""
    chunks = penstock.open(path)[tensor].chunks
    key = chunks.key(chunks.locate(sample)[0])
    return path / key, key


def cut(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])


def overwrite(file: Path, offset: int, data: bytes) -> None:
    content = bytearray(file.read_bytes())
    content[offset : offset + len(data)] = data
    file.write_bytes(content)


def header_end(file: Path) -> int:
    """Where the samples' bytes begin."""
    return parse_chunk_header(file.read_bytes()).data_offset


def check(
    path: Path,
    loader_type: str,
    tensor: str,
    kind: type[errors.PenstockError],
    sample: int,
    *,
    first_bad_batch: int,
    words: str = "",
) -> None:
    """Loads batches of two in order: the error comes in its turn, says everything, and can be got over."""
    key = chunk_of(path, tensor, sample)[1]
    with penstock.DataLoader(
        path, 2, tensors=[tensor], loader_type=loader_type, return_index=True, num_threads=3
    ) as loader:
        for _ in range(2):
            sound = []
            with pytest.raises(kind) as caught:
                for batch in loader:
                    sound.append(batch["index"].tolist())
            assert sound == [[2 * i, 2 * i + 1] for i in range(first_bad_batch)]
            error = caught.value
            assert (error.tensor, error.index, error.chunk) == (tensor, sample, key)
            assert error.path == str(path)
            for part in (f"tensor '{tensor}'", f"sample {sample}", f"chunk '{key}'", str(path), words):
                assert part in str(error)
    with penstock.DataLoader(path, 2, tensors=[tensor], loader_type=loader_type, sampler=[0, 1]) as loader:
        assert len(list(loader)) == 1


# In equal_images each chunk of "jpegs" holds several samples; in many_chunks those of the tensors hold about 25.


def last_chunk(path: Path, tensor: str) -> tuple[Path, int]:
    """File and first sample of the last chunk."""
    chunks = penstock.open(path)[tensor].chunks
    row = len(chunks) - 1
    return path / chunks.key(row), chunks.first_index(row)


def test_a_missing_chunk(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    file, sample = last_chunk(path, "jpegs")
    file.unlink()
    check(path, loader_type, "jpegs", errors.ChunkNotFoundError, sample, first_bad_batch=sample // 2)


@pytest.mark.parametrize("size", [0, 1, 5, 12, 30])
def test_a_chunk_that_ends_in_its_header(loader_type: str, size: int, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    file, sample = last_chunk(path, "jpegs")
    cut(file, size)
    check(path, loader_type, "jpegs", errors.ChunkFormatError, sample, first_bad_batch=sample // 2)


def test_a_chunk_that_ends_in_its_samples(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    file, _ = last_chunk(path, "jpegs")
    cut(file, file.stat().st_size - 1)
    check(path, loader_type, "jpegs", errors.ChunkFormatError, 11, first_bad_batch=5)


@pytest.mark.parametrize("claim", [-1, 2**31 - 1, 1_000_000])
def test_a_header_that_lies_about_its_shapes(loader_type: str, claim: int, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    file, sample = last_chunk(path, "jpegs")
    overwrite(file, 1 + file.read_bytes()[0], struct.pack("<i", claim))
    check(path, loader_type, "jpegs", errors.ChunkFormatError, sample, first_bad_batch=sample // 2)


def test_a_header_that_claims_a_huge_image(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("jpeg_images")
    file, _ = chunk_of(path, "images", 0)
    overwrite(file, 1 + file.read_bytes()[0] + 8, struct.pack("<II", 65535, 65535))
    with (
        penstock.DataLoader(path, 1, tensors=["images"], loader_type=loader_type) as loader,
        pytest.raises(errors.DecodeError, match=r"tensor 'images', sample 0, chunk"),
    ):
        list(loader)


def test_byte_positions_that_lie(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    file, _ = last_chunk(path, "jpegs")
    overwrite(file, header_end(file) - 12, struct.pack("<I", 2**32 - 1))
    with (
        penstock.DataLoader(path, 2, tensors=["jpegs"], loader_type=loader_type) as loader,
        pytest.raises(errors.ChunkFormatError, match=r"tensor 'jpegs', sample \d+, chunk 'jpegs/chunks/"),
    ):
        list(loader)


def test_a_corrupt_jpeg(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    file, sample = last_chunk(path, "jpegs")
    overwrite(file, header_end(file), b"no JPEG here")
    check(path, loader_type, "jpegs", errors.DecodeError, sample, first_bad_batch=sample // 2, words="JPEG")


def test_a_truncated_jpeg(loader_type: str, lake_copy: Copy, native: Any) -> None:
    """The chunk is sound, the image in it ends too early."""
    path = lake_copy("jpeg_images")
    shorten_sample(path, "images", 9)
    check(path, loader_type, "images", errors.DecodeError, 9, first_bad_batch=4, words="JPEG")


def test_damaged_lz4(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("many_chunks")
    file, sample = last_chunk(path, "varying/lz4_chunk")
    overwrite(file, header_end(file), struct.pack("<I", 2**31))
    check(
        path,
        loader_type,
        "varying/lz4_chunk",
        errors.ChunkFormatError,
        sample,
        first_bad_batch=sample // 2,
        words="lz4",
    )


def test_a_directory_in_place_of_a_chunk(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    file, sample = last_chunk(path, "jpegs")
    file.unlink()
    file.mkdir()
    check(path, loader_type, "jpegs", errors.StorageError, sample, first_bad_batch=sample // 2)

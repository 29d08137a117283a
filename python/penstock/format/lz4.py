"""What Deep Lake calls lz4: a u32 length and one LZ4 block, or (older writers) an LZ4 frame."""

from __future__ import annotations

from penstock.errors import ChunkFormatError
from penstock.extras import import_extra
from penstock.format.chunk import DAMAGED_CHUNK

__all__ = ["decompress_lz4"]

_FRAME_MAGIC = b"\x04\x22\x4d\x18"
_LENGTH_BYTES = 4
# A byte of an LZ4 block adds at most 255 bytes of output: a larger claim is found before memory is taken for
# it.
_MOST_EXPANSION = 255


def decompress_lz4(data: bytes | memoryview) -> bytes:
    """Decompresses a sample or the samples of a chunk. No bytes at all stand for no bytes.

    Raises:
        ChunkFormatError: The data is damaged, or claims a length that LZ4 cannot reach.
        MissingExtraError: The package lz4 is not installed.
    """
    if len(data) == 0:
        return b""
    if bytes(data[:_LENGTH_BYTES]) == _FRAME_MAGIC:
        return _decompress_frame(data)
    if len(data) < _LENGTH_BYTES + 1:
        raise _damaged(f"{len(data)} bytes are too few")
    claimed = int.from_bytes(data[:_LENGTH_BYTES], "little")
    block_bytes = len(data) - _LENGTH_BYTES
    if claimed > block_bytes * _MOST_EXPANSION:
        raise _damaged(f"{block_bytes} bytes cannot hold the {claimed} that they claim")
    if claimed == 0:
        return b""
    block = import_extra("lz4.block", "reading lz4 compressed data", "python")
    try:
        decompressed: bytes = block.decompress(data)
    except (block.LZ4BlockError, ValueError) as error:
        raise _damaged("the block is damaged") from error
    if len(decompressed) != claimed:
        raise _damaged(f"the block holds {len(decompressed)} bytes, it claims {claimed}")
    return decompressed


def _decompress_frame(data: bytes | memoryview) -> bytes:
    frame = import_extra("lz4.frame", "reading lz4 compressed data", "python")
    try:
        decompressed: bytes = frame.decompress(data)
    except (RuntimeError, ValueError) as error:
        raise _damaged("the frame is damaged") from error
    return decompressed


def _damaged(cause: str) -> ChunkFormatError:
    return ChunkFormatError(f"lz4: {cause}", hint=DAMAGED_CHUNK)

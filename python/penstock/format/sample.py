"""Where a sample lies in its chunk and what it decodes to, by Deep Lake's rules."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from penstock.errors import ChunkFormatError, UnsupportedError
from penstock.format.chunk import DAMAGED_CHUNK, ChunkHeader
from penstock.format.codecs import is_image_file
from penstock.format.decode import Color, decode_array, decode_image, decode_picture
from penstock.format.limits import check_pixel_count, check_plausible
from penstock.format.lz4 import decompress_lz4
from penstock.format.tiles import LARGEST_HOLE
from penstock.format.values import ValueFormat, decode_value

__all__ = [
    "DECODINGS",
    "Decode",
    "SampleLayout",
    "check_structure",
    "decode_sample",
    "decode_tile",
    "sample_extent",
    "sample_shape",
]

#: What becomes of a sample: its value (arrays, text, lists), its stored bytes, a ``PIL.Image.Image``, or a dict of its
#: value and what the dataset says of it, which tensors alone can make.
Decode = Literal["numpy", "bytes", "pil", "data"]
DECODINGS: tuple[Decode, ...] = get_args(Decode)


@dataclass(frozen=True)
class SampleLayout:
    """What a tensor's metadata says of every sample.

    Attributes:
        is_image: Whether samples are decoded as images: they are, or they are compressed as if they were.
        dtype: Dtype of the elements.
        ndim: Number of axes of a sample.
        fixed_shape: The one shape of all samples, where the smallest and the largest are equal. Deep Lake finds
            samples by it; where a chunk states another shape or place of a sample, one of the two is damaged.
        sample_compression, chunk_compression: None, "lz4", or an image file's (see ``IMAGE_FILES``).
        value: Of text, JSON and polygons: how their bytes become values. Their samples have byte positions even
            where all shapes are equal.
    """

    is_image: bool
    dtype: np.dtype[Any]
    ndim: int
    fixed_shape: tuple[int, ...] | None
    sample_compression: str | None
    chunk_compression: str | None
    value: ValueFormat | None = None


def sample_shape(header: ChunkHeader, layout: SampleLayout, local_index: int) -> tuple[int, ...]:
    """Shape of a sample.

    Raises:
        ChunkFormatError: The chunk does not hold the sample, or states another shape than the metadata.
    """
    _check_held(header, local_index)
    stated = header.shape(local_index)
    if layout.fixed_shape is not None:
        if stated not in (None, layout.fixed_shape):
            raise _not_fixed(local_index)
        return layout.fixed_shape
    # Trailing empty samples have a byte position and no shape.
    return stated or (0,) * layout.ndim


def sample_extent(
    header: ChunkHeader, layout: SampleLayout, local_index: int, data_bytes: int, *, alone: bool = False
) -> tuple[int, int]:
    """[begin, end) of a sample in the chunk's data (decompressed, where the chunk is), in bytes.

    Args:
        header: The chunk's header.
        layout: What the metadata says.
        local_index: Index of the sample in the chunk.
        data_bytes: Bytes of data that the chunk really has.
        alone: The sample is a tile, with a chunk to itself: all data is its own where no position is stated.

    Raises:
        ChunkFormatError: The chunk does not hold the sample, the sample lies outside its data, or elsewhere than the
            metadata says.
    """
    _check_held(header, local_index)
    found = header.extent(local_index)
    if layout.fixed_shape is not None and layout.sample_compression is None and layout.value is None:
        size = prod(layout.fixed_shape) * layout.dtype.itemsize
        extent = (local_index * size, (local_index + 1) * size)
        if found not in (None, extent):
            raise _not_fixed(local_index)
    else:
        if found is None and alone:
            return 0, data_bytes
        if found is None:
            raise ChunkFormatError(
                f"the chunk states no byte position for its sample {local_index}", hint=DAMAGED_CHUNK
            )
        extent = found
    if extent[1] > data_bytes:
        raise ChunkFormatError(
            f"the sample's bytes {extent[0]} to {extent[1]} lie outside the chunk's {data_bytes}",
            hint=DAMAGED_CHUNK,
        )
    return extent


def check_structure(header: ChunkHeader, layout: SampleLayout, local_index: int, data_bytes: int) -> None:
    """All that can be said of a sample without looking at its bytes; arguments as for :func:`sample_extent`.

    Raises:
        ChunkFormatError: As :func:`sample_extent`.
        DecodeError: Its bytes cannot be a sample of its shape.
    """
    shape = sample_shape(header, layout, local_index)
    begin, end = sample_extent(header, layout, local_index, data_bytes)
    # Where no sample ever had a shape, all are empty.
    if layout.value is not None or layout.ndim == 0:
        return
    check_plausible(layout.sample_compression, end - begin, shape, layout.dtype.itemsize)
    if is_image_file(layout.sample_compression):
        check_pixel_count(shape)


def decode_sample(
    data: bytes | memoryview,
    layout: SampleLayout,
    shape: tuple[int, ...],
    color: Color = "native",
    decode: Decode = "numpy",
) -> Any:
    """The sample as an array that owns its memory, as the value of :func:`decode_value`, or as ``decode`` says.

    Args:
        data: Its bytes.
        layout: What the metadata says.
        shape: From :func:`sample_shape`.
        color: For images, see :func:`penstock.format.decode.decode_image`.
        decode: "bytes" gives ``data``; "pil" what :func:`penstock.format.decode.decode_picture` does.

    Raises:
        DecodeError, ChunkFormatError, UnsupportedError, MissingExtraError: As ``decode_image``.
    """
    if decode == "bytes":
        return bytes(data)
    if decode == "pil":
        return decode_picture(data, layout.sample_compression, shape, layout.dtype)
    if layout.value is not None:
        return decode_value(decompress_lz4(data) if layout.sample_compression else data, layout.value)
    if layout.is_image:
        return decode_image(data, layout.sample_compression, shape, layout.dtype, color)
    return decode_array(data, layout.sample_compression, shape, layout.dtype)


def decode_tile(
    data: bytes | memoryview, layout: SampleLayout, shape: tuple[int, ...], color: Color
) -> npt.NDArray[Any]:
    """One tile of a sample. One without bytes was never filled in, and is zero.

    Args:
        data: Its bytes.
        layout: What the metadata says; without a ``fixed_shape``, which is the whole sample's.
        shape: Of the tile.
        color: As for :func:`decode_sample`.

    Raises:
        DecodeError, ChunkFormatError, UnsupportedError, MissingExtraError: As ``decode_image``.
    """
    if layout.value is not None:
        raise UnsupportedError(f"{layout.value.htype} in tiles is not supported")
    if len(data):
        return decode_sample(data, layout, shape, color)  # type: ignore[no-any-return]
    if prod(shape) * layout.dtype.itemsize > LARGEST_HOLE:
        raise ChunkFormatError(f"a tile of the shape {shape} has no bytes", hint=DAMAGED_CHUNK)
    converted = layout.is_image and color != "native"
    channels = () if color == "gray" else (3,)
    return np.zeros((*shape[:2], *channels) if converted else shape, dtype=layout.dtype)


def _not_fixed(local_index: int) -> ChunkFormatError:
    return ChunkFormatError(
        f"the metadata says that all samples have one shape, the chunk's sample {local_index} has another",
        hint="The tensor's metadata or the chunk is damaged: restore both from a copy of the dataset.",
    )


def _check_held(header: ChunkHeader, local_index: int) -> None:
    if local_index >= header.num_samples:
        raise ChunkFormatError(
            f"the chunk holds {header.num_samples} samples, the index expects at least {local_index + 1}",
            hint=DAMAGED_CHUNK,
        )

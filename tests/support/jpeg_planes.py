"""Decoded planes of JPEG files before chroma is enlarged and colors are converted, by libturbojpeg."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

__all__ = ["planes"]


def planes(library: ctypes.CDLL, data: bytes) -> list[npt.NDArray[np.uint8]]:
    """Y, or Y, Cb and Cr as they are coded: uint8 [height, width] each, without what fills the last blocks."""
    library.tjInitDecompress.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(library.tjInitDecompress())
    try:
        width, height, sampling, space = (ctypes.c_int() for _ in range(4))
        size = ctypes.c_ulong(len(data))
        facts = [ctypes.byref(fact) for fact in (width, height, sampling, space)]
        assert library.tjDecompressHeader3(handle, data, size, *facts) == 0
        gray = 3
        shapes = [
            (
                library.tjPlaneHeight(number, height.value, sampling.value),
                library.tjPlaneWidth(number, width.value, sampling.value),
            )
            for number in range(1 if sampling.value == gray else 3)
        ]
        result = [np.zeros(shape, np.uint8) for shape in shapes]
        pointers = (ctypes.c_void_p * 3)(*(plane.ctypes.data for plane in result))
        # No strides: rows lie without gaps. No flags: the exact inverse transform.
        assert library.tjDecompressToYUVPlanes(handle, data, size, pointers, width, None, height, 0) == 0
        return result
    finally:
        library.tjDestroy(handle)

"""Samples that are cut into tiles: a grid of pieces, each in a chunk of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.errors import ChunkFormatError, UnsupportedError
from penstock.format.chunk import DAMAGED_CHUNK

__all__ = ["LARGEST_HOLE", "Tiling", "assemble_tiles"]

#: Most bytes of a tile that has none stored: Deep Lake writes such tiles for samples that are filled in later. A claim
#: that takes more is a lie, and found before memory is taken for it.
LARGEST_HOLE = 256 << 20


@dataclass(frozen=True)
class Tiling:
    """How one sample is cut. Tiles lie in row-major order; those at the far ends may be smaller.

    Attributes:
        sample_shape: Extents of the whole sample, each at least 1.
        tile_shape: Extents of a tile, as many, each at least 1.
    """

    sample_shape: tuple[int, ...]
    tile_shape: tuple[int, ...]

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of tiles along each axis."""
        return tuple(-(-whole // tile) for whole, tile in zip(self.sample_shape, self.tile_shape, strict=True))

    @property
    def count(self) -> int:
        return prod(self.grid)

    def block(self, number: int) -> tuple[slice, ...]:
        """The part of the sample that a tile covers."""
        cell = np.unravel_index(number, self.grid)
        return tuple(
            slice(int(at) * tile, min((int(at) + 1) * tile, whole))
            for at, tile, whole in zip(cell, self.tile_shape, self.sample_shape, strict=True)
        )

    def check_tile(self, number: int, shape: tuple[int, ...]) -> None:
        """Raises ChunkFormatError when a tile has not the shape of its place."""
        expected = tuple(part.stop - part.start for part in self.block(number))
        if shape != expected:
            raise ChunkFormatError(
                f"tile {number} has the shape {shape}, its place in the sample {expected}", hint=DAMAGED_CHUNK
            )

    def recolored(self, gray: bool) -> Tiling:
        """The same cut of an image once it has three channels, or as gray no axis of them.

        Raises:
            UnsupportedError: Its channels are in different tiles.
        """
        if len(self.sample_shape) == 3 and self.grid[2] != 1:
            raise UnsupportedError("an image whose channels are in different tiles has no color conversion")
        channels = () if gray else (3,)
        return Tiling((*self.sample_shape[:2], *channels), (*self.tile_shape[:2], *channels))


def assemble_tiles(tiles: Sequence[npt.NDArray[Any]], tiling: Tiling) -> npt.NDArray[Any]:
    """The whole sample of all its tiles, which have the shapes of their places."""
    sample = np.empty(tiling.sample_shape, dtype=tiles[0].dtype)
    for number, tile in enumerate(tiles):
        sample[tiling.block(number)] = tile
    return sample

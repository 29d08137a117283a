"""All datasets that the tests read, by name. Each maker writes one with the real deeplake library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support import array_datasets, codec_datasets, image_datasets, structure_datasets, value_datasets, version_datasets

__all__ = ["MAKERS"]

MAKERS: dict[str, Callable[[Path], None]] = {
    maker.__name__: maker
    for maker in (
        image_datasets.jpeg_images,
        image_datasets.png_images,
        image_datasets.raw_images,
        image_datasets.equal_images,
        codec_datasets.image_files,
        codec_datasets.image_chunks,
        codec_datasets.webp_images,
        codec_datasets.masks,
        codec_datasets.media,
        codec_datasets.rare_numbers,
        array_datasets.annotations,
        array_datasets.numeric,
        array_datasets.scalars,
        array_datasets.empties,
        array_datasets.many_chunks,
        value_datasets.texts,
        value_datasets.polygons,
        version_datasets.committed,
        version_datasets.renamed,
        version_datasets.branched,
        version_datasets.unsupported,
        version_datasets.viewed,
        structure_datasets.tiled,
        structure_datasets.sequences,
        structure_datasets.linked,
        structure_datasets.sparse,
    )
}

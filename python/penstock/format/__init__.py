"""Deep Lake's bytes, read in Python: chunks, values, images. Uses no other folder.

The Python loader runs on it, and the native core is tested against it. numpy alone, except that images need Pillow and
lz4 needs lz4 (the ``python`` extra), both imported when first used.
"""

from penstock.format.chunk import ChunkHeader, header_bytes_needed, parse_chunk_header
from penstock.format.decode import decode_image
from penstock.format.lz4 import decompress_lz4
from penstock.format.sample import SampleLayout, decode_sample, sample_extent, sample_shape
from penstock.format.values import ValueFormat, decode_value

__all__ = [
    "ChunkHeader",
    "SampleLayout",
    "ValueFormat",
    "decode_image",
    "decode_sample",
    "decode_value",
    "decompress_lz4",
    "header_bytes_needed",
    "parse_chunk_header",
    "sample_extent",
    "sample_shape",
]

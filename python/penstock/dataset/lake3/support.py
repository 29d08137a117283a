"""Which tensors can be loaded, by their metadata."""

from __future__ import annotations

from penstock.dataset.lake3.tensor_meta import TensorMeta
from penstock.dataset.names import IMAGE_HTYPES
from penstock.format.codecs import is_image_file
from penstock.format.sample import Decode
from penstock.format.values import JSON_HTYPES, POLYGON, TEXT

__all__ = ["VALUE_HTYPES", "holds_images", "why_unsupported"]

# Htypes whose samples are Python values.
VALUE_HTYPES = JSON_HTYPES | {POLYGON, TEXT}
# Htypes whose samples are plain numeric arrays.
_ARRAY_HTYPES = frozenset(
    {
        "bbox",
        "bbox.3d",
        "binary_mask",
        "class_label",
        "embedding",
        "generic",
        "instance_label",
        "intrinsics",
        "keypoints_coco",
        "point",
        "segment_mask",
    }
)
_BYTE_COMPRESSIONS = (None, "lz4")


def holds_images(meta: TensorMeta) -> bool:
    """Whether samples are images, or are compressed as if they were, or are links to image files."""
    compressions = (meta.sample_compression, meta.chunk_compression)
    return meta.is_link or meta.htype in IMAGE_HTYPES or any(map(is_image_file, compressions))


def why_unsupported(meta: TensorMeta, decode: Decode = "numpy") -> str | None:
    """Why a tensor cannot be loaded, None when it can. Stored bytes can be had of every htype."""
    if meta.is_link:
        return _why_not_links(meta, decode)
    if meta.sample_compression and meta.chunk_compression:
        return "compression of both samples and chunks is not supported"
    if not _is_known(meta.chunk_compression, meta.htype):
        return f"chunk compression '{meta.chunk_compression}' of htype '{meta.htype}' is not supported yet"
    if decode == "bytes":
        return None
    if meta.htype not in {*IMAGE_HTYPES, *_ARRAY_HTYPES, *VALUE_HTYPES}:
        return f"htype '{meta.htype}' is not supported yet"
    if not _is_known(meta.sample_compression, meta.htype):
        return f"sample compression '{meta.sample_compression}' of htype '{meta.htype}' is not supported yet"
    if decode == "pil" and not holds_images(meta):
        return f"htype '{meta.htype}' is no image, which decode='pil' needs"
    if meta.length == 0:
        return None
    has_dtype = meta.dtype is not None or meta.htype in JSON_HTYPES | {TEXT}
    if not has_dtype and meta.dtype_name is not None:
        return f"dtype '{meta.dtype_name}' is not supported yet"
    if not has_dtype or not meta.max_shape:
        return "the tensor holds nothing but empty samples, so that its shape is unknown"
    return None


def _is_known(compression: str | None, htype: str) -> bool:
    return compression in _BYTE_COMPRESSIONS or (is_image_file(compression) and htype not in VALUE_HTYPES)


def _why_not_links(meta: TensorMeta, decode: Decode) -> str | None:
    # The tensor's own words of dtype, shape and compression are of the files, which tell them better.
    if decode == "bytes":
        return None
    if meta.htype in VALUE_HTYPES:
        return f"links to {meta.htype} are not supported"
    return None if meta.htype in {*IMAGE_HTYPES, *_ARRAY_HTYPES} else f"htype '{meta.htype}' is not supported yet"

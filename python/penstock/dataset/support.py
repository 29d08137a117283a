"""Which tensors can be loaded, by their metadata."""

from __future__ import annotations

from penstock.dataset.tensor_meta import TensorMeta
from penstock.reference.values import JSON_HTYPES, POLYGON, TEXT

__all__ = ["IMAGE_HTYPES", "VALUE_HTYPES", "why_unsupported"]

IMAGE_HTYPES = frozenset({"image", "image.rgb", "image.gray"})
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
_ARRAY_COMPRESSIONS = (None, "lz4")
_IMAGE_COMPRESSIONS = (None, "lz4", "jpeg", "png")


def why_unsupported(meta: TensorMeta) -> str | None:
    """Why a tensor cannot be loaded, None when it can."""
    is_image = meta.htype in IMAGE_HTYPES
    if not is_image and meta.htype not in _ARRAY_HTYPES | VALUE_HTYPES:
        return f"htype '{meta.htype}' is not supported yet"
    if meta.is_link:
        # The tensor's own words of dtype, shape and compression are of the files, which tell them better.
        return f"links to {meta.htype} are not supported" if meta.htype in VALUE_HTYPES else None
    if meta.sample_compression not in (_IMAGE_COMPRESSIONS if is_image else _ARRAY_COMPRESSIONS):
        return f"sample compression '{meta.sample_compression}' of htype '{meta.htype}' is not supported yet"
    if meta.chunk_compression not in _ARRAY_COMPRESSIONS:
        return f"chunk compression '{meta.chunk_compression}' is not supported yet"
    if meta.sample_compression and meta.chunk_compression:
        return "compression of both samples and chunks is not supported"
    if meta.length == 0:
        return None
    has_dtype = meta.dtype is not None or meta.htype in JSON_HTYPES | {TEXT}
    if not has_dtype and meta.dtype_name is not None:
        return f"dtype '{meta.dtype_name}' is not supported yet"
    if not has_dtype or not meta.max_shape:
        return "the tensor holds nothing but empty samples, so that its shape is unknown"
    return None

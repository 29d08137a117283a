"""What a dataset holds and what of it can be loaded, in plain values and in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.dataset.interface import Dataset, Tensor

__all__ = ["describe", "tensor_rows"]


def describe(dataset: Dataset, *, chunks: bool = True) -> dict[str, Any]:
    """The dataset in plain values, as ``penstock info --json`` prints them. ``chunks``: count them, which reads
    indices; else their number is None.
    """
    return {
        "path": dataset.path,
        "branch": dataset.branch,
        "commit": dataset.commit_id,
        "samples": len(dataset),
        "tensors": {name: _describe_tensor(tensor, chunks) for name, tensor in dataset.tensors.items()},
    }


def _describe_tensor(tensor: Tensor, chunks: bool) -> dict[str, Any]:
    return {
        "htype": tensor.htype,
        "dtype": None if tensor.dtype is None else str(tensor.dtype),
        "samples": len(tensor),
        "min_shape": list(tensor.min_shape),
        "max_shape": list(tensor.max_shape),
        "sample_compression": tensor.sample_compression,
        "chunk_compression": tensor.chunk_compression,
        "chunks": tensor.chunk_count() if chunks else None,
        "class_names": tensor.class_names,
        "coords": tensor.info.get("coords"),
        "unsupported": tensor.unsupported(),
    }


def tensor_rows(described: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Of each tensor: name, htype, dtype, shape, compression, samples, chunks, and a remark."""
    for name, tensor in described["tensors"].items():
        compression = tensor["sample_compression"] or tensor["chunk_compression"] or "none"
        yield (
            name,
            tensor["htype"],
            tensor["dtype"] or "-",
            _shape_range(tensor["min_shape"], tensor["max_shape"]),
            compression + (" (chunks)" if tensor["chunk_compression"] else ""),
            str(tensor["samples"]),
            "-" if tensor["chunks"] is None else str(tensor["chunks"]),
            _remark(tensor),
        )


def _shape_range(smallest: list[int], largest: list[int]) -> str:
    if len(smallest) != len(largest):
        return "-"
    axes = [_axis_range(low, high) for low, high in zip(smallest, largest, strict=True)]
    return " x ".join(axes) or "-"


def _axis_range(low: int, high: int) -> str:
    if low < 0 and high < 0:
        return "?"
    return str(low) if low == high else "-".join("?" if extent < 0 else str(extent) for extent in (low, high))


def _remark(tensor: dict[str, Any]) -> str:
    if tensor["unsupported"]:
        return f"not loadable: {tensor['unsupported']}"
    names = tensor["class_names"]
    if names:
        shown = ", ".join(names[:5])
        return f"{len(names)} classes: {shown}{', ...' if len(names) > 5 else ''}"
    coords = tensor["coords"]
    return f"{coords.get('mode', '')} {coords.get('type', '')}".strip() if isinstance(coords, dict) else ""

"""``penstock info``: what a dataset holds and what of it can be loaded."""

from __future__ import annotations

import argparse
import json
from typing import Any

from penstock.cli.source import add_source, open_source
from penstock.dataset import Dataset, Tensor
from penstock.printable import printable

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("info", help="what a dataset holds", description="Shows what a dataset holds.")
    add_source(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    dataset = open_source(arguments)
    described = describe(dataset)
    print(json.dumps(described, indent=1, default=str) if arguments.json else as_text(described))
    return 0


def describe(dataset: Dataset) -> dict[str, Any]:
    """The dataset in plain values, as ``--json`` prints them."""
    return {
        "path": dataset.path,
        "branch": dataset.branch,
        "commit": dataset.commit_id,
        "samples": len(dataset),
        "tensors": {name: _describe_tensor(tensor) for name, tensor in dataset.tensors.items()},
    }


def _describe_tensor(tensor: Tensor) -> dict[str, Any]:
    return {
        "htype": tensor.htype,
        "dtype": None if tensor.dtype is None else str(tensor.dtype),
        "samples": len(tensor),
        "min_shape": list(tensor.min_shape),
        "max_shape": list(tensor.max_shape),
        "sample_compression": tensor.sample_compression,
        "chunk_compression": tensor.chunk_compression,
        "chunks": tensor.chunk_count(),
        "class_names": tensor.class_names,
        "coords": tensor.info.get("coords"),
        "unsupported": tensor.unsupported(),
    }


def as_text(described: dict[str, Any]) -> str:
    """The same for reading: a head and a table with a line for each tensor."""
    head = (
        f"{printable(described['path'])}\n"
        f"{described['samples']} samples, branch {printable(described['branch'])}, "
        f"commit {printable(described['commit'])}\n"
    )
    rows = [("tensor", "htype", "dtype", "shape", "compression", "samples", "chunks", "")]
    for name, tensor in described["tensors"].items():
        compression = tensor["sample_compression"] or tensor["chunk_compression"] or "none"
        rows.append(
            (
                name,
                tensor["htype"],
                tensor["dtype"] or "-",
                _shape_range(tensor["min_shape"], tensor["max_shape"]),
                compression + (" (chunks)" if tensor["chunk_compression"] else ""),
                str(tensor["samples"]),
                "-" if tensor["chunks"] is None else str(tensor["chunks"]),
                _remark(tensor),
            )
        )
    cells = [list(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([head, *lines])


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

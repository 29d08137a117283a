"""Finding and damaging the files of a dataset."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import penstock
from penstock.format import parse_chunk_header

__all__ = ["chunk_file", "edit_json", "replace_sample", "shorten_sample", "snapshot", "with_header"]


def chunk_file(dataset: Path, tensor: str, index: int) -> Path:
    """The file of the chunk that holds a sample."""
    chunks = penstock.open(dataset)[tensor].chunks
    return dataset / chunks.key(chunks.locate(index)[0])


def edit_json(file: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Changes a JSON file in place."""
    values = json.loads(file.read_text())
    edit(values)
    file.write_text(json.dumps(values))


def with_header(
    shape_size: tuple[int, int], shapes: bytes, positions: int, position_values: bytes, data: bytes = b""
) -> bytes:
    """A chunk whose header claims what it is told to."""
    version = b"3.9.52"
    return b"".join(
        [
            bytes([len(version)]) + version,
            struct.pack("<ii", *shape_size) + shapes,
            struct.pack("<I", positions) + position_values,
            data,
        ]
    )


def replace_sample(dataset: Path, tensor: str, index: int, edit: Callable[[bytes], bytes]) -> None:
    """Overwrites a stored sample in its chunk with as many bytes."""
    old = penstock.open(dataset)[tensor].bytes(index)
    new = edit(old)
    assert len(new) == len(old)
    file = chunk_file(dataset, tensor, index)
    data = file.read_bytes()
    assert data.count(old) == 1
    file.write_bytes(data.replace(old, new))


def shorten_sample(dataset: Path, tensor: str, index: int) -> None:
    """Makes the chunk's header say that a sample, alone in its row of the table, has half its bytes."""
    _, local = penstock.open(dataset)[tensor].chunks.locate(index)
    file = chunk_file(dataset, tensor, index)
    data = bytearray(file.read_bytes())
    header = parse_chunk_header(bytes(data))
    table_row = header.byte_positions[:, 2].tolist().index(local)
    offset = header.data_offset - header.byte_positions.nbytes + table_row * 12
    (size,) = struct.unpack_from("<I", data, offset)
    struct.pack_into("<I", data, offset, size // 2)
    file.write_bytes(data)


def snapshot(dataset: Path) -> dict[str, tuple[str, int, int]]:
    """Every path below a directory with its content's digest, time of change and mode."""
    return {
        str(path.relative_to(dataset)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in [dataset, *sorted(dataset.rglob("*"))]
    }

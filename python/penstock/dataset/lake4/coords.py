"""What the numbers of a box column mean. The ``deeplake`` 4 package stores that and does not tell: it stands in the
records of the dataset's log that create columns.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

from penstock._native import HAVE_NATIVE, require_native
from penstock.format.lz4 import decompress_lz4

__all__ = ["box_coords"]

logger = logging.getLogger("penstock")

_LOG = "_deeplake_log"
#: Deep Lake 4's words in Deep Lake 3's.
_MODES = {"ltwh": "LTWH", "ltrb": "LTRB", "ccwh": "CCWH"}
_TYPES = ("pixel", "fractional")


def box_coords(reader: Any) -> dict[str, dict[str, str]]:
    """Column name -> {"type": "pixel" or "fractional", "mode": "LTWH", "LTRB" or "CCWH"}, as far as it is declared.

    Args:
        reader: A ``deeplake.storage.Reader`` of the dataset's directory.
    """
    names: dict[Any, str] = {}
    declared: dict[Any, dict[str, str]] = {}
    for record in _records(reader):
        created, renamed = record.get("createColumn"), record.get("renameColumn")
        if isinstance(created, dict):
            declared[created.get("i")] = _declared(created)
        for change in (created, renamed):
            if isinstance(change, dict):
                names[change.get("i")] = str(change.get("n"))
    return {names[column]: coords for column, coords in declared.items() if coords}


def _records(reader: Any) -> Iterator[dict[str, Any]]:
    """The log's records of all branches, oldest first within a branch. What cannot be read is passed over."""
    for entry in sorted(reader.list(_LOG), key=lambda entry: str(entry.path)):
        path = str(entry.path)
        if not path.endswith((".jsonl", ".jsonl.lz4")):
            continue
        try:
            data = bytes(memoryview(reader.get(path)))
            text = (_decompress(data) if path.endswith(".lz4") else data).decode()
            records = [json.loads(line) for line in text.splitlines() if line]
        except Exception as error:
            logger.info("%s: the log's '%s' cannot be read for the format of boxes: %s", reader.path, path, error)
            continue
        yield from (record for record in records if isinstance(record, dict))


def _decompress(data: bytes) -> bytes:
    return require_native().decompress_lz4(data) if HAVE_NATIVE else decompress_lz4(data)


def _declared(created: dict[str, Any]) -> dict[str, str]:
    details = created.get("t", {})
    found = details.get("d", {}).get("coords", {}) if isinstance(details, dict) else {}
    if not isinstance(found, dict):
        return {}
    coords = {}
    if found.get("type") in _TYPES:
        coords["type"] = str(found["type"])
    if found.get("mode") in _MODES:
        coords["mode"] = _MODES[found["mode"]]
    return coords

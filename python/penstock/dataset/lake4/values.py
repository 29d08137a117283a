"""Values that are no arrays, as the bytes in which they pass through the native core, and back."""

from __future__ import annotations

import json
import pickle
from typing import Any

from penstock.dataset.lake4.types import Form
from penstock.errors import DecodeError

__all__ = ["ValueCodec"]

#: Whose values Deep Lake stores as bytes that stand for them by themselves.
_STORED = ("text", "json", "bytes")
#: Stands for a sample that was never given; no text, JSON or pickle begins so.
_MISSING = b"\xff\xffpenstock: no value"


class ValueCodec:
    """Between the bytes that pass through the core and values.

    Args:
        form: Of the column.

    Attributes:
        reads_bytes: Whether Deep Lake's raw-bytes reader gives what ``decode`` takes.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.reads_bytes = form in _STORED

    def encode(self, value: Any) -> bytes:
        """Bytes for a value of Deep Lake's: polygons, or None for a sample that was never given."""
        if value is None:
            return _MISSING
        # Within this process and for as long as a batch takes: nobody else can have put anything in. Deep Lake makes
        # one array of polygons with equally many points: a list all the same.
        return pickle.dumps(list(value), protocol=pickle.HIGHEST_PROTOCOL)

    def decode(self, data: bytes) -> Any:
        """The value: str for "text", bytes, what JSON says, a list of arrays (points, 2) for "polygon"; None for a
        sample that was never given. Raises DecodeError.
        """
        if data == _MISSING:
            return None
        try:
            if self.form == "text":
                return data.decode()
            if self.form == "json":
                return json.loads(data)
        except ValueError as error:  # of both kinds
            raise DecodeError(f"the {self.form} is damaged: {error}") from error
        return data if self.form == "bytes" else pickle.loads(data)

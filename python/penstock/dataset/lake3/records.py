"""JSON files of a dataset, with every access checked."""

from __future__ import annotations

import json
from typing import Any

from penstock.errors import DatasetFormatError
from penstock.storage.store import Store

__all__ = ["Record", "damaged", "read_record"]

_KINDS = {dict: "an object", list: "a list", str: "text", int: "an integer", bool: "true or false"}


def damaged(cause: str, path: str, tensor: str | None = None) -> DatasetFormatError:
    """The error that says what is wrong with metadata of a dataset, and what to do."""
    return DatasetFormatError(
        cause,
        path=path,
        tensor=tensor,
        # Deep Lake empties a file before it writes it, and writes one after the other: who reads meanwhile sees that.
        hint="If a program is writing the dataset, open it again when that has finished; else restore it from a copy",
    )


class Record:
    """A JSON object and the name of the file it comes from, for error messages."""

    def __init__(self, values: dict[str, Any], key: str, path: str) -> None:
        self.values = values
        self.key = key
        self.path = path

    def get(self, name: str, kind: type) -> Any:
        """A value that has to be there. Raises DatasetFormatError."""
        if name not in self.values:
            raise self.broken(f"the key '{name}' is missing")
        return self._checked(name, kind)

    def get_optional(self, name: str, kind: type, default: Any = None) -> Any:
        """A value that may be missing or null. Raises DatasetFormatError when it is there and of another
        kind.
        """
        if self.values.get(name) is None:
            return default
        return self._checked(name, kind)

    def record(self, name: str) -> Record:
        """A JSON object inside this one. Raises DatasetFormatError."""
        return Record(self.get(name, dict), self.key, self.path)

    def broken(self, cause: str) -> DatasetFormatError:
        """The error that says what is wrong with this file."""
        return damaged(f"'{self.key}': {cause}", self.path)

    def _checked(self, name: str, kind: type) -> Any:
        value = self.values[name]
        # bool is an int in Python, and neither stands for the other in JSON.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.broken(f"'{name}' is not {_KINDS[kind]}: {str(value)[:60]!r}")
        return value


def read_record(store: Store, key: str) -> Record:
    """Reads a JSON file that holds an object.

    Raises:
        FileNotFoundError: There is no such file.
        DatasetFormatError: It is not valid JSON or holds no object.
        StorageError: It cannot be read.
    """
    data = store.read(key)
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        cause = f"is not valid JSON: {error}" if data else "is empty"
        raise damaged(f"'{key}' {cause}", store.root) from error
    if not isinstance(values, dict):
        raise damaged(f"'{key}' holds no JSON object", store.root)
    return Record(values, key, store.root)

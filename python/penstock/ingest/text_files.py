"""Files of lines."""

from __future__ import annotations

from pathlib import Path

from penstock.errors import DatasetFormatError, StorageError

__all__ = ["lines_of"]


def lines_of(file: Path, what: str) -> list[str]:
    """The lines of a file that are not blank. ``what`` names its kind in errors.

    Raises:
        StorageError, DatasetFormatError: It cannot be read, or is not in UTF-8.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise StorageError(f"the {what} '{file}' cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise DatasetFormatError(f"the {what} '{file}' is not in UTF-8") from None
    return [line for line in lines if line.strip()]

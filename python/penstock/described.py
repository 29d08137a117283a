"""Users' objects in words."""

from __future__ import annotations

import re

__all__ = ["described", "described_error"]

#: Longer texts tell nothing more, and would fill logs.
_MOST_CHARACTERS = 2000


def described(value: object) -> str:
    """An object's ``repr`` in one line, without addresses and the names of modules, which tell nothing and change; cut
    where it is very long.

    The name of its class where ``repr`` fails, gives no text, or gives none: what an object says of itself must not
    decide whether it can be used.
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = ""
    text = re.sub(r"<(?:[^\s<>]+\.)?(\w+) object at 0x[0-9a-fA-F]+>", r"\1", text)
    return _cut(re.sub(r" at 0x[0-9a-fA-F]+", "", text)) or type(value).__name__


def described_error(error: BaseException) -> str:
    """An exception's class and text; its class alone where ``str`` fails or gives nothing."""
    try:
        text = str(error)
    except Exception:
        text = ""
    name = type(error).__name__
    return f"{name}: {_cut(text)}" if text else name


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "..."

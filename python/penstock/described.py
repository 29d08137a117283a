"""Users' objects in words."""

from __future__ import annotations

import re

__all__ = ["described"]


def described(value: object) -> str:
    """An object's ``repr`` in one line, without addresses and the names of modules, which tell nothing and change.

    The name of its class where ``repr`` fails, gives no text, or gives none: what an object says of itself must not
    decide whether it can be used.
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = ""
    return re.sub(r"<(?:[^\s<>]+\.)?(\w+) object at 0x[0-9a-fA-F]+>", r"\1", text) or type(value).__name__

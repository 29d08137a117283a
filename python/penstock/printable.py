"""Text of unknown origin, for terminals and messages."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]

#: Control characters, invisible marks that turn the direction of text, halves of surrogates, breaks of lines.
_ESCAPED = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
#: Joiners, which several scripts and emoji need.
_JOINERS = "\u200c\u200d"


def printable(text: str, *, keep: str = "") -> str:
    """Text whose control characters are written as Python writes them, ``\\x1b``: names in a dataset may hold sequences
    that a terminal would obey. ``keep``: characters that stay, for example line breaks.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _ESCAPED and character not in _JOINERS + keep
        else character
        for character in text
    )

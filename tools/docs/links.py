"""Links in Markdown: found outside code, and replaced."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["is_external", "link_targets", "replace_links"]

#: A block of code, a span of code, or the target of a link or of a picture.
_PIECES = re.compile(
    r"(?P<block>^[ ]*(?P<fence>```+|~~~+).*?^[ ]*(?P=fence)[ ]*$)"
    r"|(?P<span>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<before>\]\()(?P<target>[^)\s]+)(?P<after>(?:\s+\"[^\"]*\")?\))",
    re.MULTILINE | re.DOTALL,
)


def is_external(target: str) -> bool:
    """Whether a target is an address (``https:``, ``mailto:``) rather than a file or a heading."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", target) is not None


def replace_links(text: str, replace: Callable[[str], str]) -> str:
    """The text with ``replace(target)`` in place of the target of each link and picture. Code is left alone, but a
    link whose words are code has a target, too.
    """

    def piece(match: re.Match[str]) -> str:
        if match["target"] is None:
            return match[0]
        return f"{match['before']}{replace(match['target'])}{match['after']}"

    return _PIECES.sub(piece, text)


def link_targets(text: str) -> list[str]:
    """The targets of all links and pictures outside code."""
    found: list[str] = []
    replace_links(text, lambda target: found.append(target) or target)
    return found

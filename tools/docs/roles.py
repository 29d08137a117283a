"""Links in docstrings, which are written as ``:class:`penstock.DataLoader```: an extension of Griffe."""

from __future__ import annotations

import html
import re
from typing import Any

import griffe

__all__ = ["Roles"]

_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):`(?P<short>~?)(?P<name>[^`]+)`")


class Roles(griffe.Extension):
    """Replaces each role by its name as code, with a link where some page of the site has that name."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Griffe calls this for each object that it has read."""
        if obj.docstring is None:
            return

        def link(match: re.Match[str]) -> str:
            name = match["name"]
            shown = name.rpartition(".")[2] if match["short"] else name
            text = f"<code>{html.escape(shown)}</code>"
            return f'<autoref identifier="{html.escape(_full_name(name, obj))}" optional>{text}</autoref>'

        obj.docstring.value = _ROLE.sub(link, obj.docstring.value)


def _full_name(name: str, obj: griffe.Object) -> str:
    """The name with its module and class; of a method, a sibling's name is enough."""
    if name.startswith("penstock."):
        return name
    head, dot, rest = name.partition(".")
    scope: Any = obj
    while scope is not None:
        if head in scope.members:
            return f"{scope.path}.{head}{dot}{rest}"
        scope = scope.parent
    return name

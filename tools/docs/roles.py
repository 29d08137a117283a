"""Two extensions of Griffe: links in docstrings (``:class:`penstock.DataLoader```), and the values of defaults."""

from __future__ import annotations

import html
import re
from typing import Any

import griffe

__all__ = ["Defaults", "Roles"]

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


class Defaults(griffe.Extension):
    """Shows the value of a default that is another class's attribute, ``LoaderOptions.shuffle_window``."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Griffe calls this when it has read all modules of a package."""
        modules: list[Any] = [pkg]
        while modules:
            scope = modules.pop()
            for member in scope.members.values():
                if member.is_alias:
                    continue
                if member.is_module or member.is_class:
                    modules.append(member)
                elif member.is_function:
                    for parameter in member.parameters:
                        parameter.default = _value(parameter.default, member, pkg)


def _value(default: Any, function: Any, pkg: griffe.Module) -> Any:
    owner, dot, name = str(default).partition(".")
    if not dot or not f"{owner}{name}".isidentifier():
        return default
    try:
        found = pkg.modules_collection[f"{function.resolve(owner)}.{name}"]
    except (KeyError, griffe.NameResolutionError):
        return default
    return found.value if found.is_attribute and found.value is not None else default


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

"""Naming what a user may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["nearest", "similar"]

#: So many names are listed.
_LISTED = 10


def nearest(name: str, names: Sequence[str], most: int = 3) -> list[str]:
    """The names that ``name`` may be a slip for, the likeliest first: like letters, the same in another case, or one
    that begins with it, as a commit's long id does.
    """
    found = difflib.get_close_matches(name, names, n=most, cutoff=0.55)
    if not found and name:
        found = [known for known in names if known.lower() == name.lower() or known.startswith(name)]
    return found[:most]


def similar(name: str, names: Sequence[str], nothing: str, most: int = 3) -> str:
    """A hint: the names nearest to ``name``, else some of all names, ``nothing`` where there are none."""
    if not names:
        return nothing
    near = nearest(name, names, most)
    if near:
        return "Did you mean " + " or ".join(f"'{known}'" for known in near) + "?"
    return (
        "Known are: " + ", ".join(f"'{known}'" for known in names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    )

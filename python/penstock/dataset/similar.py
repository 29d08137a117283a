"""Naming what a user may have meant."""

from __future__ import annotations

import difflib

__all__ = ["similar"]


def similar(name: str, names: list[str], nothing: str) -> str:
    """A hint: the names nearest to ``name``, else some of all names, ``nothing`` where there are none."""
    if not names:
        return nothing
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if not nearest and name:
        # Of a commit's id, which is long, the start may have been given.
        nearest = [known for known in names if known.startswith(name)][:3]
    if nearest:
        return "Did you mean " + " or ".join(f"'{near}'" for near in nearest) + "?"
    return "It has: " + ", ".join(f"'{known}'" for known in names[:10]) + (", ..." if len(names) > 10 else "")

"""What a forked child has to make anew: locks that another thread held, connections and threads that are not there."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Forked", "renewed_in_children"]


class Forked(Protocol):
    """What knows how to begin anew in a child."""

    def after_fork(self) -> None:
        """Called in the child."""


_all: weakref.WeakSet[Forked] = weakref.WeakSet()


def renewed_in_children(one: Forked) -> None:
    """Has ``after_fork`` called in each forked child, as long as the object lives."""
    _all.add(one)


def _renew() -> None:
    for one in list(_all):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)

"""How many examples a random test tries, and which."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

__all__ = ["examples"]

#: Set to a number, it has each random test try so many times as many examples, other ones each time.
_TIMES = int(os.environ.get("PENSTOCK_EXPLORE", "0"))


def examples(count: int = 100, **options: Any) -> settings:
    """Settings for ``count`` examples: the same ones each time, so that a change is judged by what it changes.

    Args:
        count: That many, or a multiple of it where PENSTOCK_EXPLORE asks for more.
        options: Those of ``hypothesis.settings``.
    """
    return settings(max_examples=count * max(_TIMES, 1), deadline=None, derandomize=not _TIMES, **options)

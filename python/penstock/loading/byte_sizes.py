"""Numbers of bytes as a user writes them."""

from __future__ import annotations

import re

from penstock.described import described

__all__ = ["byte_size"]

_UNITS = {
    **{"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12},
    **{"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40},
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?|)B?\s*", re.IGNORECASE)


def byte_size(name: str, size: object) -> int:
    """A number of bytes, or text such as "50GB" (10**9 bytes each) or "50 GiB" (2**30); ``name`` is the argument's.

    Raises:
        TypeError, ValueError: It is no size.
    """
    if isinstance(size, bool) or not isinstance(size, int | str):
        raise TypeError(f"{name} must be a number of bytes, or text such as '50GB', got {described(size)}")
    if isinstance(size, str):
        found = _SIZE.fullmatch(size)
        if found is None:
            raise ValueError(f"{name} must be a number of bytes, or text such as '50GB', got {described(size)}")
        count = float(found[1]) * _UNITS[found[2].upper()]
        if count >= 2**63:
            raise ValueError(f"{name} must be below 2**63 bytes, got {described(size)}")
        size = int(count)
    if not 1 <= size < 2**63:
        raise ValueError(f"{name} must be at least 1 and below 2**63 bytes, got {size}")
    return size

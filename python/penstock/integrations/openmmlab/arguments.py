"""Arguments of MMDetection's transforms, as far as a step can express them."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

__all__ = [
    "NotNativeError",
    "color",
    "fill_value",
    "integer",
    "integer_pair",
    "is_integer",
    "is_number",
    "names",
    "not_native",
    "number",
    "numbers",
    "pair",
    "positive_pair",
]


class NotNativeError(Exception):
    """Arguments that a step cannot express; the message names the ones."""


def not_native(**arguments: Any) -> NotNativeError:
    """The error for these arguments."""
    return NotNativeError(", ".join(f"{name}={value!r}" for name, value in arguments.items()))


def is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


# Each of the functions below gives the argument `name` as the steps take it, or raises NotNativeError.


def numbers(name: str, value: Any, count: int) -> tuple[float, ...]:
    if not isinstance(value, (tuple, list)) or len(value) != count or not all(map(is_number, value)):
        raise not_native(**{name: value})
    return tuple(value)


def integer_pair(name: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(map(is_integer, value)):
        raise not_native(**{name: value})
    return int(value[0]), int(value[1])


def positive_pair(name: str, value: Any) -> tuple[int, int]:
    first, second = integer_pair(name, value)
    if first < 1 or second < 1:
        raise not_native(**{name: value})
    return first, second


def pair(name: str, value: Any) -> tuple[float, float]:
    first, second = numbers(name, value, 2)
    return first, second


def color(name: str, value: Any) -> tuple[float, float, float]:
    first, second, third = numbers(name, value, 3)
    return first, second, third


def number(name: str, value: Any) -> float:
    if not is_number(value):
        raise not_native(**{name: value})
    return value  # type: ignore[no-any-return]


def integer(name: str, value: Any) -> int:
    if not is_integer(value):
        raise not_native(**{name: value})
    return int(value)


def fill_value(name: str, value: Any) -> float | tuple[float, float, float]:
    """What mmcv pads with: a number or a tuple, and no list."""
    if isinstance(value, list):
        raise not_native(**{name: value})
    return color(name, value) if isinstance(value, tuple) else number(name, value)


def names(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (tuple, list)) or not all(isinstance(item, str) for item in value):
        raise not_native(**{name: value})
    return tuple(value)

"""Naming what a user may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

from penstock.errors import ConfigError
from penstock.similar import similar

__all__ = ["check_choice", "check_integer", "check_keys", "did_you_mean"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to ``name``, or all of them when none is near."""
    return similar(name, sorted(known), "There are none", most=1)


def check_choice(what: str, value: object, known: Iterable[str]) -> None:
    """Raises ConfigError for what is none of the known words."""
    words = list(known)
    if value not in words:
        raise ConfigError(f"{what}: there is no '{value}'", hint=did_you_mean(str(value), words))


def check_integer(what: str, value: object, least: int) -> None:
    """Raises ConfigError for what is no int of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ConfigError(f"{what} must be an int of at least {least}, got {value!r}")


def check_keys(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises ConfigError for the first key that is not known, and for what has no keys."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: a dict is needed, got {given!r}")
    words = set(known)
    for key in given:
        if key not in words:
            raise ConfigError(f"{where}: unknown key '{key}'", hint=did_you_mean(key, words))

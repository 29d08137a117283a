"""Naming what a user may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

from penstock.described import described
from penstock.errors import ConfigError
from penstock.similar import similar

__all__ = ["check_choice", "check_integer", "check_keys", "did_you_mean"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to ``name``, or all of them when none is near."""
    return similar(name, sorted(known), "There are none", most=1)


def check_choice(what: str, value: object, known: Iterable[str]) -> None:
    """Raises ConfigError for what is none of the known words."""
    words = list(known)
    if not isinstance(value, str) or value not in words:
        word = value if isinstance(value, str) else described(value)
        raise ConfigError(f"{what}: there is no '{word}'", hint=did_you_mean(word, words))


def check_integer(what: str, value: object, least: int) -> None:
    """Raises ConfigError for what is no int of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ConfigError(f"{what} must be an int of at least {least}, got {described(value)}")


def check_keys(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises ConfigError for the first key that is not known, and for what has no keys."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: a dict is needed, got {described(given)}")
    words = set(known)
    for key in given:
        if key not in words:
            word = key if isinstance(key, str) else described(key)
            raise ConfigError(f"{where}: unknown key '{word}'", hint=did_you_mean(word, words))

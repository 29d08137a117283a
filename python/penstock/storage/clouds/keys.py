"""Checks of what ``creds`` holds. Values are never named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.checks import did_you_mean
from penstock.errors import ConfigError

__all__ = ["UNSIGNED", "check_known", "flag", "is_unsigned", "text"]

#: Words for a bucket that anybody reads; fsspec's, obstore's and ours.
UNSIGNED = ("unsigned", "anon", "skip_signature")


def check_known(given: Mapping[str, Any], known: set[str], cloud: str) -> None:
    """Raises ConfigError for a key that is not known, by which a mistyped secret would be ignored."""
    for key in given:
        if key not in known:
            word = key if isinstance(key, str) and len(key) < 40 else "one that is no name"
            raise ConfigError(f"creds for {cloud}: unknown key '{word}'", hint=did_you_mean(str(word), known))


def text(given: Mapping[str, Any], *names: str) -> str | None:
    """The first of these that is given and not empty. Raises ConfigError where it is no text."""
    for name in names:
        value = given.get(name)
        if value is not None and value != "":
            if not isinstance(value, str):
                raise ConfigError(f"creds: '{name}' must be text, not {type(value).__name__}")
            return value
    return None


def flag(given: Mapping[str, Any], *names: str) -> bool:
    """Whether one of these is true. Raises ConfigError where it is neither True nor False."""
    for name in names:
        if not isinstance(given.get(name, False), bool):
            raise ConfigError(f"creds: '{name}' must be True or False, not {type(given[name]).__name__}")
    return any(given.get(name, False) for name in names)


def is_unsigned(given: Mapping[str, Any]) -> bool:
    """Whether requests go out without a signature."""
    return flag(given, *UNSIGNED)

"""Naming what a user may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from penstock.errors import ConfigError

__all__ = ["check_keys", "did_you_mean"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to ``name``, or all of them when none is near."""
    words = sorted(known)
    nearest = difflib.get_close_matches(name, words, n=1, cutoff=0.6)
    # "coco" and "map" have no letter in common with what is meant.
    nearest = nearest or [word for word in words if word.lower() == name.lower()]
    if nearest:
        return f"Did you mean '{nearest[0]}'?"
    return "Known are: " + ", ".join(f"'{word}'" for word in words)


def check_keys(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises ConfigError for the first key that is not known."""
    words = set(known)
    for key in given:
        if key not in words:
            raise ConfigError(f"{where}: unknown key '{key}'", hint=did_you_mean(key, words))

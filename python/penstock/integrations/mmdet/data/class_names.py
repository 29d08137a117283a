"""The key ``classes`` of a configuration: names, or a file that lists them."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.datasets import CustomDataset

from penstock.errors import ConfigError

__all__ = ["class_names"]


def class_names(classes: Sequence[str] | str) -> tuple[str, ...]:
    """The names of the classes to use.

    Args:
        classes: A list of names, or the path of a file with a name in each line.

    Raises:
        ConfigError: Neither; or no name, or one twice.
    """
    if not isinstance(classes, str) and not (
        isinstance(classes, Sequence) and all(isinstance(name, str) for name in classes)
    ):
        raise ConfigError(f"classes: a list of names is needed, got {classes!r}")
    try:
        names: tuple[str, ...] = tuple(CustomDataset.get_classes(classes))
    except OSError as error:
        raise ConfigError(
            f"classes: {classes!r} would be a file that lists them, and cannot be read",
            hint=f"Of a single class: classes=({classes!r},)",
        ) from error
    if not names:
        raise ConfigError(f"classes: {classes!r} leaves none", hint="Leave it out to use all")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"classes: '{twice}' is listed twice")
    return names

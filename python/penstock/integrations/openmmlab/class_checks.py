"""Whether classes fit: those of a detector's heads, of training and of validation."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from penstock.errors import ConfigError

__all__ = ["check_heads", "check_same_classes"]

logger = logging.getLogger("penstock")

_NOT_HEADS = {"backbone", "neck"}
#: So many names are listed in a message.
_NAMES = 5


def check_same_classes(train: Sequence[str], val: Sequence[str], keys: tuple[str, str], choose: str) -> None:
    """Warns where names differ, which may be other words for the same.

    Args:
        train, val: The classes of both datasets.
        keys: What both are called in the configuration.
        choose: How classes are chosen there.

    Raises:
        ConfigError: Other classes, or the same in another order.
    """
    if train == val:
        return
    cause = f"{keys[1]} has other classes than {keys[0]}: {_listed(val)}, not {_listed(train)}"
    if len(train) != len(val) or sorted(train) == sorted(val):
        raise ConfigError(cause, hint=f"Choose the same for both, in the same order: {choose}")
    logger.warning("%s", cause)


def check_heads(
    model: torch.nn.Module, classes: Sequence[str], others: tuple[type, ...], key: str, choose: str
) -> None:
    """Compares the heads of a detector with the classes that it is trained on.

    Args:
        model: The detector.
        classes: Those of the dataset.
        others: Classes of modules whose ``num_classes`` is something else.
        key: What the dataset is called in the configuration.
        choose: How classes are chosen there.

    Raises:
        ConfigError: A head for another number of classes.
    """
    for name, count in _class_counts(model, others):
        if count != len(classes):
            raise ConfigError(
                f"{name} is {count}, and {key} has {_listed(classes)}",
                hint=f"Set it to {len(classes)}, or choose {count} of the classes: {choose}",
            )


def _class_counts(model: torch.nn.Module, others: tuple[type, ...]) -> Iterator[tuple[str, int]]:
    """The numbers of classes of a model's heads, by their keys in the configuration."""
    for name, module in model.named_modules():
        count: Any = getattr(module, "num_classes", None)
        if isinstance(count, int) and not isinstance(module, others) and not _NOT_HEADS & set(name.split(".")):
            yield ".".join(["model", *name.split("."), "num_classes"] if name else ["model", "num_classes"]), count


def _listed(classes: Sequence[str]) -> str:
    names = ", ".join(f"'{name}'" for name in classes[:_NAMES])
    return f"{len(classes)} classes ({names}{', ...' if len(classes) > _NAMES else ''})"

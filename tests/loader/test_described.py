"""What a user's object says of itself does not decide whether it can be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.described import described

Lakes = Callable[[str], Path]


class Raises:
    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __call__(self, sample: dict[str, Any]) -> dict[str, Any]:
        return sample


class NoText(Raises):
    def __repr__(self) -> str:
        return None  # type: ignore[return-value]


class Plain:
    pass


class Lines(Raises):
    def __repr__(self) -> str:
        return "Lines(\n   a=1,\n   b=2)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Raises(), "Raises"),
        (NoText(), "NoText"),
        (Plain(), "Plain"),
        (Lines(), "Lines( a=1, b=2)"),
        (3, "3"),
        ("", "''"),
        (len, "<built-in function len>"),
        ([Plain()], "[Plain]"),
        (lambda: 0, "<function <lambda>>"),
    ],
)
def test_text(value: object, text: str) -> None:
    assert described(value) == text


def test_very_long_texts_are_cut() -> None:
    assert len(described("x" * 10**7)) == 2000


class Mute(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


def fail(sample: dict[str, Any]) -> None:
    raise Mute


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_an_error_without_text_is_named(lake: Lakes, loader_type: str, num_workers: int, native: Any) -> None:
    loader = penstock.DataLoader(
        lake("equal_images"), 4, tensors=["jpegs"], transform=fail, num_workers=num_workers, loader_type=loader_type
    )
    with loader, pytest.raises(penstock.errors.TransformError, match=r"the transform raised Mute"):
        list(loader)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("transform", [Raises(), NoText()], ids=["raises", "no text"])
def test_a_transform_without_text_loads(lake: Lakes, transform: Any, loader_type: str, native: Any) -> None:
    loader = penstock.DataLoader(
        lake("equal_images"), 4, tensors=["jpegs"], transform=transform, collate_fn=list, loader_type=loader_type
    )
    assert type(transform).__name__ in loader.explain()
    assert sum(len(batch) for batch in loader) == len(loader.dataset)

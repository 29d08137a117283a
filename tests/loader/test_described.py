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
    ],
)
def test_text(value: object, text: str) -> None:
    assert described(value) == text


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("transform", [Raises(), NoText()], ids=["raises", "no text"])
def test_a_transform_without_text_loads(lake: Lakes, transform: Any, loader_type: str, native: Any) -> None:
    loader = penstock.DataLoader(
        lake("equal_images"), 4, tensors=["jpegs"], transform=transform, collate_fn=list, loader_type=loader_type
    )
    assert type(transform).__name__ in loader.explain()
    assert sum(len(batch) for batch in loader) == len(loader.dataset)

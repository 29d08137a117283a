"""What a compiled transform asks of the loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Color", "Program"]

#: Channel order in which an image tensor is decoded. ``"native"`` is what Deep Lake returns: gray, RGB or RGBA as
#: stored. ``"rgb"`` and ``"bgr"`` are always uint8 of shape (h, w, 3): gray is replicated, alpha dropped.
Color = Literal["native", "rgb", "bgr"]


@dataclass(frozen=True)
class Program:
    """A transform as the loader runs it: what to decode, what to call per sample, how to make a batch.

    Attributes:
        call: Takes one sample (a dict of numpy arrays) and returns what ``collate`` takes; None leaves samples as
            they are.
        collate: Takes the list of a batch's samples; None selects the loader's own collate.
        color: Channel order for each output key that holds an image; keys not named are ``"native"``.
        needs_index: The sample handed to ``call`` carries ``"index"`` even when the user did not ask for it.
        describe: One line for each step, for logs.
    """

    call: Callable[[dict[str, Any]], Any] | None = None
    collate: Callable[[list[Any]], Any] | None = None
    color: Mapping[str, Color] = field(default_factory=dict)
    needs_index: bool = False
    describe: tuple[str, ...] = ()

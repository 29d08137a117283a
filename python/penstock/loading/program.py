"""What a compiled transform asks of the loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from penstock.loading.draws import Stream

if TYPE_CHECKING:
    from penstock.loading.native.part import NativePart

__all__ = ["Color", "Program", "StepReport"]

#: Channel order in which an image tensor is decoded. ``"native"`` is what Deep Lake returns: gray, RGB or RGBA as
#: stored. ``"rgb"`` and ``"bgr"`` are always uint8 of shape (h, w, 3): gray is replicated, alpha dropped.
#: ``"gray"`` is uint8 of shape (h, w), as OpenCV reads files: a JPEG's luma, else weighted RGB.
Color = Literal["native", "rgb", "bgr", "gray"]


@dataclass(frozen=True)
class StepReport:
    """Where one step of a transform runs.

    Attributes:
        step: The step, as its configuration reads.
        native: Whether it runs in C++ threads, with the C++ loader.
        reason: Why it does not; "" where it does.
    """

    step: str
    native: bool
    reason: str = ""

    @property
    def name(self) -> str:
        """The step without its arguments."""
        return self.step.split("(")[0] or self.step


@dataclass(frozen=True)
class Program:
    """A transform as the loader runs it: what to decode, what to call per sample, how to make a batch.

    Attributes:
        call: Takes one sample (a dict of numpy arrays) and returns what ``collate`` takes; None leaves samples as
            they are.
        run: In place of ``call``: takes the sample and its stream of random numbers.
        collate: Takes the list of a batch's samples; None selects the loader's own collate.
        color: Channel order for each output key that holds an image; keys not named are ``"native"``.
        needs_index: The sample handed to ``call`` carries ``"index"`` even when the user did not ask for it.
        reads: The keys of the sample that ``run`` needs; None: all.
        native: The part of it that the C++ core can run; None where it has no such part.
        steps: For each step, where it runs.
    """

    call: Callable[[dict[str, Any]], Any] | None = None
    run: Callable[[dict[str, Any], Stream], Any] | None = None
    collate: Callable[[list[Any]], Any] | None = None
    color: Mapping[str, Color] = field(default_factory=dict)
    needs_index: bool = False
    reads: tuple[str, ...] | None = None
    native: NativePart | None = None
    steps: tuple[StepReport, ...] = ()

    @property
    def python(self) -> bool:
        """Whether Python sees single samples, also with the C++ loader."""
        if self.run is not None:
            return self.native is None or self.native.complete is None
        return self.call is not None

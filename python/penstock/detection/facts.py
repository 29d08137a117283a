"""What is known of each kind of step; see :mod:`penstock.detection.steps`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

__all__ = ["Facts", "Step"]

Need = Literal["color", "boxes", "uint8"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What lowering, both loaders and the drawing of samples know of a kind of step. None has a default: a new step
    states them all.

    Attributes:
        partners: How many other samples it mixes in.
        needs: What the core needs for it: "color": images with three channels; "boxes": they are loaded before it;
            "uint8": no step before it has made the image float32.
        gives_float: The image is float32 after it, whatever its arguments.
        may_reject: It may reject a sample, whatever its arguments.
        told_by: Keys of the notes that tell where it has moved what is in the image: () where all stays in its place,
            None where no note tells.
        notes: Keys of the notes that it sets in every sample.
    """

    partners: int
    needs: tuple[Need, ...]
    gives_float: bool
    may_reject: bool
    told_by: tuple[str, ...] | None
    notes: tuple[str, ...]


class Step:
    """The base of all steps.

    Attributes:
        facts: What is known of its class. The methods below say what depends on a step's arguments.
    """

    facts: ClassVar[Facts]

    def gives_float(self) -> bool:
        """Whether the image is float32 after the step."""
        return self.facts.gives_float

    def may_reject(self) -> bool:
        """Whether the step may reject a sample."""
        return self.facts.may_reject

    def why_not_native(self) -> str:
        """Why the core cannot run the step with its arguments; "" where it can."""
        return ""

    def noted(self) -> tuple[str, ...]:
        """Keys of the notes that the step sets in every sample."""
        return self.facts.notes

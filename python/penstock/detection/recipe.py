"""The pipeline of an item, and which of its steps mix in other samples."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.detection import steps as st

__all__ = ["Level", "Recipe", "mixes", "mixes_in_python", "partners_of", "parts_of", "takes_from_cache"]


@dataclass(frozen=True, eq=False)
class Level:
    """A part of a pipeline whose steps mix in samples of one dataset, as that gives them.

    Attributes:
        key: Stands for that dataset: pipelines of different items meet in levels of one key.
        begin: Number of the level's first step; samples that are mixed in go through the steps before it.
        pool: int64: the items of that dataset; None: all.
    """

    key: Hashable
    begin: int
    pool: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Recipe:
    """The pipeline of an item.

    Attributes:
        steps: Its steps, lowered: steps that penstock has itself, and MMDetection's or the user's own objects.
        levels: Its levels, in order; none where nothing mixes.
    """

    steps: tuple[Any, ...]
    levels: tuple[Level, ...] = ()

    @classmethod
    def of_one_dataset(cls, steps: Sequence[Any]) -> Recipe:
        """A pipeline whose steps mix in samples as the steps before the first of these have left them; one that takes
        them from a cache, as all steps before it have.
        """
        mixing = [number for number, step in enumerate(steps) if mixes(step)]
        begins = {number if takes_from_cache(steps[number]) else mixing[0] for number in mixing}
        return cls(tuple(steps), tuple(Level(begin, begin) for begin in sorted(begins)))

    def level(self, number: int) -> Level:
        """The level of a step that mixes."""
        return next(level for level in reversed(self.levels) if level.begin <= number)

    def steps_before(self, key: Hashable) -> int:
        """Number of the steps before a level."""
        return next(level.begin for level in self.levels if level.key == key)

    @property
    def partner_steps(self) -> tuple[int, ...]:
        """For each step, how many of the steps a sample goes through before it is mixed in there; 0 for those that mix
        in none.
        """
        return tuple(self.level(number).begin if mixes(step) else 0 for number, step in enumerate(self.steps))

    @property
    def mixing_levels(self) -> tuple[Level, ...]:
        """The levels in which a step mixes."""
        found = [self.level(number) for number, step in enumerate(self.steps) if mixes(step)]
        return tuple(level for level in self.levels if level in found)


def takes_from_cache(step: Any) -> bool:
    """Whether a step of penstock's own mixes in what has come before in the epoch."""
    return bool(getattr(step, "cached", False))


def mixes(step: Any) -> bool:
    """Whether a step mixes in other samples."""
    return partners_of(step) > 0 or mixes_in_python(step)


def partners_of(step: Any) -> int:
    """How many other samples a step of penstock's own mixes in."""
    return step.facts.partners if isinstance(step, st.Step) else 0


def parts_of(recipe: Recipe, count: int) -> int:
    """How many samples penstock's own steps mix into a sample in the first ``count`` steps, those that are mixed into
    these included.
    """
    own = [(number, partners_of(step)) for number, step in enumerate(recipe.steps[:count])]
    return sum(
        partners * (1 + parts_of(recipe, recipe.level(number).begin)) for number, partners in own if partners
    )


def mixes_in_python(step: Any) -> bool:
    """Whether a step is a transform that mixes as MMDetection has it: it chooses items, and finds them in results. One
    with a cache of its own asks for none.
    """
    transform = step.transform if isinstance(step, st.PythonStep) else None
    return hasattr(transform, "get_indexes") and not hasattr(transform, "results_cache")

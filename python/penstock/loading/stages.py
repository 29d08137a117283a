"""How much of an epoch is done, whatever numbers of ranks have done it.

An epoch may be begun by four ranks and gone on with by two: what is done is then a list of stages. In each, all ranks
have taken equally many samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from penstock.errors import ConfigError

__all__ = ["Stage", "Stages", "after", "stages_from_state", "stages_to_state", "taken"]


class Stage(NamedTuple):
    """What so many ranks have done of an epoch.

    Attributes:
        world_size: How many ranks.
        each: How many samples each of them has taken.
    """

    world_size: int
    each: int


#: One after the other; nothing is done where there are none.
Stages = tuple[Stage, ...]


def taken(done: Stages) -> int:
    """Samples that all ranks together have taken."""
    return sum(stage.world_size * stage.each for stage in done)


def after(done: Stages, world_size: int, each: int) -> Stages:
    """What is done when each of so many ranks has taken so many samples more."""
    if each == 0:
        return done
    if done and done[-1].world_size == world_size:
        return (*done[:-1], Stage(world_size, done[-1].each + each))
    return (*done, Stage(world_size, each))


def stages_to_state(done: Stages) -> list[list[int]]:
    """As lists of numbers, which JSON can hold."""
    return [list(stage) for stage in done]


def stages_from_state(state: Any) -> Stages:
    """Reads what :func:`stages_to_state` gave.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(state, Iterable):
        raise ConfigError(f"the state is damaged: 'done' is {state!r}")
    stages = []
    for entry in state:
        pair = list(entry) if isinstance(entry, list | tuple) else []
        if len(pair) != 2 or not all(isinstance(number, int) and number >= 0 for number in pair) or pair[0] == 0:
            raise ConfigError(f"the state is damaged: 'done' is {state!r}")
        stages.append(Stage(*pair))
    return tuple(stages)

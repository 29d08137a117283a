"""A loader's state: where an epoch is, and of what. Plain numbers and text, which JSON can hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.errors import ConfigError
from penstock.loading.program import Program
from penstock.loading.stages import Stages, stages_from_state, stages_to_state

__all__ = ["LoaderState", "pipeline_fingerprint"]

_VERSION = 3
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_BOUND = 2**63


@dataclass(frozen=True)
class LoaderState:
    """Where an iteration is.

    Attributes:
        epoch: The epoch.
        done: What all ranks have taken of it.
        batches: How many batches this rank has taken of it.
        seed: The loader's; None where it was not drawn yet.
        dataset: Stands for the samples.
        order: Says how they are ordered.
        pipeline: Stands for the transform.
        sampler: What a sampler of the user's own was like when the epoch began, where that can be told.
    """

    epoch: int
    done: Stages
    batches: int
    seed: int | None
    dataset: str
    order: str
    pipeline: str
    sampler: Mapping[str, Any] | None = field(default=None)

    def to_dict(self) -> dict[str, Any]:
        """As a dict."""
        return {
            "version": _VERSION,
            "epoch": self.epoch,
            "done": stages_to_state(self.done),
            "batch": self.batches,
            "seed": self.seed,
            "dataset": self.dataset,
            "order": self.order,
            "pipeline": self.pipeline,
            "sampler": None if self.sampler is None else dict(self.sampler),
        }

    @classmethod
    def from_dict(cls, state: Any) -> LoaderState:
        """Reads what :meth:`to_dict` gave.

        Raises:
            ConfigError: It is something else, or damaged.
        """
        if not isinstance(state, Mapping):
            raise ConfigError(f"a state is a dict that state_dict() gave, not {type(state).__name__}")
        if state.get("version") != _VERSION:
            raise ConfigError(
                f"the state cannot be resumed here: its version is {state.get('version')!r}, this one reads {_VERSION}",
                hint="It was written by another version of Penstock, or by something else",
            )
        sampler = state.get("sampler")
        if sampler is not None and not isinstance(sampler, Mapping):
            raise ConfigError(f"the state is damaged: 'sampler' is {sampler!r}")
        return cls(
            epoch=_number(state, "epoch"),
            done=stages_from_state(state.get("done")),
            batches=_number(state, "batch"),
            seed=None if state.get("seed", 0) is None else _number(state, "seed"),
            dataset=_text(state, "dataset"),
            order=_text(state, "order"),
            pipeline=_text(state, "pipeline"),
            sampler=sampler,
        )

    def check_fits(self, own: LoaderState) -> None:
        """Raises ConfigError unless it is of the same dataset, order and pipeline as another."""
        for key in ("dataset", "order", "pipeline"):
            theirs, ours = getattr(self, key), getattr(own, key)
            if theirs != ours:
                raise ConfigError(
                    f"the state cannot be resumed here: its {key} is {theirs!r}, this loader's is {ours!r}"
                )


def pipeline_fingerprint(program: Program) -> str:
    """Sixteen hex digits that stand for a transform: for its steps, or for a callable's name."""
    if program.call is not None:
        call: Any = program.call
        named = call if hasattr(call, "__qualname__") else type(call)
        text = f"{named.__module__}.{named.__qualname__}"
    else:
        text = "\n".join(step.step for step in program.steps)
    return hashlib.sha256(_ADDRESS.sub("", text).encode()).hexdigest()[:16]


def _number(state: Mapping[str, Any], key: str) -> int:
    value = state.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _BOUND:
        raise ConfigError(f"the state is damaged: {key!r} is {value!r}")
    return value


def _text(state: Mapping[str, Any], key: str) -> str:
    value = state.get(key)
    if not isinstance(value, str):
        raise ConfigError(f"the state is damaged: {key!r} is {value!r}")
    return value

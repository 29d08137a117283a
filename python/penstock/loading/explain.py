"""Where the steps of a transform run, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from penstock.loading.program import Program, StepReport

__all__ = ["NO_TRANSFORM", "as_line", "as_text", "steps_as_run", "where_it_runs", "why_python"]

NO_TRANSFORM = "no transform: samples come out as they are stored"
#: Longer steps are cut, so that the reasons beside them can be read.
_MOST_COLUMNS = 68


def steps_as_run(program: Program, reason: str) -> tuple[StepReport, ...]:
    """Where each step of a program really runs.

    Args:
        program: The program, as it was compiled.
        reason: Why this loader runs none of it natively; "" where it runs what it can.
    """
    if reason:
        return tuple(replace(step, native=False, reason=reason) for step in program.steps)
    if program.native is None or program.native.complete is not None:
        return program.steps
    # What the core could do at the end is left to Python where samples have to go there anyway.
    last = len(program.native.steps)
    others = [step for step in program.steps if not step.native]
    why = "what comes after it runs in Python" if others else "it does not make one of MMDetection's usual batches"
    return tuple(
        replace(step, native=False, reason=why) if step.native and number >= last else step
        for number, step in enumerate(program.steps)
    )


def why_python(program: Program, loader_type: str, asked: str, collate_fn: Callable[[list[Any]], Any] | None) -> str:
    """Why a loader does not run what it could natively; "" where it does."""
    if loader_type == "python":
        return "the Python loader was chosen" if asked == "python" else "the C++ extension is not installed"
    if collate_fn is not None and program.native is not None:
        return "collate_fn takes samples as the whole pipeline returns them"
    return ""


def as_text(steps: Sequence[StepReport]) -> str:
    """One line a step: a mark ("+" native, "-" Python), the step, where it runs and, for Python, why."""
    if not steps:
        return NO_TRANSFORM
    texts = [_shortened(step.step) for step in steps]
    width = max(map(len, texts))
    return "\n".join(
        f"{'+' if step.native else '-'} {text:{width}}  {where_it_runs(step)}"
        for step, text in zip(steps, texts, strict=True)
    )


def as_line(steps: Sequence[StepReport]) -> str:
    """All steps by their names in one line, for logs."""
    if not steps:
        return NO_TRANSFORM
    native = [step.name for step in steps if step.native]
    python = [f"{step.name} ({step.reason})" for step in steps if not step.native]
    parts = [("in C++", native), ("in Python", python)]
    return "; ".join(f"{where}: {', '.join(names)}" for where, names in parts if names)


def where_it_runs(step: StepReport) -> str:
    """In C++, or in Python and why."""
    return "C++" if step.native else f"Python: {step.reason}"


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_COLUMNS else text[: _MOST_COLUMNS - 3] + "..."

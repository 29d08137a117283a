"""From a user's transform to the program that the loader runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.dataset import Dataset, Tensor
from penstock.described import described
from penstock.loading.program import Program, StepReport

__all__ = ["compile_transform"]


def compile_transform(
    transform: Program | Callable[[dict[str, Any]], Any] | Sequence[Mapping[str, Any]] | None,
    *,
    dataset: Dataset,
    tensors: Mapping[str, Tensor],
) -> Program:
    """The program of a transform: nothing, a callable (or a program made before), or an MMDetection pipeline.

    Raises:
        TypeError: Anything else.
        ConfigError: A pipeline that cannot work.
    """
    if transform is None:
        return Program()
    if isinstance(transform, Program):
        return transform
    if callable(transform):
        return Program(call=transform, steps=(StepReport(described(transform), False, "it is a Python callable"),))
    if isinstance(transform, Sequence) and all(isinstance(step, Mapping) for step in transform):
        from penstock.integrations.mmdet.pipeline.program import compile_pipeline

        return compile_pipeline(
            [dict(step) for step in transform],
            dataset=dataset,
            tensors={key: tensor.name for key, tensor in tensors.items()},
        )
    raise TypeError(f"transform must be a callable or a list of dicts, got {type(transform).__name__}")

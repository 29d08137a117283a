"""From a user's transform to the program that the loader runs.

What a list of dicts means is an integration's to say. It registers how it compiles such a pipeline by the name of the
function, which is imported with the first pipeline: neither the loader nor ``import penstock`` imports a framework.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from penstock.dataset import Dataset, Tensor
from penstock.described import described
from penstock.loading.program import Program, StepReport

__all__ = ["PipelineCompiler", "compile_transform", "register_compiler"]


class PipelineCompiler(Protocol):
    """Makes the program of a list of dicts."""

    def __call__(self, steps: Sequence[Mapping[str, Any]], *, dataset: Dataset, tensors: Mapping[str, str]) -> Program:
        """The program.

        Args:
            steps: The pipeline.
            dataset: What it runs on.
            tensors: Names of its tensors by the keys of a sample.

        Raises:
            ConfigError: A pipeline that cannot work.
        """


_compiler: str | None = None


def register_compiler(compiler: str) -> None:
    """Says what lists of dicts are compiled by, from now on.

    Args:
        compiler: A :class:`PipelineCompiler`, as "module:function".
    """
    global _compiler
    _compiler = compiler


def compile_transform(
    transform: Program | Callable[[dict[str, Any]], Any] | Sequence[Mapping[str, Any]] | None,
    *,
    dataset: Dataset,
    tensors: Mapping[str, Tensor],
) -> Program:
    """The program of a transform: nothing, a callable (or a program made before), or a pipeline of an integration.

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
        compile_pipeline = _pipeline_compiler()
        names = {key: tensor.name for key, tensor in tensors.items()}
        return compile_pipeline([dict(step) for step in transform], dataset=dataset, tensors=names)
    raise TypeError(f"transform must be a callable or a list of dicts, got {type(transform).__name__}")


def _pipeline_compiler() -> PipelineCompiler:
    assert _compiler is not None, "penstock/__init__.py imports the integrations, which register it"
    module, _, function = _compiler.partition(":")
    return cast(PipelineCompiler, getattr(importlib.import_module(module), function))

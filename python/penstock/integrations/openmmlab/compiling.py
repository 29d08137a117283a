"""Which MMDetection a pipeline is of, where a loader is given a list of dicts: the one that is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from penstock.dataset import Dataset
from penstock.loading.program import Program

__all__ = ["compile_pipeline"]


def compile_pipeline(steps: Sequence[Mapping[str, Any]], *, dataset: Dataset, tensors: Mapping[str, str]) -> Program:
    """As :class:`~penstock.loading.compile.PipelineCompiler`, in version 3's way where that is installed, else in
    version 2's.
    """
    if _is_version_3():
        from penstock.integrations.mmdet3.pipeline import compiling

        return compiling.compile_pipeline(steps, dataset=dataset, tensors=tensors)
    from penstock.integrations.mmdet.pipeline import dataset_program

    return dataset_program.compile_pipeline(steps, dataset=dataset, tensors=tensors)


def _is_version_3() -> bool:
    for name in ("mmdet", "onedl-mmdetection"):
        try:
            return metadata.version(name).startswith("3.")
        except metadata.PackageNotFoundError:
            continue
    return False

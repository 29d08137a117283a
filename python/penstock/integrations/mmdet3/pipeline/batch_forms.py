"""PackDetInputs: from arrays to what MMDetection 3 makes its batches of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmdet.datasets import transforms

from penstock.detection.reference import Results
from penstock.detection.steps import BatchForm, Facts
from penstock.integrations.mmdet3.pipeline.results import outgoing

__all__ = ["PackDetInputs"]


@dataclass(frozen=True)
class PackDetInputs(BatchForm):
    """The image as a tensor (c, h, w) in "inputs", and a ``DetDataSample`` of what is annotated in it, with those of
    the notes ``meta_keys`` that are there.
    """

    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=(), notes=())
    collects = False

    meta_keys: tuple[str, ...]

    def __call__(self, results: Results) -> dict[str, Any]:
        packed: dict[str, Any] = transforms.PackDetInputs(self.meta_keys).transform(outgoing(results))
        return packed

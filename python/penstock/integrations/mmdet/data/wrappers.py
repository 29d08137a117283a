"""MMDetection 2's dataset wrappers, as a loader goes through them; see :class:`FlatDataset`."""

from __future__ import annotations

from typing import Any

from mmdet.datasets import ClassBalancedDataset, ConcatDataset, MultiImageMixDataset, RepeatDataset

from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS, lower
from penstock.integrations.openmmlab.flat_dataset import Kinds

__all__ = ["KINDS", "leaves_of"]

#: What MMDetection 2's trees of datasets are made of.
KINDS = Kinds(
    leaf=DeepLakeCocoDataset,
    concat=(ConcatDataset,),
    repeat=(RepeatDataset,),
    balanced=(ClassBalancedDataset,),
    mix=(MultiImageMixDataset,),
    load=LoadImageFromDeepLake,
    lower=lower,
    wrappers=WRAPPERS,
)


def leaves_of(dataset: Any) -> list[DeepLakeCocoDataset]:
    """The Deep Lake datasets in a tree of wrappers, from left to right."""
    return KINDS.leaves(dataset)

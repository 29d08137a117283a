"""What a DatasetMapper of Detectron2 is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from detectron2.data import DatasetMapper

from penstock.checks import check_choice
from penstock.errors import ConfigError

__all__ = ["MapperSettings"]


@dataclass(frozen=True, eq=False)
class MapperSettings:
    """The settings of a mapper, by the names that DatasetMapper's constructor has for them.

    Attributes:
        is_train: Whether samples get "instances".
        augmentations: Detectron2's objects.
        image_format: Of the images, as PIL names it, or "BGR".
        use_instance_mask: Whether the instances get masks.
        instance_mask_format: "polygon" or "bitmask".
        recompute_boxes: Whether boxes are made anew of the masks.
    """

    is_train: bool
    augmentations: tuple[Any, ...]
    image_format: str
    use_instance_mask: bool
    instance_mask_format: str
    recompute_boxes: bool

    @classmethod
    def of(cls, mapper: DatasetMapper) -> MapperSettings:
        """Those of a mapper.

        Raises:
            ConfigError: Keypoints or proposals, which the datasets do not have, or an unknown format of masks.
        """
        if mapper.use_keypoint:
            raise ConfigError("keypoints are not read from Deep Lake datasets", hint="Set MODEL.KEYPOINT_ON to False")
        if mapper.proposal_topk is not None:
            raise ConfigError(
                "proposals are not read from Deep Lake datasets", hint="Set MODEL.LOAD_PROPOSALS to False"
            )
        check_choice("instance_mask_format", mapper.instance_mask_format, ("polygon", "bitmask"))
        return cls(
            is_train=bool(mapper.is_train),
            augmentations=tuple(mapper.augmentations.augs),
            image_format=mapper.image_format,
            use_instance_mask=bool(mapper.use_instance_mask),
            instance_mask_format=mapper.instance_mask_format,
            recompute_boxes=bool(mapper.recompute_boxes),
        )

"""What Detectron2's DatasetMapper makes of an image, from pixels that the loader has decoded and maybe moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from detectron2.data import detection_utils
from detectron2.data import transforms as T
from PIL import Image

from penstock.described import described_error
from penstock.detection import steps as st
from penstock.detection.dataset_dicts import DatasetDicts
from penstock.detection.reference.image_moves import Blended, drawn_moves, image_after, size_after
from penstock.errors import PenstockError, TransformError
from penstock.integrations.detectron2.images import Images
from penstock.integrations.detectron2.instances import Objects, core_objects, moved_instances, read_objects
from penstock.integrations.detectron2.mapper_settings import MapperSettings
from penstock.integrations.detectron2.transforms import transform_of
from penstock.loading.draws import Stream
from penstock.loading.native.part import NativeSample

__all__ = ["Mapping"]


@dataclass(frozen=True, eq=False)
class Mapping:
    """Takes images and their annotations through a mapper's augmentations.

    Attributes:
        images: What is loaded.
        settings: The mapper's.
        steps: Its augmentations, lowered; the first loads the image.
    """

    images: Images
    settings: MapperSettings
    steps: tuple[Any, ...]

    def run(self, sample: dict[str, Any], stream: Stream) -> dict[str, Any]:
        """All of it in Python, of a sample's "index" and its image "img", decoded."""
        part, index = self.images.at(int(sample["index"]))
        image = sample["img"]
        if isinstance(self.steps[0], st.PythonStep):
            image = detection_utils.convert_PIL_to_numpy(Image.fromarray(image), self.settings.image_format)
        objects = None
        if self.settings.is_train:
            objects = read_objects(part, index, masks=self.settings.use_instance_mask)
        return self._finished(part, index, image, [], 1, stream, objects)

    def resume(self, sample: NativeSample, number: int, stream: Stream) -> dict[str, Any]:
        """The steps from ``number`` on, of a sample that the core has brought there. Where none is left, its image has
        its channels first.
        """
        part, index = self.images.at(int(sample.meta["index"]))
        height, width = part.source.sizes[index].tolist()
        done: list[Any] = []
        for before in range(1, number):
            for move in drawn_moves(self.steps[before], (height, width), stream.step(before)):
                done.append(move)
                height, width = size_after([move], (height, width))
        objects = core_objects(sample, rounded=self.images.rounded_polygons)
        image = sample.image if number < len(self.steps) else sample.image.transpose(1, 2, 0)
        return self._finished(part, index, image, done, number, stream, objects)

    def _finished(
        self,
        part: DatasetDicts,
        index: int,
        image: npt.NDArray[Any],
        done: list[Any],
        number: int,
        stream: Stream,
        objects: Objects | None,
    ) -> dict[str, Any]:
        """``done``: what the steps before ``number`` have done to the image, as moves."""
        given = T.AugInput(image)
        for place in range(number, len(self.steps)):
            step = self.steps[place]
            if isinstance(step, st.PythonStep):
                done.append(_called(step, given))
                continue
            for move in drawn_moves(step, given.image.shape[:2], stream.step(place)):
                done.append(move)
                if isinstance(move, Blended):
                    given.image = image_after(step, [move], given.image)
                else:
                    given.transform(transform_of(move))
        data = part.image_fields(index)
        data["image"] = torch.from_numpy(np.ascontiguousarray(given.image.transpose(2, 0, 1)))
        if objects is not None:
            data["instances"] = moved_instances(objects, done, given.image.shape[:2], self.settings)
        return data


def _called(step: st.PythonStep, given: Any) -> Any:
    """What an augmentation of Detectron2's or the user's draws; it changes ``given``."""
    augmentation = step.transform
    try:
        if isinstance(augmentation, T.Transform):
            given.transform(augmentation)
            return augmentation
        return augmentation(given)
    except PenstockError:
        raise
    except Exception as error:
        name = type(augmentation).__name__
        raise TransformError(f"'{name}' raised {described_error(error)}") from error



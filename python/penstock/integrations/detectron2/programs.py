"""A mapper of Detectron2's as the loader's transform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from detectron2.data import DatasetMapper

from penstock.described import described, described_error
from penstock.detection import steps as st
from penstock.detection.native_steps import native_steps
from penstock.errors import ConfigError, PenstockError, TransformError
from penstock.extras import import_extra
from penstock.integrations.detectron2.files import file_given, serve_files
from penstock.integrations.detectron2.images import Images
from penstock.integrations.detectron2.lowering import flat, lower
from penstock.integrations.detectron2.mapper_settings import MapperSettings
from penstock.integrations.detectron2.mapping import Mapping
from penstock.loading.draws import Stream
from penstock.loading.native.part import NativePart, NativeSample
from penstock.loading.program import Program, StepReport

__all__ = ["as_given", "mapper_program"]


def mapper_program(images: Images, mapper: Callable[[dict[str, Any]], Any]) -> Program:
    """The program of a mapper.

    Args:
        images: What is loaded.
        mapper: Detectron2's DatasetMapper, whose augmentations run in the core as far as that can; or any other
            callable, which takes a dataset's dict and reads the image by its name.

    Raises:
        ConfigError: Keypoints, proposals, or masks of datasets that have none.
        MissingExtraError: Polygons are to be cropped, and shapely is not installed.
    """
    if type(mapper) is not DatasetMapper:
        report = StepReport(described(mapper), False, "it is a mapper of the user's own")
        return Program(run=_Called(images, mapper), collate=as_given, needs_index=True, steps=(report,))
    settings = MapperSettings.of(mapper)
    steps = tuple(lower(settings.augmentations, settings.image_format))
    mapping = Mapping(images, settings, steps)
    _check_masks(images, settings, steps)
    why = _why_not_images(images)
    count, reason = native_steps(steps, images.polygons, why)
    color = steps[0].color if isinstance(steps[0], st.LoadImage) else "rgb"
    return Program(
        run=mapping.run,
        collate=as_given,
        color={"img": color},
        needs_index=True,
        reads=("img", "gt_masks") if _masks_wanted(images, settings) else ("img",),
        native=_native_part(mapping, count) if count else None,
        steps=_reports(settings, steps, count, reason),
    )


def as_given(samples: list[Any]) -> list[Any]:
    """A batch is the list of its samples."""
    return list(samples)


@dataclass(frozen=True)
class _Called:
    """Gives a mapper of the user's own the dicts, with the images' files at hand."""

    images: Images
    mapper: Callable[[dict[str, Any]], Any]

    def __call__(self, sample: dict[str, Any], stream: Stream) -> Any:
        part, index = self.images.at(int(sample["index"]))
        # A process of its own may know no dataset by name.
        serve_files(part)
        record = part.of(index)
        content = sample.get("img")
        try:
            if not isinstance(content, bytes):
                return self.mapper(record)
            with file_given(record["file_name"], content):
                return self.mapper(record)
        except PenstockError:
            raise
        except Exception as error:
            raise TransformError(f"the mapper raised {described_error(error)}") from error


@dataclass(frozen=True)
class _Resume:
    mapping: Mapping
    number: int

    def __call__(self, sample: NativeSample, stream: Stream) -> Any:
        return self.mapping.resume(sample, self.number, stream)


def _native_part(mapping: Mapping, count: int) -> NativePart:
    """The core runs the first ``count`` steps, and reads what is annotated."""
    settings, images = mapping.settings, mapping.images
    whole = count == len(mapping.steps)
    steps: list[Any] = list(mapping.steps[:count])
    masks = _masks_wanted(images, settings)
    bitmaps = masks and not images.polygons
    if settings.is_train:
        steps.append(st.LoadAnnotations(with_mask=masks, poly2mask=bitmaps))
    if whole:
        steps.append(st.Format())
    return NativePart(
        steps=tuple(steps),
        table=_Table(images, settings.is_train),
        image="img",
        masks="gt_masks" if masks else None,
        bitmaps=bitmaps,
        gray=False,
        layout="planes" if whole else "rows",
        pad_value=0,
        resume=_Resume(mapping, count),
    )


@dataclass(frozen=True)
class _Table:
    images: Images
    annotated: bool

    def __call__(self) -> Any:
        return self.images.table(annotated=self.annotated)


def _masks_wanted(images: Images, settings: MapperSettings) -> bool:
    return settings.is_train and settings.use_instance_mask and "gt_masks" in images.tensors


def _check_masks(images: Images, settings: MapperSettings, steps: tuple[Any, ...]) -> None:
    if not (settings.is_train and settings.use_instance_mask):
        return
    if "gt_masks" not in images.tensors:
        raise ConfigError(
            "the mapper needs masks (MODEL.MASK_ON), and the datasets have none, or not all of one kind",
            path=images.source.path,
            hint="Name their tensor: register_deeplake(..., tensors={'gt_masks': '...'})",
        )
    if images.polygons is not False and settings.instance_mask_format == "polygon" and any(map(_crops, steps)):
        import_extra("shapely.geometry", "cropping polygons", "", "Install it with: pip install shapely")
    if images.polygons is False and settings.instance_mask_format == "polygon":
        raise ConfigError(
            "the masks are bitmaps, and the mapper makes polygons",
            path=images.source.path,
            hint="Set INPUT.MASK_FORMAT to 'bitmask'",
        )


def _crops(step: Any) -> bool:
    augmentation = step.transform if isinstance(step, st.PythonStep) else step
    return "Crop" in type(augmentation).__name__


def _why_not_images(images: Images) -> str:
    """Why the core's steps cannot start from the images; "" where they can."""
    tensor = images.source[images.tensors["img"]]
    apart: str = tensor.apart
    if apart or tensor.serves_core_transforms("numpy"):
        return apart
    return f"the core does not decode the images of '{tensor.name}', or not each as one file"


def _reports(settings: MapperSettings, steps: tuple[Any, ...], count: int, reason: str) -> tuple[StepReport, ...]:
    names = [f"read_image({settings.image_format})", *(described(one) for one in flat(settings.augmentations))]
    reports = []
    for number, (name, step) in enumerate(zip(names, steps, strict=True)):
        why = step.reason if isinstance(step, st.PythonStep) else "it comes after"
        reports.append(StepReport(name, number < count, "" if number < count else reason if number == count else why))
    return tuple(reports)

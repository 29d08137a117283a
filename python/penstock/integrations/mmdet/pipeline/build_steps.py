"""From the steps of a pipeline's configuration to the objects that run them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmcv.utils import build_from_cfg
from mmdet.datasets.builder import PIPELINES
from mmdet.datasets.pipelines import LoadAnnotations

from penstock.checks import did_you_mean
from penstock.dataset import Tensor
from penstock.errors import ConfigError
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake

__all__ = ["build_steps", "check_steps", "is_test_pipeline", "loads_masks", "loads_polygons"]

_NOT_YET = {
    "LoadImageFromWebcam": "images come from the dataset",
    "LoadMultiChannelImageFromFiles": "images come from the dataset",
    "LoadPanopticAnnotations": "masks are not read",
    "LoadProposals": "proposals are not read",
}
#: The keys under which steps have steps within.
_INNER = {"MultiScaleFlipAug": ("transforms",), "AutoAugment": ("policies",), "Compose": ("transforms",)}
_ANNOTATIONS_NOT_YET = {"with_seg": "gt_semantic_seg"}
_KEYS_NOT_YET = ("gt_semantic_seg", "proposals")


def build_steps(steps: Sequence[Mapping[str, Any]], image: Tensor, *, test_mode: bool) -> list[Any]:
    """The callables of a pipeline, for MMDetection's ``Compose``.

    ``LoadImageFromFile`` becomes a step that takes the image which the loader decoded. Where a pipeline does
    not begin with it, or a training pipeline has no ``LoadAnnotations``, they are put in front: in Deep
    Lake's own examples they are left out.

    Raises:
        ConfigError: A step that does not exist, does not take its arguments or is not supported yet, by its
            number.
    """
    check_steps(steps)
    types = [_type_name(step) for step in steps]
    built = [_build(step, f"pipeline step {number}", image) for number, step in enumerate(steps, start=1)]
    if "LoadImageFromFile" not in types:
        built.insert(0, LoadImageFromDeepLake(image))
    if not test_mode and "LoadAnnotations" not in types:
        position = next(i for i, step in enumerate(built) if isinstance(step, LoadImageFromDeepLake))
        built.insert(position + 1, LoadAnnotations())
    return built


def check_steps(steps: Any, where: str = "") -> None:
    """Raises ConfigError for what cannot be a pipeline: a step that does not exist or is not supported yet, by its
    number.
    """
    prefix = f"{where}: " if where else ""
    if isinstance(steps, (str, Mapping)) or not isinstance(steps, Sequence) or not steps:
        raise ConfigError(f"{prefix}pipeline: a list of dicts is needed, got {steps!r}")
    for number, step in enumerate(steps, start=1):
        _check_step(step, f"{prefix}pipeline step {number}")


def is_test_pipeline(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a pipeline neither loads nor collects annotations."""
    return not any(
        _type_name(step) == "LoadAnnotations"
        or (_type_name(step) == "Collect" and any(key.startswith("gt_") for key in step.get("keys", ())))
        for step in _walk(steps)
    )


def loads_polygons(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a pipeline wants masks as polygons."""
    return any(
        _type_name(step) == "LoadAnnotations" and step.get("with_mask") and not step.get("poly2mask", True)
        for step in _walk(steps)
    )


def loads_masks(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a pipeline loads masks."""
    return any(_type_name(step) == "LoadAnnotations" and step.get("with_mask") for step in _walk(steps))


def _walk(steps: Any) -> Iterator[Mapping[str, Any]]:
    """All steps, those inside of others too (MultiScaleFlipAug's transforms, AutoAugment's policies)."""
    if isinstance(steps, Mapping):
        if "type" in steps:
            yield steps
        for value in steps.values():
            yield from _walk(value)
    elif isinstance(steps, (list, tuple)):
        for step in steps:
            yield from _walk(step)


def _transforms(step: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A step and the transforms within. What other steps are made of, such as Albu's, are no transforms of
    MMDetection's.
    """
    yield step
    pending = [step[key] for key in _INNER.get(_type_name(step), ()) if key in step]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping) and "type" in value:
            yield from _transforms(value)
        elif isinstance(value, (list, tuple)):
            pending += value


def _check_step(step: Any, where: str) -> None:
    if not isinstance(step, Mapping) or "type" not in step:
        raise ConfigError(f"{where}: a dict with a 'type' is needed, got {step!r}")
    for inner in _transforms(step):
        name = _type_name(inner)
        if not inspect.isclass(inner["type"]) and PIPELINES.get(name) is None:
            raise ConfigError(
                f"{where}: there is no transform '{name}'", hint=did_you_mean(name, PIPELINES.module_dict)
            )
    for inner in _walk(step):
        name = _type_name(inner)
        if name in _NOT_YET:
            raise ConfigError(f"{where}: '{name}' is not supported yet: {_NOT_YET[name]}")
        if name == "LoadAnnotations":
            for argument, key in _ANNOTATIONS_NOT_YET.items():
                if inner.get(argument):
                    raise ConfigError(f"{where}: '{key}' ({argument}=True) is not supported yet")
        if name == "Collect":
            for key in _KEYS_NOT_YET:
                if key in inner.get("keys", ()):
                    raise ConfigError(f"{where}: '{key}' is not supported yet")


def _type_name(step: Mapping[str, Any]) -> str:
    kind = step.get("type")
    return kind.__name__ if inspect.isclass(kind) else str(kind)


def _build(step: Mapping[str, Any], where: str, image: Tensor) -> Any:
    arguments = dict(step)
    try:
        if _type_name(step) == "LoadImageFromFile":
            del arguments["type"]
            return LoadImageFromDeepLake(image, **arguments)
        return build_from_cfg(arguments, PIPELINES)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.cause}", hint=error.hint) from error
    except Exception as error:
        # MMDetection's transforms check their arguments with assertions, among others.
        why = str(error).replace(LoadImageFromDeepLake.__name__, "LoadImageFromFile")
        raise ConfigError(f"{where}: '{_type_name(step)}' cannot be built: {why}") from error

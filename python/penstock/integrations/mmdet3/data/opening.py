"""From the keys of a dataset in a configuration to what is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.dataset import Dataset, DatasetLike, open_dataset
from penstock.detection.tensors import DetectionTensors, resolve_tensors
from penstock.errors import ConfigError
from penstock.integrations.mmdet3.pipeline.transforms import loads_annotations, loads_masks
from penstock.integrations.openmmlab.credentials import creds_of

__all__ = ["Given", "class_names", "opened", "tensors_of"]


class Given:
    """A dataset that was passed, as a ``deeplake_path``: copies of a configuration have the same one.

    Args:
        dataset: The dataset, or its path.
    """

    def __init__(self, dataset: DatasetLike) -> None:
        self.dataset = dataset

    def __deepcopy__(self, memo: dict[int, Any]) -> Given:
        return self

    def __repr__(self) -> str:
        return "<a dataset that was passed>"


def opened(where: str, path: Any, keys: Mapping[str, Any]) -> Dataset:
    """The dataset that the keys describe.

    Raises:
        ConfigError: There is no path, or something else in its place.
        PenstockError: What :func:`penstock.open` raises.
    """
    if isinstance(path, Given):
        return open_dataset(path.dataset)
    if not path:
        raise ConfigError(f"{where} has no deeplake_path")
    if isinstance(path, (list, tuple)):
        raise ConfigError(
            f"{where}: deeplake_path is one path, got {len(path)}",
            hint="Join datasets by dict(type='ConcatDataset', datasets=[...])",
        )
    try:
        return open_dataset(
            path,
            commit=keys.get("deeplake_commit_id") or None,
            view=keys.get("deeplake_view_id") or None,
            creds=creds_of(keys.get("deeplake_credentials"), path, where),
        )
    except TypeError as error:
        raise ConfigError(f"{where}: deeplake_path: {error}") from None


def tensors_of(
    dataset: Dataset, given: Mapping[str, str] | None, pipeline: Sequence[Any], *, test_mode: bool
) -> DetectionTensors:
    """The tensors that a pipeline and metrics need; see :func:`resolve_tensors`. In testing a dataset may be without
    boxes, where the pipeline loads none.
    """
    needed = not test_mode or loads_annotations(pipeline)
    try:
        return resolve_tensors(dataset, given, masks=loads_masks(pipeline))
    except ConfigError:
        if needed:
            raise
        return resolve_tensors(dataset, given, annotations=False)


def class_names(classes: Any) -> tuple[str, ...] | None:
    """The names of the classes to use, of ``metainfo``; None: all.

    Raises:
        ConfigError: No list of names; or no name, or one twice.
    """
    if classes is None:
        return None
    if isinstance(classes, str) or not isinstance(classes, Sequence) or not all(isinstance(n, str) for n in classes):
        raise ConfigError(
            f"metainfo.classes: a list of names is needed, got {classes!r}",
            hint=f"Of a single class: metainfo=dict(classes=({classes!r},))" if isinstance(classes, str) else None,
        )
    names = tuple(classes)
    if not names:
        raise ConfigError("metainfo.classes: it has no name", hint="Leave it out to use all")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"metainfo.classes: '{twice}' is listed twice")
    return names

"""Deep Lake datasets in Detectron2's catalogs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import BoxMode

from penstock.checks import did_you_mean
from penstock.dataset import DatasetLike, open_dataset
from penstock.detection.dataset_dicts import DatasetDicts
from penstock.detection.source import Source
from penstock.detection.tensors import resolve_tensors
from penstock.errors import ConfigError
from penstock.integrations.detectron2.files import ANNOTATIONS, PREFIX, serve_files

__all__ = ["register_deeplake", "registered"]

_datasets: dict[str, DatasetDicts] = {}


def register_deeplake(
    name: str,
    path: DatasetLike,
    tensors: Mapping[str, str] | None = None,
    *,
    commit: str | None = None,
    view: str | None = None,
    creds: Any = None,
    classes: Sequence[str] | None = None,
    **metadata: Any,
) -> None:
    """Registers a dataset in Detectron2's DatasetCatalog and MetadataCatalog. No image is read.

    ``DatasetCatalog.get(name)`` gives the dicts that Detectron2's ``load_coco_json`` gives of the files that the
    dataset was made of. Names of files in them begin with ``deeplake://{name}/``: Detectron2's ``read_image`` reads
    them, as all that goes through its PathManager. The metadata are "thing_classes",
    "thing_dataset_id_to_contiguous_id", "evaluator_type" ("coco"), "image_root" and "json_file", which COCOEvaluator
    reads: its annotations are made when it asks for them, and lie in no file on a disk.

    Args:
        name: Under which Detectron2's configuration names it.
        path: The dataset, as :func:`penstock.open` takes it.
        tensors: Names of its tensors by the keys "img", "gt_bboxes", "gt_labels" and "gt_masks"; those that are not
            named are found by their types. Masks are not needed.
        commit, view, creds: As of :func:`penstock.open`.
        classes: Names of the classes to use; None: all. Where the dataset names none, these are their names.
        metadata: More of them, for the MetadataCatalog.

    Raises:
        ConfigError: A name that is taken, no tensor for a key or several, or a class that the dataset does not have.
        PenstockError: The dataset cannot be read; see :func:`penstock.open`.
    """
    if name in DatasetCatalog:
        raise ConfigError(f"there is a dataset '{name}' in Detectron2's DatasetCatalog already")
    dataset = open_dataset(path, commit=commit, view=view, creds=creds)
    resolved = resolve_tensors(dataset, tensors, masks="gt_masks" in (tensors or {}), argument="tensors")
    root = f"{PREFIX}{name}"
    dicts = DatasetDicts(Source(dataset, resolved, classes=classes), root, BoxMode.XYWH_ABS)
    facts = {
        "thing_classes": dicts.class_names,
        "thing_dataset_id_to_contiguous_id": {number: label for label, number in enumerate(dicts.class_ids)},
        "evaluator_type": "coco",
        "image_root": root,
        "json_file": f"{root}/{ANNOTATIONS}",
        **metadata,
    }
    MetadataCatalog.get(name).set(**facts)
    DatasetCatalog.register(name, lambda: list(dicts))
    _datasets[name] = dicts
    serve_files(dicts)


def registered(name: str) -> DatasetDicts:
    """A dataset that was registered by :func:`register_deeplake`.

    Raises:
        ConfigError: There is none of this name.
    """
    if name not in _datasets or name not in DatasetCatalog:
        raise ConfigError(
            f"'{name}' is no Deep Lake dataset that was registered",
            hint=did_you_mean(name, tuple(_datasets)) if _datasets else "Register it with register_deeplake",
        )
    return _datasets[name]

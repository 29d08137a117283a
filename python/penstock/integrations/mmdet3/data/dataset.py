"""MMDetection 3's dataset over the tensors of a Deep Lake dataset."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from mmdet.datasets import BaseDetDataset
from mmdet.registry import DATASETS
from mmengine.dataset import Compose, force_full_init

from penstock.described import described_error
from penstock.detection.annotation_table import BoxRules, empty_table, flagged_table
from penstock.detection.recipe import Recipe
from penstock.detection.running import PipelineRunner
from penstock.detection.source import Source
from penstock.errors import ConfigError, PenstockError
from penstock.integrations.mmdet3.config import check_dataset_keys, check_filter, checked_options, loader_type_of
from penstock.integrations.mmdet3.data.opening import Given, class_names, opened, tensors_of
from penstock.integrations.mmdet3.data.rules import CocoFormat, VocFormat
from penstock.integrations.mmdet3.pipeline.lowering import WRAPPERS, lower
from penstock.integrations.mmdet3.pipeline.transforms import built_pipeline, loads_masks, loads_polygons
from penstock.integrations.openmmlab.deep_lake_items import DeepLakeItems
from penstock.loading.native.part import AnnotationTable

__all__ = ["DeepLakeDetDataset"]

_WHERE = "DeepLakeDetDataset"


@DATASETS.register_module()
class DeepLakeDetDataset(DeepLakeItems, BaseDetDataset):  # type: ignore[misc]
    """MMDetection's ``CocoDataset`` (or ``VOCDataset``) with the annotations of a Deep Lake dataset in place of a file.

    Information on images comes from the index, so that no image is decoded for it. Annotations are read when the
    first item is asked for, or when :meth:`full_init` is called.

    Args:
        deeplake_path: The dataset; a path, a URL, or a dataset in a :class:`Given`.
        keys: All others; see :mod:`penstock.integrations.mmdet3.config`.

    Attributes:
        detection_source: The dataset, and what every detection framework needs to know of it.
        format: The rules for boxes.
        indices: int64 [len]: which sample of ``source`` each item is.
        loader_type, loader_options: How a loader loads it.
        configured: The pipeline as given, or the one that a hook has put in its place.

    Raises:
        ConfigError: Keys, a pipeline or classes that cannot work, or no image left.
        DatasetFormatError: Tensors that contradict each other.
        PenstockError: What :func:`penstock.open` raises.
    """

    _fully_initialized: bool

    def __init__(self, deeplake_path: str | Given | None = None, **keys: Any) -> None:
        check_dataset_keys(_WHERE, keys)
        keys = dict(keys)
        lazy_init, pipeline = bool(keys.pop("lazy_init", False)), list(keys.pop("pipeline", None) or [])
        ours = {key: keys.pop(key) for key in list(keys) if key.startswith("deeplake_")}
        test_mode = bool(keys.get("test_mode", False))
        metrics_format = ours.get("deeplake_metrics_format") or "COCO"
        self.loader_type = loader_type_of(ours.get("deeplake_dataloader_type"))
        self.loader_options = checked_options(_WHERE, ours.get("deeplake_dataloader"), test_mode)
        self.format = _format_of(metrics_format, keys.get("filter_cfg"), test_mode)
        dataset = opened(_WHERE, deeplake_path, ours)
        tensors = tensors_of(dataset, ours.get("deeplake_tensors"), pipeline, test_mode=test_mode)
        self._metainfo = self._load_metainfo(copy.deepcopy(keys.get("metainfo")))
        self.detection_source = Source(dataset, tensors, classes=class_names(self._metainfo.get("classes")))
        # Annotation files are not read; all the others of MMDetection's keys have a meaning.
        known = {key: keys[key] for key in ("metainfo", "filter_cfg", "max_refetch", "return_classes", "caption_prompt")
                 if keys.get(key) is not None}
        self._pipeline: Any = None
        self.configured: Any = pipeline
        self.indices: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        try:
            super().__init__(
                **known,
                test_mode=test_mode,
                indices=keys.get("indices"),
                pipeline=pipeline,
                serialize_data=False,
                lazy_init=True,
            )
        except PenstockError:
            raise
        except Exception as error:
            # Transforms check their arguments with assertions, among others.
            raise ConfigError(f"{_WHERE}: the pipeline cannot be built: {described_error(error)}") from error
        self._metainfo["classes"] = self.detection_source.classes
        if metrics_format == "PascalVOC":
            self._metainfo.setdefault("dataset_type", None)
        if not lazy_init:
            self.full_init()

    @property
    def pipeline(self) -> Any:
        """MMDetection's ``Compose``, with transforms that take Deep Lake's images in place of those that read files.
        A hook may put another one in its place.
        """
        return self._pipeline

    @pipeline.setter
    def pipeline(self, pipeline: Any) -> None:
        made = built_pipeline(pipeline, self.read_image)
        self._check_masks(made.transforms)
        if self._pipeline is not None:
            self.configured = pipeline
        self._pipeline = made
        for name in ("recipe", "runner"):
            self.__dict__.pop(name, None)

    def check_pipeline(self, steps: Sequence[Any]) -> None:
        """Raises ConfigError where a configured pipeline could not take the place of this one."""
        try:
            made = Compose(copy.deepcopy(list(steps)))
        except Exception as error:
            raise ConfigError(f"the pipeline cannot be built: {described_error(error)}") from error
        self._check_masks(built_pipeline(made, self.read_image).transforms)

    def _check_masks(self, transforms: Sequence[Any]) -> None:
        if loads_masks(transforms) and self.tensors.gt_masks is None:
            raise ConfigError(
                "the pipeline that a hook puts in place loads masks (with_mask=True), and the first one does not",
                path=self.source.path,
                hint="Load them in both",
            )
        if loads_polygons(transforms):
            self.detection_source.check_outlines()

    def full_init(self) -> None:
        """Reads annotations, filters images as MMDetection does, and takes those that ``indices`` names."""
        if self._fully_initialized:
            return
        source = self.detection_source
        if self.test_mode or self.filter_cfg is None:
            source.check_sizes()
            kept = np.arange(len(source), dtype=np.int64)
        else:
            kept = self.format.kept(source)
        self.indices = kept if self._indices is None else _chosen(kept, self._indices)
        if len(self.indices) == 0:
            raise ConfigError("no image is left to load", path=source.path, hint=self._why_empty())
        source.check_masks_reach(self.indices)
        self._fully_initialized = True

    @force_full_init  # type: ignore[untyped-decorator]
    def __len__(self) -> int:
        return len(self.indices)

    @force_full_init  # type: ignore[untyped-decorator]
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """What MMDetection's dataset gives of an item: "img_path", "img_id", "height", "width", "instances" and
        "sample_idx". Each instance has "bbox" (left, top, right, bottom in pixels), "bbox_label", "ignore_flag" and,
        where the dataset has masks, "mask": polygons, or run lengths.
        """
        return self._info(idx, self.tensors.gt_masks or self.tensors.metric_masks)

    def _info(self, idx: int, masks: str | None) -> dict[str, Any]:
        item = range(len(self.indices))[idx]
        index, source = int(self.indices[item]), self.detection_source
        height, width = source.sizes[index].tolist()
        info: dict[str, Any] = {"img_path": source.filenames[index], "img_id": source.image_ids[index]}
        if self.format.name == "COCO":
            info["seg_map_path"] = None
        info |= {"height": height, "width": width}
        if self.return_classes:
            info |= {
                "text": self._metainfo["classes"], "caption_prompt": self.caption_prompt, "custom_entities": True,
            }
        info["instances"] = self._instances(index, masks)
        info["sample_idx"] = item
        return info

    def _instances(self, index: int, masks: str | None) -> list[dict[str, Any]]:
        if self.tensors.gt_bboxes is None:
            return []
        annotations = self.detection_source.annotations
        begin, end = annotations.offsets[index : index + 2].tolist()
        labels, kept, ignored = (values[begin:end].tolist() for values in self.box_rules)
        outlines = None if masks is None else self.detection_source.segmentations(index, masks, end - begin)
        instances = []
        for row, (left, top, width, height) in enumerate(annotations.boxes[begin:end].tolist()):
            if not (kept[row] or ignored[row]):
                continue
            instance = {
                "ignore_flag": int(ignored[row]),
                "bbox": [left, top, left + width, top + height],
                "bbox_label": labels[row],
            }
            if outlines is not None and outlines[row]:
                instance["mask"] = _as_json_has_it(outlines[row])
            instances.append(instance)
        return instances

    @force_full_init  # type: ignore[untyped-decorator]
    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of an item's instances, ignored ones included."""
        begin, end = self.detection_source.annotations.offsets[self.indices[idx] :][:2].tolist()
        labels, kept, ignored = (values[begin:end] for values in self.box_rules)
        found: list[int] = labels[kept | ignored].tolist()
        return found

    def prepare_data(self, idx: int) -> Any:
        """The item after the pipeline, for loaders that are not ours: random numbers are the global generators'."""
        return self.pipeline(self.results_of(idx))

    def get_subset_(self, indices: int | Sequence[int]) -> None:
        """Keeps some of the items: the first so many, the last (a negative number), or those named."""
        self.full_init()
        self.indices = _chosen(self.indices, indices)

    def get_subset(self, indices: int | Sequence[int]) -> DeepLakeDetDataset:
        """Another dataset of some of the items; see :meth:`get_subset_`."""
        self.full_init()
        other = copy.copy(self)
        other.indices = _chosen(self.indices, indices)
        # Its transforms read its own items.
        other.pipeline = copy.copy(self.pipeline)
        other.configured = self.configured
        return other

    @property
    def transforms(self) -> list[Any]:
        """MMDetection's transforms, and others in place of those that read files."""
        return list(self.pipeline.transforms)

    @cached_property
    def recipe(self) -> Recipe:
        """The pipeline of each item."""
        return Recipe.of_one_dataset(lower(self.transforms))

    @cached_property
    def runner(self) -> PipelineRunner:
        """Runs the pipeline in Python."""
        return PipelineRunner(self, self._recipe_of, WRAPPERS)

    @cached_property
    def box_rules(self) -> BoxRules:
        """What becomes of each box of all samples, with its label."""
        return self.format.boxes(self.detection_source)

    @property
    def flag(self) -> npt.NDArray[np.uint8]:
        """The group of each item by its aspect ratio, as ``AspectRatioBatchSampler`` has it: 1 where it is at least as
        wide as high, else 0.
        """
        sizes = self.detection_source.sizes[self.indices]
        return (sizes[:, 1] >= sizes[:, 0]).astype(np.uint8)

    @property
    def groups(self) -> npt.NDArray[np.uint8]:
        """One group: in MMDetection 3 any item takes the place of one that is rejected."""
        return np.zeros(len(self.indices), np.uint8)

    def index_of(self, number: Any, name: str | None = None) -> int | None:
        """The sample whose image has an official number, and a file's name where that is given; None: there is none."""
        index = self._index_of.get(number)
        return None if index is None or name not in (None, self.detection_source.filenames[index]) else index

    @cached_property
    def _index_of(self) -> dict[Any, int]:
        return {number: index for index, number in enumerate(self.detection_source.image_ids)}

    def results_of(self, idx: int) -> dict[str, Any]:
        """What goes into the pipeline: as :meth:`get_data_info`, with masks where the pipeline loads them."""
        self.full_init()
        return self._info(idx, self.tensors.gt_masks)

    def get_ann_info(self, idx: int) -> dict[str, Any]:
        """An item's boxes, float32 [n, 4], by which steps choose partners."""
        boxes = [instance["bbox"] for instance in self._info(idx, None)["instances"]]
        return {"bboxes": np.array(boxes, np.float32).reshape(-1, 4)}

    def names_of(self, index: int) -> dict[str, Any]:
        """What the pipeline notes of where sample ``index`` of ``source`` comes from."""
        source = self.detection_source
        return {"img_path": source.filenames[index], "img_id": source.image_ids[index]}

    def annotation_table(self) -> AnnotationTable:
        """The instances of all items in flat arrays; none where the dataset has no boxes."""
        if self.tensors.gt_bboxes is None:
            return empty_table(self.indices)
        return flagged_table(self.detection_source.annotations, self.indices, self.groups, self.box_rules)

    def _why_empty(self) -> str | None:
        if self.test_mode or self.filter_cfg is None:
            return None
        return f"filter_cfg={dict(self.filter_cfg)} leaves out images without boxes of the classes, and small ones"


def _format_of(name: str, filter_cfg: Mapping[str, Any] | None, test_mode: bool) -> CocoFormat | VocFormat:
    if name not in ("COCO", "PascalVOC"):
        raise ConfigError(f"{_WHERE}: deeplake_metrics_format: there is no {name!r}", hint="Use 'COCO' or 'PascalVOC'")
    found = check_filter(_WHERE, filter_cfg, name, test_mode)
    empty, size = bool(found.get("filter_empty_gt", False)), int(found.get("min_size") or 0)
    return CocoFormat(empty, size) if name == "COCO" else VocFormat(empty, size, found.get("bbox_min_size"))


def _chosen(indices: npt.NDArray[np.int64], which: int | Sequence[int]) -> npt.NDArray[np.int64]:
    if isinstance(which, int):
        return indices[:which] if which >= 0 else indices[which:]
    return indices[np.asarray(which, dtype=np.int64)]


def _as_json_has_it(outline: Any) -> Any:
    """Polygons, or run lengths as text: MMDetection takes no bytes."""
    if isinstance(outline, Mapping) and isinstance(outline["counts"], bytes):
        return {"size": list(outline["size"]), "counts": outline["counts"].decode()}
    return outline

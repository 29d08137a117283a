"""MMDetection 2's COCO dataset over the tensors of a Deep Lake dataset."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO

from penstock.dataset import Dataset
from penstock.detection.annotation_table import BoxRules, annotation_table, coco_rules, corners_of, empty_table
from penstock.detection.annotations import Annotations
from penstock.detection.coco_index import add_areas, add_segmentations, coco_index
from penstock.detection.recipe import Recipe
from penstock.detection.running import MOST_REJECTED, PipelineRunner, rejected_all
from penstock.detection.source import ImageRules, Source
from penstock.detection.tensors import DetectionTensors, masks_for_metrics
from penstock.errors import ConfigError
from penstock.integrations.mmdet.data.class_names import class_names
from penstock.integrations.mmdet.data.hook_masks import as_list
from penstock.integrations.mmdet.data.recalls import check_proposals, recalls_of
from penstock.integrations.mmdet.metric_names import check_metrics
from penstock.integrations.mmdet.pipeline.build_steps import build_steps, loads_polygons
from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS, lower
from penstock.integrations.openmmlab.deep_lake_items import DeepLakeItems
from penstock.loading.draws import Stream
from penstock.loading.native.part import AnnotationTable

__all__ = ["DeepLakeCocoDataset"]


class DeepLakeCocoDataset(DeepLakeItems, CocoDataset):  # type: ignore[misc]
    """MMDetection's ``CocoDataset`` with the annotations of a Deep Lake dataset in place of a json file.

    What MMDetection computes from annotations (which boxes are dropped or ignored, which images are
    filtered, groups by aspect ratio, metrics) is its own code. Images are decoded for samples alone: sizes
    come from the index.

    Args:
        source: The Deep Lake dataset.
        tensors: Its tensors.
        pipeline: MMDetection's pipeline, a list of dicts.
        classes: Names of the classes to use, or a file that lists them; default: all.
        test_mode: No annotations in samples, no filtering.
        filter_empty_gt: Leave out images without a box of the classes; in training only.
        filter_images: Leave out images as MMDetection does in training: those above, and small ones.

    Attributes:
        source, tensors: As given.
        detection_source: Both, and what every detection framework needs to know of them.
        indices: int64 [len]: which sample of ``source`` each item is.
        configured: The pipeline as given.

    Raises:
        ConfigError: A pipeline or classes that cannot work, or no sample left.
        DatasetFormatError: Tensors that contradict each other.
    """

    #: The format of its metrics, as ``deeplake_metrics_format`` names it.
    METRICS_FORMAT = "COCO"

    def __init__(
        self,
        source: Dataset,
        tensors: DetectionTensors,
        pipeline: Sequence[Mapping[str, Any]],
        *,
        classes: Sequence[str] | str | None = None,
        test_mode: bool = False,
        filter_empty_gt: bool = True,
        filter_images: bool = True,
    ) -> None:
        names = None if classes is None else class_names(classes)
        self.detection_source = Source(source, tensors, classes=names)
        self._filter_images = filter_images
        if loads_polygons(pipeline):
            self.detection_source.check_outlines()
        self.configured = list(pipeline)
        steps = build_steps(pipeline, source[tensors.img], test_mode=test_mode)
        super().__init__(
            ann_file=source.path,
            pipeline=steps,
            classes=self.detection_source.classes,
            img_prefix=None,
            test_mode=test_mode,
            filter_empty_gt=filter_empty_gt,
        )
        if len(self.CLASSES) > len(self.PALETTE):
            self.PALETTE: Any = None
        self.indices: npt.NDArray[np.int64] = np.array([info["index"] for info in self.data_infos], dtype=np.int64)
        if len(self.indices) == 0:
            raise ConfigError("no image is left to load", path=source.path, hint=self._why_empty())
        self.detection_source.check_masks_reach(self.indices)

    def load_annotations(self, ann_file: str) -> list[dict[str, Any]]:
        """What MMDetection keeps of each image, in the order of the dataset."""
        own = self.detection_source
        if self.test_mode or not self._filter_images:
            own.check_sizes()
        self.cat_ids = own.used_ids
        self.cat2label = {number: label for label, number in enumerate(self.cat_ids)}
        self.img_ids = own.image_ids
        return [{**image, "filename": image["file_name"]} for image in own.coco_images(range(len(own)))]

    @property
    def annotations(self) -> Annotations:
        """All annotations; see :attr:`Source.annotations`."""
        return self.detection_source.annotations

    @cached_property
    def coco(self) -> Any:
        """The annotations as pycocotools' index, for metrics; built when first asked for. It has segmentations once
        :meth:`prepare_metrics` has been asked for "segm", or where areas are those of masks.
        """
        coco = coco_index(COCO, self.detection_source, self.data_infos)
        add_areas(coco, self.detection_source)
        return coco

    def get_ann_info(self, idx: int) -> dict[str, Any]:
        """Boxes, labels, masks and ignored boxes of an item, by MMDetection's own rules. In testing, where hooks ask
        for them, masks are lists, of polygons or of run lengths, and without a tensor of masks there are none.
        """
        info = self.data_infos[idx]
        masks = self.tensors.gt_masks or (self.tensors.metric_masks if self.test_mode else None)
        rows = self.detection_source.coco_annotations(info["index"], masks)
        parsed: dict[str, Any] = self._parse_ann_info(info, rows)
        if self.test_mode and self.tensors.metric_masks is None:
            del parsed["masks"]
        elif self.test_mode:
            parsed["masks"] = [as_list(segmentation) for segmentation in parsed["masks"]]
        return parsed

    def get_cat_ids(self, idx: int) -> list[int]:
        """Official numbers of the classes of an item's annotations, crowds included."""
        rows = self.detection_source.coco_annotations(self.data_infos[idx]["index"])
        return [int(row["category_id"]) for row in rows]

    def prepare_metrics(self, metrics: str | Iterable[str] | None) -> None:
        """Reads what metrics are computed from, which shows whether they can be.

        Raises:
            ConfigError: A metric that does not exist, or one of masks where the dataset has none.
            DatasetFormatError: Tensors that contradict each other, or a label without a class.
        """
        names = check_metrics(metrics, self.METRICS_FORMAT)
        masks = masks_for_metrics(self.source, self.tensors) if "segm" in names else None
        coco = self.coco
        if masks is not None:
            add_segmentations(coco, self.detection_source, masks)

    def evaluate(
        self, results: list[Any], metric: str | Sequence[str] | None = "bbox", *arguments: Any, **options: Any
    ) -> dict[str, float]:
        """COCO metrics; see MMDetection's ``CocoDataset.evaluate``. No image is decoded.

        Raises:
            ConfigError, DatasetFormatError: As of :meth:`prepare_metrics`.
        """
        names = check_metrics(metric, self.METRICS_FORMAT)
        self.prepare_metrics(names)
        if "proposal_fast" in names:
            check_proposals(results)
        # pycocotools prints its progress; MMDetWandbHook evaluates a second time, silently.
        silent = options.get("logger") == "silent"
        with contextlib.redirect_stdout(io.StringIO()) if silent else contextlib.nullcontext():
            metrics: dict[str, float] = super().evaluate(results, names, *arguments, **options)
        return metrics

    def fast_eval_recall(self, results: list[Any], proposal_nums: Any, iou_thrs: Any, logger: Any = None) -> Any:
        """Average recall at each number of proposals, of objects neither crowds nor ignored: "proposal_fast"."""
        own = self.annotations
        truths = [
            corners_of(own.boxes[rows][~(own.crowds | own.ignored)[rows]])
            for rows in (slice(*own.offsets[index : index + 2]) for index in self.indices)
        ]
        return recalls_of(truths, results, proposal_nums, iou_thrs, logger=logger).mean(axis=1)

    def __getitem__(self, idx: int) -> Any:
        """The item after the pipeline, as MMDetection's own dataset gives it: its random numbers are drawn from the
        global generators. Where the pipeline mixes images, which there takes a wrapper, they follow from those.
        """
        index = int(self.indices[idx])
        if self.recipe.levels:
            return self.runner.run({"index": index}, Stream(int(np.random.randint(2**31)), 0, index))
        item = idx
        for _ in range(MOST_REJECTED):
            data = self.pipeline(self.results_of(item))
            if data is not None or self.test_mode:
                return data
            item = int(self._rand_another(item))
        raise rejected_all(*self.place_of(idx))

    @cached_property
    def runner(self) -> PipelineRunner:
        """Runs the pipeline in Python."""
        return PipelineRunner(self, self._recipe_of, WRAPPERS)

    @cached_property
    def recipe(self) -> Recipe:
        """The pipeline of each item."""
        return Recipe.of_one_dataset(self.steps)

    @property
    def transforms(self) -> list[Any]:
        """MMDetection's transforms, and others in place of those that read files."""
        return list(self.pipeline.transforms)

    @cached_property
    def steps(self) -> list[Any]:
        """The pipeline, lowered: penstock's own steps, and MMDetection's or the user's objects."""
        return lower(self.pipeline.transforms)

    @property
    def groups(self) -> npt.NDArray[np.uint8]:
        """Group by aspect ratio of each item."""
        return self.flag

    def results_of(self, idx: int) -> dict[str, Any]:
        """What goes into the pipeline."""
        results: dict[str, Any] = {"img_info": self.data_infos[idx]}
        if not self.test_mode:
            results["ann_info"] = self.get_ann_info(idx)
        self.pre_pipeline(results)
        return results

    def names_of(self, index: int) -> dict[str, Any]:
        """What the pipeline notes of where sample ``index`` of ``source`` comes from."""
        name = self.detection_source.filenames[index]
        return {"filename": name, "ori_filename": name}

    def annotation_table(self) -> AnnotationTable:
        """What :meth:`get_ann_info` gives of all items, in flat arrays; without annotations in testing."""
        if self.test_mode:
            return empty_table(self.indices)
        return annotation_table(self.annotations, self.indices, self.flag, self.box_rules)

    @cached_property
    def box_rules(self) -> BoxRules:
        """What becomes of each box of all samples, with its label."""
        return self._box_rules(self.detection_source.training_labels(self.cat_ids))

    def _box_rules(self, labels: npt.NDArray[np.int64]) -> BoxRules:
        return BoxRules(labels, *coco_rules(self.annotations, self.detection_source.sizes, labels))

    def _filter_imgs(self, min_size: int = 32) -> list[int]:
        if not self._filter_images:
            return list(range(len(self.data_infos)))
        rules = ImageRules(filter_empty=bool(self.filter_empty_gt), min_size=min_size)
        kept: list[int] = self.detection_source.kept(rules).tolist()
        self.img_ids = [self.img_ids[i] for i in kept]
        return kept

    def _set_group_flag(self) -> None:
        """As MMDetection's, which goes through the images one by one."""
        self.flag: npt.NDArray[np.uint8] = self.detection_source.groups[[info["index"] for info in self.data_infos]]

    def _why_empty(self) -> str | None:
        if self.test_mode or not self._filter_images:
            return None
        return "Images without boxes of the classes (filter_empty_gt) and those below 32 pixels are left out"

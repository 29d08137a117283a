"""MMDetection's COCO dataset over the tensors of a Deep Lake dataset."""

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
from penstock.detection.annotations import Annotations, read_annotations
from penstock.detection.categories import Categories, read_categories
from penstock.detection.coco_index import add_areas, add_segmentations, coco_annotations, coco_index
from penstock.detection.image_infos import file_names, image_infos, image_numbers
from penstock.detection.running import MOST_REJECTED, PipelineRunner, Recipe, rejected_all
from penstock.detection.segmentations import are_polygons, segmentations
from penstock.detection.tensors import DetectionTensors, masks_for_metrics
from penstock.errors import ConfigError, DatasetFormatError
from penstock.integrations.mmdet.data.hook_masks import as_list
from penstock.integrations.mmdet.data.recalls import check_proposals, recalls_of
from penstock.integrations.mmdet.metric_names import check_metrics
from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS, lower
from penstock.integrations.mmdet.pipeline.steps import build_steps, loads_polygons
from penstock.loading.draws import Stream
from penstock.loading.native.part import AnnotationTable
from penstock.loading.program import Color

__all__ = ["DeepLakeCocoDataset"]


class DeepLakeCocoDataset(CocoDataset):  # type: ignore[misc]
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
        self.source = source
        self.tensors = tensors
        self._filter_images = filter_images
        if classes is not None:
            classes = self._class_list(classes)
        if tensors.gt_labels is not None:
            self._categories = read_categories(source, tensors.gt_labels, classes)
            classes = classes or self._categories.names
        else:
            self._categories = Categories((), ())
        self._check_masks(pipeline)
        self.configured = list(pipeline)
        steps = build_steps(pipeline, source[tensors.img], test_mode=test_mode)
        super().__init__(
            ann_file=source.path,
            pipeline=steps,
            classes=classes or (),
            img_prefix=None,
            test_mode=test_mode,
            filter_empty_gt=filter_empty_gt,
        )
        if len(self.CLASSES) > len(self.PALETTE):
            self.PALETTE: Any = None
        self.indices: npt.NDArray[np.int64] = np.array([info["index"] for info in self.data_infos], dtype=np.int64)
        if len(self.indices) == 0:
            raise ConfigError("no image is left to load", path=source.path, hint=self._why_empty())
        self._check_masks_reach()

    def load_annotations(self, ann_file: str) -> list[dict[str, Any]]:
        """What MMDetection keeps of each image, in the order of the dataset."""
        chosen = self._categories.chosen(self.CLASSES or None)
        self.cat_ids = [number for number, use in zip(self._categories.ids, chosen, strict=True) if use]
        self.cat2label = {number: label for label, number in enumerate(self.cat_ids)}
        self._check_sizes()
        self.img_ids = image_numbers(self.source, self.tensors.image_id, len(self._sizes))
        names = file_names(self.source, self.tensors.filename, len(self._sizes))
        return image_infos(self.img_ids, self._sizes, self.source[self.tensors.img].sample_compression, names)

    @cached_property
    def annotations(self) -> Annotations:
        """All annotations; read when they are first asked for.

        Raises:
            DatasetFormatError: Tensors that contradict each other, or a label without a class.
        """
        if self.tensors.gt_bboxes is None:
            raise ConfigError("this dataset was built without boxes and labels", path=self.source.path)
        annotations = read_annotations(self.source, self.tensors, self._sizes)
        self._check_labels(annotations)
        return annotations

    @cached_property
    def coco(self) -> Any:
        """The annotations as pycocotools' index, for metrics; built when first asked for. It has segmentations once
        :meth:`prepare_metrics` has been asked for "segm", or where areas are those of masks.
        """
        coco = coco_index(COCO, self.annotations, self._categories, self.data_infos)
        add_areas(coco, self.source, self.tensors)
        return coco

    def get_ann_info(self, idx: int) -> dict[str, Any]:
        """Boxes, labels, masks and ignored boxes of an item, by MMDetection's own rules. In testing, where hooks ask
        for them, masks are lists, of polygons or of run lengths, and without a tensor of masks there are none.
        """
        info = self.data_infos[idx]
        parsed: dict[str, Any] = self._parse_ann_info(info, self._annotations_of(info, masks=True))
        if self.test_mode and self.tensors.metric_masks is None:
            del parsed["masks"]
        elif self.test_mode:
            parsed["masks"] = [as_list(segmentation) for segmentation in parsed["masks"]]
        return parsed

    def get_cat_ids(self, idx: int) -> list[int]:
        """Official numbers of the classes of an item's annotations, crowds included."""
        annotations = self._annotations_of(self.data_infos[idx])
        return [int(annotation["category_id"]) for annotation in annotations]

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
            add_segmentations(coco, self.source, masks)

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

    def _recipe_of(self, item: int) -> Recipe:
        return self.recipe

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

    def item_of(self, index: int) -> int:
        """The item that is sample ``index`` of ``source``, which is one of them."""
        return int(np.searchsorted(self.indices, index))

    @property
    def groups(self) -> npt.NDArray[np.uint8]:
        """Group by aspect ratio of each item."""
        flags: npt.NDArray[np.uint8] = self.flag
        return flags

    def place_of(self, item: int) -> tuple[str, int]:
        """Path of the dataset and the number of the item's sample in there, whatever the view, for errors."""
        rows = getattr(self.source[self.tensors.img], "rows", None)
        index = int(self.indices[item])
        return self.source.path, index if rows is None else int(rows[index])

    def read_image(self, idx: int, color: Color) -> npt.NDArray[Any]:
        """An item's image, uint8 [height, width, 3] or as ``color`` says."""
        image: npt.NDArray[Any] = self.source[self.tensors.img].read(int(self.indices[idx]), color=color)
        return image

    def results_of(self, idx: int) -> dict[str, Any]:
        """What goes into the pipeline."""
        results: dict[str, Any] = {"img_info": self.data_infos[idx]}
        if not self.test_mode:
            results["ann_info"] = self.get_ann_info(idx)
        self.pre_pipeline(results)
        return results

    def names_of(self, index: int) -> dict[str, Any]:
        """What the pipeline notes of where sample ``index`` of ``source`` comes from."""
        name = self.data_infos[self.item_of(index)]["filename"]
        return {"filename": name, "ori_filename": name}

    def annotation_table(self) -> AnnotationTable:
        """What :meth:`get_ann_info` gives of all items, in flat arrays; without annotations in testing."""
        if self.test_mode:
            return empty_table(self.indices)
        return annotation_table(self.annotations, self.indices, self.flag, self.box_rules)

    @cached_property
    def box_rules(self) -> BoxRules:
        """What becomes of each box of all samples, with its label."""
        labels = np.array([self.cat2label.get(number, -1) for number in self._categories.ids], dtype=np.int64)
        return self._box_rules(labels[self.annotations.labels])

    def _box_rules(self, labels: npt.NDArray[np.int64]) -> BoxRules:
        return BoxRules(labels, *coco_rules(self.annotations, self._sizes, labels))

    def _filter_imgs(self, min_size: int = 32) -> list[int]:
        if not self._filter_images:
            return list(range(len(self.data_infos)))
        keep = self._sizes.min(axis=1) >= min_size
        if self.filter_empty_gt:
            keep &= self.annotations.samples_with(self._categories.chosen(self.CLASSES))
        kept: list[int] = np.flatnonzero(keep).tolist()
        self.img_ids = [self.img_ids[i] for i in kept]
        return kept

    @cached_property
    def polygons(self) -> bool | None:
        """Whether the masks are polygons; None where there are none that the native core could read."""
        return None if self.tensors.gt_masks is None else are_polygons(self.source[self.tensors.gt_masks])

    def _class_list(self, classes: Sequence[str] | str) -> tuple[str, ...]:
        if not isinstance(classes, str) and not (
            isinstance(classes, Sequence) and all(isinstance(name, str) for name in classes)
        ):
            raise ConfigError(f"classes: a list of names is needed, got {classes!r}")
        try:
            names = tuple(self.get_classes(classes))
        except OSError as error:
            raise ConfigError(
                f"classes: {classes!r} would be a file that lists them, and cannot be read",
                hint=f"Of a single class: classes=({classes!r},)",
            ) from error
        if not names:
            raise ConfigError(f"classes: {classes!r} leaves none", hint="Leave it out to use all")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"classes: '{twice}' is listed twice")
        return names

    def _annotations_of(self, info: Mapping[str, Any], *, masks: bool = False) -> list[dict[str, Any]]:
        annotations = coco_annotations(self.annotations, self._categories, info)
        name = self.tensors.gt_masks or (self.tensors.metric_masks if self.test_mode else None)
        if masks and name is not None:
            tensor, size = self.source[name], (info["height"], info["width"])
            found = segmentations(tensor, info["index"], size, len(annotations))
            for annotation, segmentation in zip(annotations, found, strict=True):
                annotation["segmentation"] = segmentation
        return annotations

    @cached_property
    def _sizes(self) -> npt.NDArray[np.int64]:
        """Height and width of each image, int64 [samples, 2]."""
        used = (self.tensors.img, self.tensors.gt_bboxes, self.tensors.gt_labels)
        length = min(len(self.source[name]) for name in used if name is not None)
        return self.source[self.tensors.img].shapes()[:length, :2]

    def _check_masks(self, pipeline: Sequence[Mapping[str, Any]]) -> None:
        if self.tensors.gt_masks is None or not loads_polygons(pipeline):
            return
        masks = self.source[self.tensors.gt_masks]
        if masks.value_format is None:
            raise ConfigError(
                f"the pipeline loads masks as polygons (poly2mask=False), and these have the htype '{masks.htype}'",
                tensor=masks.name,
                path=self.source.path,
                hint="Use poly2mask=True",
            )

    def _check_masks_reach(self) -> None:
        """Raises DatasetFormatError for an item beyond the end of the masks, which no loader could read."""
        if self.tensors.gt_masks is None:
            return
        masks = self.source[self.tensors.gt_masks]
        beyond = self.indices[self.indices >= len(masks)]
        if len(beyond):
            raise DatasetFormatError(
                f"the image has no masks: their tensor has {len(masks)} samples, the images {len(self._sizes)}",
                tensor=masks.name,
                index=int(beyond[0]),
                path=self.source.path,
                hint="Append the missing samples, also the empty ones of images without boxes",
            )

    def _check_sizes(self) -> None:
        empty = np.flatnonzero(self._sizes.min(axis=1) == 0)
        filtered = self._filter_images and not self.test_mode
        if len(empty) and not filtered:
            raise DatasetFormatError(
                "the image is empty", tensor=self.tensors.img, index=int(empty[0]), path=self.source.path
            )

    def _check_labels(self, annotations: Annotations) -> None:
        classes = len(self._categories.names)
        wrong = np.flatnonzero((annotations.labels < 0) | (annotations.labels >= classes))
        if len(wrong):
            sample = int(np.searchsorted(annotations.offsets, wrong[0], side="right")) - 1
            raise DatasetFormatError(
                f"the label {annotations.labels[wrong[0]]} has no class: there are {classes}",
                tensor=self.tensors.gt_labels,
                index=sample,
                path=self.source.path,
            )

    def _why_empty(self) -> str | None:
        if self.test_mode or not self._filter_images:
            return None
        return "Images without boxes of the classes (filter_empty_gt) and those below 32 pixels are left out"

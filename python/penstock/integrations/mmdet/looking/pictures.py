"""From a loader's batches back to pictures: what the model sees, or where that lies in the dataset's images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from mmcv.parallel import DataContainer
from mmdet.datasets import pipelines

from penstock.detection.moves import Moves
from penstock.detection.reference.load import bitmap_of
from penstock.detection.shown import Shown
from penstock.errors import ConfigError
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet.data.wrappers import leaves_of
from penstock.integrations.mmdet.detection_loader import DetectionLoader
from penstock.integrations.mmdet.pipeline.lowering import kind_of_step
from penstock.loading.batch_sampler import own_share

__all__ = ["first_samples"]

_Array = npt.NDArray[Any]

_NO_COLLECT = "the pipeline does not end with Collect: it makes no batches that a model takes"
_AS_FED = "Draw it as fed"
#: Of MMDetection's transforms that penstock has no step for, those that change colors alone.
_COLORS = (
    pipelines.BrightnessTransform,
    pipelines.ColorTransform,
    pipelines.ContrastTransform,
    pipelines.EqualizeTransform,
)


def first_samples(loader: DetectionLoader, count: int, *, original: bool = False) -> list[Shown]:
    """The first samples of a loader's epoch, fewer where it has fewer; of test-time augmentation each view.

    Of training, boxes and masks are what the pipeline gives; else those that the dataset has, moved to where the
    pipeline has moved them.

    Args:
        loader: Of a training or a test pipeline that ends with Collect.
        count: How many.
        original: On the dataset's images, with boxes and masks moved back there.

    Raises:
        ConfigError: A pipeline without Collect; with ``original`` one that cannot be undone.
        PenstockError: What loading raises.
    """
    dataset = _Items(loader.dataset)
    if isinstance(loader.dataset, DeepLakeCocoDataset) and "Collect" not in _kinds(loader.dataset):
        raise ConfigError(_NO_COLLECT)
    if original:
        _check_undone(loader.dataset)
    with own_share():
        batches = [list(batch) for batch in loader.batch_sampler or ()]
    shown: list[Shown] = []
    samples = 0
    for indices, batch in zip(batches, loader, strict=False):
        for place, index in enumerate(indices):
            if samples == count:
                return shown
            samples += 1
            for view, number in _views(batch):
                sample = _Sample.of(view, place, dataset.test_mode)
                _check_notes(sample.meta, loader.dataset, original or dataset.test_mode)
                item = dataset.item(index, sample.meta.get("filename"))
                shown.append(_shown(sample, dataset, item, number, original))
    return shown


@dataclass(frozen=True)
class _Sample:
    """One sample of a batch: image (channels first, or (h, w)), annotations in its pixels, MMDetection's notes."""

    image: _Array
    meta: Mapping[str, Any]
    boxes: _Array | None
    labels: _Array | None
    ignored: _Array
    masks: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, view: Mapping[str, Any], place: int, test_mode: bool) -> _Sample:
        def value(key: str) -> Any:
            return _plain(view[key])[place] if key in view and not test_mode else None

        boxes, labels, ignored, masks = map(value, ("gt_bboxes", "gt_labels", "gt_bboxes_ignore", "gt_masks"))
        image = _plain(view["img"])[place].numpy()
        return cls(
            image=image,
            meta=_plain(view["img_metas"])[place],
            boxes=None if boxes is None else boxes.numpy(),
            labels=None if labels is None else labels.numpy(),
            ignored=np.zeros((0, 4)) if ignored is None else ignored.numpy(),
            masks=None if masks is None else _padded(masks.to_ndarray(), image.shape[-2:]),
        )


class _Items:
    """What a dataset, wrapped or not, says of an item."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.leaves = leaves_of(dataset)
        self.test_mode = self.leaves[0].test_mode
        self._by_name = {
            id(leaf): {info["filename"]: item for item, info in enumerate(leaf.data_infos)} for leaf in self.leaves
        }

    def item(self, index: int, name: str | None) -> tuple[DeepLakeCocoDataset, int]:
        """The dataset and its item of a planned index. A rejected sample is replaced by another of its dataset: its
        name says by which.
        """
        if isinstance(self.dataset, DeepLakeCocoDataset):
            leaf, item = self.dataset, self.dataset.item_of(index)
        else:
            leaf, item = self._nested(self.dataset, index)
        if leaf.data_infos[item]["filename"] == name:
            # Several files may bear one name.
            return leaf, item
        return leaf, self._by_name[id(leaf)].get(name or "", item)

    def _nested(self, dataset: Any, index: int) -> tuple[DeepLakeCocoDataset, int]:
        """By MMDetection's own rules, down through its wrappers."""
        if isinstance(dataset, DeepLakeCocoDataset):
            return dataset, index
        if hasattr(dataset, "cumulative_sizes"):
            number = int(np.searchsorted(dataset.cumulative_sizes, index, side="right"))
            before = dataset.cumulative_sizes[number - 1] if number else 0
            return self._nested(dataset.datasets[number], index - before)
        if hasattr(dataset, "repeat_indices"):
            return self._nested(dataset.dataset, dataset.repeat_indices[index])
        return self._nested(dataset.dataset, index % len(dataset.dataset))


def _views(batch: Any) -> Iterator[tuple[Mapping[str, Any], int | None]]:
    """A batch's views with their numbers; None where there is no test-time augmentation."""
    if not isinstance(batch, Mapping) or "img" not in batch or "img_metas" not in batch:
        raise ConfigError(_NO_COLLECT)
    if not isinstance(batch["img_metas"], list):
        yield batch, None
        return
    for number in range(len(batch["img_metas"])):
        yield {key: views[number] for key, views in batch.items()}, number


def _padded(masks: _Array, shape: Sequence[int]) -> npt.NDArray[np.bool_]:
    """A batch pads images to one size, masks it leaves as they are."""
    padded = np.zeros((len(masks), *shape), bool)
    padded[:, : masks.shape[1], : masks.shape[2]] = masks
    return padded


def _plain(value: Any) -> Any:
    return value.data[0] if isinstance(value, DataContainer) else value


def _shown(
    sample: _Sample, dataset: _Items, item: tuple[DeepLakeCocoDataset, int], view: int | None, original: bool
) -> Shown:
    leaf, number = item
    boxes, labels, ignored, masks = sample.boxes, sample.labels, sample.ignored, sample.masks
    moves = Moves.of(sample.meta, sample.image.shape[-2:])
    if dataset.test_mode and leaf.tensors.gt_bboxes is not None:
        boxes, labels, ignored, masks = _stored(leaf, number)
        if not original:
            boxes, ignored = moves.boxes(boxes), moves.boxes(ignored)
            masks = None if masks is None else moves.masks(masks, sample.image.shape[-2:])
    elif original:
        boxes = None if boxes is None else moves.boxes_back(boxes)
        ignored = moves.boxes_back(ignored)
        masks = None if masks is None else moves.masks_back(masks, _size(leaf, number))
    names = leaf.CLASSES
    return Shown(
        pixels=leaf.read_image(number, "rgb") if original else _pixels(sample.image, sample.meta, leaf),
        boxes=np.zeros((0, 4)) if boxes is None else boxes,
        labels=[] if boxes is None else [""] * len(boxes) if labels is None else [names[label] for label in labels],
        index=int(leaf.indices[number]),
        masks=masks,
        ignored=ignored,
        notes={
            "dataset": leaf.source.path,
            "file": leaf.data_infos[number]["filename"],
            **({} if view is None else {"view": view}),
            "scale_factor": moves.scale.tolist(),
            "flip": moves.direction,
        },
    )


def _stored(leaf: DeepLakeCocoDataset, item: int) -> tuple[_Array, _Array, _Array, npt.NDArray[np.bool_] | None]:
    """An item's annotations in pixels of its image."""
    annotations = leaf.get_ann_info(item)
    masks = None
    if "masks" in annotations:
        size = _size(leaf, item)
        bitmaps = [bitmap_of(mask, *size).astype(bool) for mask in annotations["masks"]]
        masks = np.stack(bitmaps) if bitmaps else np.zeros((0, *size), bool)
    return annotations["bboxes"], annotations["labels"], annotations["bboxes_ignore"], masks


def _size(leaf: DeepLakeCocoDataset, item: int) -> tuple[int, int]:
    info = leaf.data_infos[item]
    return info["height"], info["width"]


def _pixels(image: _Array, meta: Mapping[str, Any], leaf: DeepLakeCocoDataset) -> npt.NDArray[np.uint8]:
    """A batch's image as uint8 RGB (h, w, 3): its normalization undone."""
    load, norm = _load_and_norm(leaf.pipeline)
    if "img_norm_cfg" in meta:
        norm = meta["img_norm_cfg"]
    channels = image if image.ndim == 3 else image[np.newaxis]
    pixels = channels.transpose(1, 2, 0).astype(np.float64)
    turned = False
    if norm is not None:
        pixels = pixels * np.asarray(norm["std"], np.float64) + np.asarray(norm["mean"], np.float64)
        turned = bool(norm["to_rgb"]) and pixels.shape[2] == 3
    if pixels.shape[2] not in (3, 4):
        pixels = pixels[..., :1].repeat(3, axis=2)
    # As loaded they are BGR, or RGB where the pipeline asks for that.
    if (load.color == "rgb") == turned:
        pixels = pixels[..., 2::-1]
    return np.ascontiguousarray(np.clip(np.rint(pixels[..., :3]), 0, 255).astype(np.uint8))


def _load_and_norm(pipeline: Any) -> tuple[LoadImageFromDeepLake, Mapping[str, Any] | None]:
    steps = list(_steps(pipeline))
    load = next(step for step in steps if isinstance(step, LoadImageFromDeepLake))
    found = [step for step in steps if type(step).__name__ == "Normalize"]
    return load, {key: getattr(found[-1], key) for key in ("mean", "std", "to_rgb")} if found else None


def _steps(pipeline: Any) -> Iterator[Any]:
    """The steps of MMDetection's ``Compose``, those within test-time augmentation too."""
    for step in pipeline.transforms:
        yield step
        if type(step).__name__ == "MultiScaleFlipAug":
            yield from _steps(step.transforms)


def _kinds(dataset: DeepLakeCocoDataset) -> set[str]:
    return {type(step).__name__ for step in _steps(dataset.pipeline)}


def _check_undone(dataset: Any) -> None:
    if type(dataset).__name__ == "MultiImageMixDataset":
        raise ConfigError("samples of a 'MultiImageMixDataset' are of several images, and lie in none", hint=_AS_FED)
    if not isinstance(dataset, DeepLakeCocoDataset):
        for inner in getattr(dataset, "datasets", None) or [dataset.dataset]:
            _check_undone(inner)
        return
    for step in _steps(dataset.pipeline):
        if _told_by(step) is None:
            name = type(step).__name__
            raise ConfigError(f"after '{name}' it is not known where a sample lies in its image", hint=_AS_FED)


def _check_notes(meta: Mapping[str, Any], dataset: Any, needed: bool) -> None:
    if not needed:
        return
    for leaf in leaves_of(dataset):
        for step in _steps(leaf.pipeline):
            for key in _told_by(step) or ():
                if key not in meta:
                    name = type(step).__name__
                    cause = f"Collect's meta_keys leave out '{key}', which tells where '{name}' has moved boxes"
                    raise ConfigError(cause)


def _told_by(transform: Any) -> tuple[str, ...] | None:
    """The notes that tell where a transform has moved what is in an image; None where none does."""
    kind = kind_of_step(transform)
    if kind is None:
        return () if type(transform) in _COLORS else None
    return kind.facts.told_by

"""The tables of images, truths and predictions that MMDetection 2's hook for Weights & Biases had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmdet.registry import HOOKS
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook

from penstock.checks import check_integer
from penstock.errors import ConfigError
from penstock.extras import import_extra
from penstock.integrations.mmdet3.data.dataset import DeepLakeDetDataset
from penstock.integrations.mmdet3.data.wrappers import leaves_of
from penstock.integrations.mmdet3.detection_loader import DetectionLoader

__all__ = ["PredictionTablesHook"]

_BACKEND = "WandbVisBackend"


@HOOKS.register_module()
class PredictionTablesHook(Hook):  # type: ignore[misc]
    """Logs some images of validation with their boxes and masks to Weights & Biases: once as they are annotated, as the
    artifact "val", and after each validation beside what the detector finds, as ``run_<id>_pred``.

    Needs a ``WandbVisBackend`` among the visualizer's ``vis_backends``.

    Args:
        num_eval_images: How many images; always the same ones.
        score_thr: Predictions below this score are left out.
    """

    # After the visualizer has the validation's figures.
    priority = "LOWEST"

    def __init__(self, num_eval_images: int = 100, score_thr: float = 0.3) -> None:
        check_integer("PredictionTablesHook: num_eval_images", num_eval_images, 1)
        self._count = num_eval_images
        self._lowest = score_thr
        self._wandb: Any = None
        self._table: Any = None
        #: Rows of the first table, by the images' numbers, and what is found in this validation.
        self._rows: dict[Any, int] = {}
        self._found: dict[Any, Any] = {}

    def before_run(self, runner: Any) -> None:
        """Finds the visualizer's backend.

        Raises:
            ConfigError: There is none.
        """
        import_extra("wandb", "PredictionTablesHook", "wandb")
        backends = runner.visualizer._vis_backends
        if _BACKEND not in backends:
            raise ConfigError(
                f"PredictionTablesHook needs a '{_BACKEND}' in visualizer.vis_backends",
                hint=f"visualizer=dict(vis_backends=[dict(type='LocalVisBackend'), dict(type='{_BACKEND}')])",
            )
        validated = getattr(runner._val_loop, "dataloader", None)
        if isinstance(validated, DetectionLoader) and len(validated.leaves) > 1:
            raise ConfigError(
                f"PredictionTablesHook draws images of one dataset, and val_dataloader has {len(validated.leaves)}",
                hint="Validate on one dataset, or leave the hook out",
            )
        if get_rank() == 0:
            self._wandb = backends[_BACKEND].experiment

    def before_val_epoch(self, runner: Any) -> None:
        """Logs the images as they are annotated, before the first validation."""
        loader = runner.val_dataloader
        if self._wandb is None or not isinstance(loader, DetectionLoader):
            return
        self._found = {}
        if self._table is None:
            (leaf,) = leaves_of(loader.dataset)
            self._table = self._truths(leaf)

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Keeps what is found in the images of the tables."""
        for sample in outputs or ():
            if sample.img_id in self._rows:
                self._found[sample.img_id] = sample.pred_instances.detach().cpu()

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Logs it, beside the truths."""
        if self._wandb is None or self._table is None:
            return
        (leaf,) = leaves_of(runner.val_dataloader.dataset)
        table = self._wandb.Table(columns=["image_name", "ground_truth", "prediction"])
        for number, row in self._rows.items():
            if number in self._found:
                name, image = self._table.data[row]
                table.add_data(name, image, self._drawn(image, leaf, **self._prediction(self._found[number])))
        artifact = self._wandb.Artifact(f"run_{self._wandb.run.id}_pred", type="evaluation")
        artifact.add(table, "eval_data")
        by_epoch = getattr(runner.train_loop, "batch", None) is not None
        done = f"epoch_{runner.epoch}" if by_epoch else f"iter_{runner.iter}"
        self._wandb.run.log_artifact(artifact, aliases=["latest", done])

    def _truths(self, leaf: DeepLakeDetDataset) -> Any:
        table = self._wandb.Table(columns=["image_name", "image"])
        # Rank 0 sees its share of the images.
        own = np.arange(0, len(leaf), get_world_size())
        for row, item in enumerate(np.random.default_rng(42).permutation(own)[: self._count].tolist()):
            info = leaf.get_data_info(item)
            self._rows[info["img_id"]] = row
            image = leaf.detection_source.read_image(int(leaf.indices[item]), "rgb")
            table.add_data(info["img_path"], self._drawn(image, leaf, **_truth(info)))
        artifact = self._wandb.Artifact("val", type="dataset")
        artifact.add(table, "val_data")
        if not self._wandb.run.offline:
            # Tables of predictions refer to the images of this one: they are sent once.
            self._wandb.run.use_artifact(artifact)
            artifact.wait()
            return artifact.get("val_data")
        self._wandb.run.log_artifact(artifact)
        return table

    def _prediction(self, found: Any) -> dict[str, Any]:
        keep = (found.scores > self._lowest).nonzero()[:, 0].tolist()
        masks = found.masks if "masks" in found else None
        return {
            "domain": "predictions",
            "boxes": _numbers(found.bboxes)[keep],
            "labels": found.labels.numpy()[keep].tolist(),
            "scores": found.scores.numpy()[keep].tolist(),
            "masks": None if masks is None else [_bitmap(masks[place]) for place in keep],
        }

    def _drawn(
        self,
        image: Any,
        leaf: DeepLakeDetDataset,
        *,
        domain: str,
        boxes: npt.NDArray[Any],
        labels: Sequence[int],
        scores: Sequence[float] | None,
        masks: Sequence[npt.NDArray[np.uint8]] | None,
    ) -> Any:
        """An image of W&B's with boxes and masks; classes count from 1, since 0 is a mask's background."""
        names = dict(enumerate(leaf.metainfo["classes"], start=1))
        captions = [names[label + 1] for label in labels]
        if scores is not None:
            captions = [f"{caption} {score:.2f}" for caption, score in zip(captions, scores, strict=True)]
        data = [
            {
                "position": dict(zip(("minX", "minY", "maxX", "maxY"), map(int, box), strict=True)),
                "class_id": label + 1,
                "box_caption": caption,
                "domain": "pixel",
            }
            for box, label, caption in zip(boxes.tolist(), labels, captions, strict=True)
        ]
        classes = self._wandb.Classes([{"id": number, "name": name} for number, name in names.items()])
        layers = None if masks is None else _layers(masks, labels, names)
        return self._wandb.Image(
            image, boxes={domain: {"box_data": data, "class_labels": names}}, masks=layers, classes=classes
        )


def _truth(info: Mapping[str, Any]) -> dict[str, Any]:
    instances = [one for one in info["instances"] if not one["ignore_flag"]]
    size = (info["height"], info["width"])
    masks = [_filled(one["mask"], size) for one in instances if "mask" in one]
    return {
        "domain": "ground_truth",
        "boxes": np.array([one["bbox"] for one in instances], np.float64).reshape(-1, 4),
        "labels": [one["bbox_label"] for one in instances],
        "scores": None,
        "masks": masks if masks and len(masks) == len(instances) else None,
    }


def _layers(
    masks: Iterable[npt.NDArray[np.uint8]], labels: Iterable[int], names: Mapping[int, str]
) -> dict[str, Any] | None:
    """The masks of each class as one."""
    joined: dict[int, npt.NDArray[np.uint8]] = {}
    for mask, label in zip(masks, labels, strict=True):
        number = label + 1
        joined[number] = np.maximum(joined.get(number, np.uint8(0)), (mask != 0) * np.uint8(number))
    layers = {names[number]: {"mask_data": mask, "class_labels": dict(names)} for number, mask in joined.items()}
    return layers or None


def _filled(outline: Any, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Polygons, or run lengths, as a bitmap [height, width]."""
    tools = import_extra("pycocotools.mask", "masks", "mmdet3")
    run_lengths = tools.merge(tools.frPyObjects(outline, *size)) if isinstance(outline, list) else outline
    bitmap: npt.NDArray[np.uint8] = tools.decode(run_lengths)
    return bitmap


def _bitmap(mask: Any) -> npt.NDArray[np.uint8]:
    if isinstance(mask, Mapping):
        return _filled(mask, (0, 0))
    found = mask.numpy() if isinstance(mask, torch.Tensor) else np.asarray(mask)
    return found.astype(np.uint8)


def _numbers(boxes: Any) -> npt.NDArray[Any]:
    tensor: Any = getattr(boxes, "tensor", boxes)
    numbers: npt.NDArray[Any] = tensor.numpy()
    return numbers

"""Which tensors of a dataset feed which key of MMDetection.

A configuration names tensors for the four keys :data:`TENSOR_KEYS` alone. All other facts, such as crowds, boxes to
ignore and names of files, are found by the tensors' names, beside the boxes or at the top. A tensor of another name is
not used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penstock.checks import check_keys
from penstock.dataset import Dataset, Tensor
from penstock.dataset.names import IMAGE_HTYPES
from penstock.errors import ConfigError

__all__ = ["TENSOR_KEYS", "DetectionTensors", "known_tensors", "masks_for_metrics", "resolve_tensors"]

logger = logging.getLogger("penstock")

_HTYPES = {
    "img": IMAGE_HTYPES,
    "gt_bboxes": ("bbox",),
    "gt_labels": ("class_label",),
    "gt_masks": ("polygon", "binary_mask"),
}
TENSOR_KEYS = tuple(_HTYPES)

# Per-box facts that metrics need and MMDetection has no key for: found by the names that datasets give them.
_CROWD_NAMES = ("iscrowds", "iscrowd", "is_crowds", "is_crowd")
_DIFFICULT_NAMES = ("difficult", "difficults", "is_difficult", "is_difficults", "difficulty", "difficulties")
_IGNORE_NAMES = ("ignores", "ignore", "is_ignores", "is_ignore", "isignores", "isignore")
_AREA_NAMES = ("areas", "area")
_FILE_NAMES = ("filenames", "filename", "file_names", "file_name")
_IMAGE_ID_NAMES = ("image_ids", "image_id", "img_ids", "img_id")


@dataclass(frozen=True)
class DetectionTensors:
    """Names of the tensors of a detection dataset.

    Attributes:
        img: Images.
        gt_bboxes: Boxes, (n, 4) a sample; None where annotations are not needed.
        gt_labels: Class of each box, (n,).
        gt_masks: One mask for each box: polygons, or an array (h, w, n); None where the pipeline loads none.
        metric_masks: The masks that metrics may ask for; None where there are none, or several to choose from.
        crowd: Whether each box stands for a crowd, (n,); None where the dataset has no such tensor.
        difficult: Whether Pascal VOC's metrics ignore each box, (n,); None as above.
        ignore: Whether training leaves each box out, (n,); None as above.
        area: Area of each box's object in pixels, (n,); None as above.
        image_id: The image's official number, (1,); None as above.
        filename: The name of the image's file, text; None as above.
    """

    img: str
    gt_bboxes: str | None = None
    gt_labels: str | None = None
    gt_masks: str | None = None
    metric_masks: str | None = None
    crowd: str | None = None
    difficult: str | None = None
    ignore: str | None = None
    area: str | None = None
    image_id: str | None = None
    filename: str | None = None

    @property
    def read(self) -> dict[str, str]:
        """The tensors that samples are read from, by MMDetection's keys: all else stands in tables."""
        return {"img": self.img} if self.gt_masks is None else {"img": self.img, "gt_masks": self.gt_masks}


def known_tensors(dataset: Dataset, tensors: Mapping[str, str]) -> dict[str, str]:
    """Of a loader's tensors by keys those that MMDetection has keys for; it may load others beside them.

    Raises:
        ConfigError: "img" is not among them.
    """
    if "img" not in tensors:
        raise ConfigError(
            "an MMDetection pipeline needs to know the tensor of the images",
            path=dataset.path,
            hint="Pass tensors={'img': ..., 'gt_bboxes': ..., 'gt_labels': ...}",
        )
    return {key: name for key, name in tensors.items() if key in TENSOR_KEYS}


def resolve_tensors(
    dataset: Dataset,
    given: Mapping[str, str] | None = None,
    *,
    annotations: bool = True,
    masks: bool = False,
    argument: str = "deeplake_tensors",
) -> DetectionTensors:
    """The tensors as ``given`` by MMDetection's keys; those not given are found by their htype.

    Args:
        dataset: The dataset.
        given: {"img": ..., "gt_bboxes": ..., "gt_labels": ...}, each of them optional.
        annotations: Whether boxes and labels are needed.
        masks: Whether masks are needed.
        argument: What the user calls ``given``, for errors.

    Raises:
        ConfigError: An unknown key, no tensor or several tensors of a key's htype, a tensor that cannot be
            images.
        TensorNotFoundError: A name that the dataset does not have.
        UnsupportedError: A tensor that cannot be read yet.
    """
    check_keys(argument, given or {}, TENSOR_KEYS)
    given = dict(given or {})
    keys = ["img", *(["gt_bboxes", "gt_labels"] if annotations else []), *(["gt_masks"] if masks else [])]
    why = {"gt_masks": "the pipeline loads masks (with_mask=True), and "}
    names = {key: given.get(key) or _only_tensor(dataset, key, why.get(key, ""), argument) for key in keys}
    for name in names.values():
        dataset[name].check_supported()
        if dataset[name].is_sequence:
            raise ConfigError(
                f"a detection pipeline takes no sequences, and this tensor has the htype '{dataset[name].htype}'",
                tensor=name,
                path=dataset.path,
            )
    image = dataset[names["img"]]
    if not image.is_image:
        raise ConfigError(
            f"'img' needs a tensor of images, and this one has the htype '{image.htype}'",
            tensor=image.name,
            path=dataset.path,
        )
    beside = names.get("gt_bboxes", names["img"])
    return DetectionTensors(
        **names,
        metric_masks=_metric_masks(dataset, given) if annotations else None,
        crowd=_by_name(dataset, beside, _CROWD_NAMES) if annotations else None,
        difficult=_by_name(dataset, beside, _DIFFICULT_NAMES) if annotations else None,
        ignore=_by_name(dataset, beside, _IGNORE_NAMES) if annotations else None,
        area=_by_name(dataset, beside, _AREA_NAMES) if annotations else None,
        image_id=_by_name(dataset, beside, _IMAGE_ID_NAMES),
        filename=_by_name(dataset, beside, _FILE_NAMES, _is_text),
    )


def masks_for_metrics(dataset: Dataset, tensors: DetectionTensors) -> str:
    """The tensor of masks that metrics are computed from.

    Raises:
        ConfigError: There is none, or none is named where there are several.
    """
    return tensors.metric_masks or _only_tensor(dataset, "gt_masks", "the metric 'segm' needs masks, and ")


def _metric_masks(dataset: Dataset, given: Mapping[str, str]) -> str | None:
    if "gt_masks" in given:
        return dataset[given["gt_masks"]].name
    found = _candidates(dataset, "gt_masks")
    return found[0] if len(found) == 1 and dataset[found[0]].unsupported() is None else None


def _candidates(dataset: Dataset, key: str) -> list[str]:
    return [
        name for name, tensor in dataset.tensors.items() if tensor.base_htype in _HTYPES[key] and not tensor.is_sequence
    ]


def _only_tensor(dataset: Dataset, key: str, why: str = "", argument: str = "deeplake_tensors") -> str:
    found = _candidates(dataset, key)
    if len(found) == 1:
        return found[0]
    htypes = " or ".join(f"'{htype}'" for htype in _HTYPES[key])
    if not found:
        cause = f"there is no tensor of htype {htypes} for '{key}'"
    else:
        cause = f"several tensors could be '{key}': " + ", ".join(f"'{name}'" for name in found)
    raise ConfigError(why + cause, path=dataset.path, hint=f"Name it: {argument}={{'{key}': '...'}}")


def _by_name(
    dataset: Dataset, beside: str, names: tuple[str, ...], fits: Callable[[Tensor], bool] | None = None
) -> str | None:
    """The first of ``names`` that the dataset has, in the group of ``beside`` or at its top."""
    group = beside.rpartition("/")[0]
    for folder in dict.fromkeys((f"{group}/" if group else "", "")):
        for name in names:
            tensor = dataset.tensors.get(folder + name)
            if tensor is not None and (fits or _is_list_of_numbers)(tensor):
                return tensor.name
    return None


def _is_list_of_numbers(tensor: Tensor) -> bool:
    return tensor.dtype is not None and not tensor.is_image and tensor.unsupported() is None and tensor.ndim == 1


def _is_text(tensor: Tensor) -> bool:
    return tensor.base_htype == "text" and not tensor.is_sequence and tensor.unsupported() is None

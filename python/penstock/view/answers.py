"""What the page asks for, as plain values and image files. Knows nothing of HTTP."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset, Tensor
from penstock.detection.shown import Shown
from penstock.errors import PenstockError
from penstock.view.checking import Check
from penstock.view.drawing import instance_color, text_color
from penstock.view.labels import ClassIndex
from penstock.view.png import masks_png, rgb_png
from penstock.view.stored import StoredSamples

__all__ = ["Answers", "File", "Pipeline"]

#: Makes the pictures that a pipeline makes of a sample in an epoch.
Pipeline = Callable[[int, int], Sequence[Shown]]

#: Of a page of the grid.
_MOST_SAMPLES = 200
#: Polygons and values beyond that are cut: a page has to stay small.
_MOST_VALUES = 24
_MOST_TEXT = 4000
#: What browsers show, by Deep Lake's compression.
_SHOWN_FILES = {
    "jpeg": ("image/jpeg", b"\xff\xd8"),
    "png": ("image/png", b"\x89PNG"),
    "webp": ("image/webp", b"RIFF"),
    "gif": ("image/gif", b"GIF8"),
    "bmp": ("image/bmp", b"BM"),
}


class File(NamedTuple):
    """An image file and its type."""

    content_type: str
    data: bytes


class Answers:
    """Answers the page's questions about a dataset.

    Args:
        dataset: The dataset.
        samples: The tensors to look at.
        pipeline: What a pipeline makes of a sample; None: there is no pipeline.
        pipeline_name: What the page calls it.

    Every method raises PenstockError where data cannot be read, and ValueError for questions that make no sense.
    """

    def __init__(
        self,
        dataset: Dataset,
        samples: StoredSamples,
        pipeline: Pipeline | None = None,
        pipeline_name: str = "",
    ) -> None:
        self._dataset = dataset
        self._samples = samples
        self._pipeline = pipeline
        self._pipeline_name = pipeline_name
        self._classes = None if samples.labels is None else ClassIndex(samples.labels, len(samples))
        self.check = Check(dataset)

    def dataset(self) -> dict[str, Any]:
        """What the page's head shows."""
        used = self._samples
        return {
            "path": self._dataset.path,
            "branch": self._dataset.branch,
            "commit": self._dataset.commit_id,
            "view": self._dataset.view_id,
            "samples": len(used),
            "tensors": [_tensor(tensor) for tensor in self._dataset.tensors.values()],
            "images": used.images.name,
            "boxes": None if used.boxes is None else used.boxes.name,
            "labels": None if used.labels is None else used.labels.name,
            "masks": None if used.masks is None else used.masks.name,
            "classes": used.class_names,
            "pipeline": self._pipeline_name if self._pipeline is not None else None,
        }

    def class_counts(self) -> dict[str, Any]:
        """How many objects and samples each class has; reads all labels."""
        if self._classes is None:
            return {"classes": [], "without": 0}
        counts = self._classes.counts()
        names = self._samples.class_names
        labels = [*range(len(names)), *(label for label in counts if not 0 <= label < len(names))]
        rows = []
        for label in labels:
            objects, samples = counts.get(label, (0, 0))
            name = self._samples.label_name(label)
            rows.append({"label": label, "name": name, "objects": objects, "samples": samples})
        return {"classes": rows, "without": len(self._classes.samples_with(None))}

    def samples(self, first: int, last: int | None, label: str, offset: int, count: int) -> dict[str, Any]:
        """A page of the grid.

        Args:
            first, last: Indices between which samples are shown, both included; None: to the end.
            label: A class's number; "none": samples without any; "bad": those that the check found; "": all.
            offset, count: Which part of them.
        """
        length = len(self._samples)
        stop = length if last is None else min(length, last + 1)
        first = max(0, first)
        if label == "":
            total = max(0, stop - first)
            picked: Sequence[int] = range(first + offset, min(first + offset + count, stop))
        else:
            found = self._with_label(label)
            found = found[(found >= first) & (found < stop)]
            total = len(found)
            picked = found[offset : offset + count].tolist()
        bad = self.check.bad()
        entries = [{**self._entry(index), "bad": bad.get(index, [])} for index in list(picked)[:_MOST_SAMPLES]]
        return {"total": total, "samples": entries}

    def sample(self, index: int) -> dict[str, Any]:
        """All of a sample: as in the grid, and the value of each tensor in words."""
        self._check_index(index)
        values = [_value(tensor, index) for tensor in self._dataset.tensors.values()]
        return {**self._entry(index), "bad": self.check.bad().get(index, []), "values": values}

    def image(self, index: int) -> File:
        """The image: the stored file where browsers show it, else a PNG of its pixels."""
        self._check_index(index)
        images = self._samples.images
        known = _SHOWN_FILES.get(images.sample_compression or "")
        if known is not None:
            try:
                data = images.bytes(index)
            except PenstockError:
                data = b""
            if data.startswith(known[1]):
                return File(known[0], data)
        return File("image/png", rgb_png(self._samples.shown(index).pixels))

    def masks(self, index: int) -> File:
        """A picture of the masks that are arrays, to lie over the image."""
        self._check_index(index)
        value = self._samples.mask_values(index)
        if value is None or isinstance(value, list) or value.shape[-1] == 0:
            return File("image/png", masks_png(np.zeros((1, 1, 1), bool), [(0, 0, 0)]))
        return File("image/png", _masks_file(np.moveaxis(value, -1, 0)))

    def fed(self, index: int, epoch: int) -> dict[str, Any]:
        """What the pipeline makes of a sample in an epoch: a list of pictures with what is annotated in them."""
        self._check_index(index)
        if self._pipeline is None:
            raise ValueError("there is no pipeline")
        if epoch < 0:
            raise ValueError("an epoch is 0 or more")
        return {"views": [_fed(shown, index) for shown in self._pipeline(index, epoch)]}

    def _with_label(self, label: str) -> npt.NDArray[np.int64]:
        if label == "bad":
            return np.array(sorted(self.check.bad()), np.int64)
        if self._classes is None:
            raise ValueError("there are no classes")
        return self._classes.samples_with(None if label == "none" else int(label))

    def _check_index(self, index: int) -> None:
        if not 0 <= index < len(self._samples):
            raise ValueError(f"there is no sample {index}: there are {len(self._samples)}")

    def _entry(self, index: int) -> dict[str, Any]:
        """A sample of the grid; where it cannot be read, why."""
        try:
            shape = self._samples.images.shape(index)
            height, width = int(shape[0]), int(shape[1])
            ltwh = self._samples.ltwh(index, (height, width))
            numbers = self._samples.label_numbers(index)
            entry = {
                "index": index,
                "height": height,
                "width": width,
                "boxes": _boxes(ltwh, self._samples.box_names(index, len(ltwh)), numbers),
                "image_labels": [],
                "polygons": [],
                "masks": False,
            }
            if self._samples.boxes is None:
                entry["image_labels"] = [_label(self._samples.label_name(number), number) for number in numbers]
            if self._samples.masks is not None:
                if self._samples.masks.value_format is None:
                    entry["masks"] = len(ltwh) > 0
                else:
                    polygons = self._samples.mask_values(index) or []
                    entry["polygons"] = [_polygon(points, number) for number, points in enumerate(polygons)]
            return entry
        except PenstockError as error:
            return {"index": index, "error": str(error)}


def _boxes(ltwh: npt.NDArray[np.float64], names: Sequence[str], numbers: Sequence[int] = ()) -> list[dict[str, Any]]:
    boxes = []
    for place, (box, name) in enumerate(zip(ltwh.tolist(), names, strict=True)):
        if all(map(math.isfinite, box)):
            label = numbers[place] if place < len(numbers) else None
            boxes.append({"box": [round(value, 2) for value in box], "object": place, **_label(name, label)})
    return boxes


def _label(name: str, number: int | None) -> dict[str, Any]:
    return {"name": name, "label": number, "colour": _css(text_color(name))}


def _polygon(points: npt.NDArray[np.float64], number: int) -> dict[str, Any]:
    finite = points[np.isfinite(points).all(axis=1)]
    return {"points": np.round(finite, 2).tolist(), "colour": _css(instance_color(number))}


def _css(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _masks_file(masks: npt.NDArray[np.bool_]) -> bytes:
    return masks_png(masks, [instance_color(number) for number in range(len(masks))])


def _fed(shown: Shown, index: int) -> dict[str, Any]:
    # A sample that a random crop leaves nothing of is replaced by another one.
    instead = {} if shown.index == index else {"in its place": f"sample {shown.index}"}
    height, width = shown.pixels.shape[:2]
    masks = None if shown.masks is None or not len(shown.masks) else _as_url(_masks_file(shown.masks))
    return {
        "width": width,
        "height": height,
        "image": _as_url(rgb_png(shown.pixels)),
        "masks": masks,
        "boxes": _boxes(shown.ltwh, shown.labels),
        "ignored": _boxes(shown.ignored_ltwh, [""] * len(shown.ignored)),
        "notes": {name: _text(value) for name, value in {**instead, **shown.notes}.items()},
    }


def _as_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "htype": tensor.htype,
        "dtype": None if tensor.dtype is None else str(tensor.dtype),
        "compression": tensor.sample_compression or tensor.chunk_compression,
        "samples": len(tensor),
        "unsupported": tensor.unsupported(),
    }


def _value(tensor: Tensor, index: int) -> dict[str, Any]:
    """A tensor's sample in words; images and masks by their shape alone."""
    answer: dict[str, Any] = {"tensor": tensor.name, "htype": tensor.htype, "shape": None, "text": "", "error": None}
    try:
        if index >= len(tensor):
            answer["error"] = f"the tensor ends before: it has {len(tensor)} samples"
        elif (reason := tensor.unsupported()) is not None:
            answer["error"] = f"not loadable: {reason}"
        elif tensor.decodes_images or tensor.base_htype == "binary_mask":
            answer["shape"] = list(tensor.shape(index))
        elif tensor.base_htype == "polygon" and not tensor.is_sequence:
            outlines = [np.asarray(outline).reshape(-1, 2) for outline in tensor[index]]
            points = ", ".join(str(len(outline)) for outline in outlines[:_MOST_VALUES])
            answer["text"] = f"{len(outlines)} outlines of {points} points" if outlines else "no outline"
        else:
            value = tensor[index]
            if isinstance(value, np.ndarray) and value.dtype != object:
                answer["shape"] = list(value.shape)
            answer["text"] = _text(value)
            names = tensor.class_names
            if names and isinstance(value, np.ndarray):
                numbers = value.reshape(-1)[:_MOST_VALUES].tolist()
                named = [names[number] if 0 <= number < len(names) else str(number) for number in numbers]
                answer["text"] = ", ".join(named) + (", ..." if value.size > _MOST_VALUES else "")
    except PenstockError as error:
        answer["error"] = str(error)
    return answer


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.dtype == object and value.size == 1:
            return _text(value.reshape(-1)[0])
        if value.size > _MOST_VALUES * 4:
            return f"{', '.join(map(_text, value.reshape(-1)[:_MOST_VALUES].tolist()))}, ..."
        return _text(value.tolist())
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return _cut("{" + ", ".join(f"{name}: {_text(each)}" for name, each in value.items()) + "}")
    if isinstance(value, list | tuple):
        shown = [_text(each) for each in value[:_MOST_VALUES]]
        return _cut("[" + ", ".join(shown) + (", ..." if len(value) > _MOST_VALUES else "") + "]")
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "..."

"""Images of registered datasets as files of Detectron2's PathManager, and their annotations as COCO's file."""

from __future__ import annotations

import contextlib
import contextvars
import io
import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from detectron2.utils.file_io import PathManager
from iopath.common.file_io import PathHandler
from pycocotools.coco import COCO

from penstock.detection.coco_index import add_areas, add_segmentations, coco_index
from penstock.detection.dataset_dicts import DatasetDicts
from penstock.extras import import_extra

__all__ = ["ANNOTATIONS", "PREFIX", "file_given", "find_image", "serve_files"]

#: What names of files begin with.
PREFIX = "deeplake://"
#: Under this name a dataset's annotations are read as COCO's file.
ANNOTATIONS = ".instances.json"

_given: contextvars.ContextVar[tuple[str, bytes] | None] = contextvars.ContextVar("penstock_given_file", default=None)


@cache
def _handler() -> _Files:
    handler = _Files()
    PathManager.register_handler(handler)
    return handler


def serve_files(dicts: DatasetDicts) -> None:
    """Lets Detectron2 read the files of a dataset; they take the place of another's with the same names."""
    _handler().datasets[dicts.root] = dicts


@contextlib.contextmanager
def file_given(path: str, content: bytes) -> Iterator[None]:
    """Within, the file of this path is not read: its content is here already."""
    token = _given.set((path, content))
    try:
        yield
    finally:
        _given.reset(token)


def find_image(path: str) -> tuple[DatasetDicts, int]:
    """The dataset and the sample of a file.

    Raises:
        FileNotFoundError: No dataset has it.
    """
    for dicts in _handler().datasets.values():
        if path.startswith(f"{dicts.root}/"):
            index = _places(dicts).get(path)
            if index is not None:
                return dicts, index
    raise FileNotFoundError(f"no registered Deep Lake dataset has the file '{path}'")


@cache
def _places(dicts: DatasetDicts) -> dict[str, int]:
    return {name: index for index, name in enumerate(dicts.file_names)}


class _Files(PathHandler):  # type: ignore[misc]
    """Read only.

    Attributes:
        datasets: Those whose files are served, by what their names begin with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.datasets: dict[str, DatasetDicts] = {}

    def _get_supported_prefixes(self) -> list[str]:
        return [PREFIX]

    def _open(self, path: str, mode: str = "r", buffering: int = -1, **kwargs: Any) -> Any:
        if set(mode) & set("wax+"):
            raise PermissionError(f"'{path}' can be read alone")
        content = self._content(path)
        return io.BytesIO(content) if "b" in mode else io.StringIO(content.decode())

    def _get_local_path(self, path: str, force: bool = False, **kwargs: Any) -> str:
        """A path of this process under which the content can be opened. It lies in memory, on no disk."""
        dicts = self._annotated(path) or find_image(path)[0]
        return f"/proc/{os.getpid()}/fd/{_memory_file(dicts, self._content, path)}"

    def _exists(self, path: str, **kwargs: Any) -> bool:
        return self._isfile(path)

    def _isfile(self, path: str, **kwargs: Any) -> bool:
        try:
            return self._annotated(path) is not None or bool(find_image(path))
        except FileNotFoundError:
            return False

    def _isdir(self, path: str, **kwargs: Any) -> bool:
        return path.rstrip("/") in self.datasets

    def _content(self, path: str) -> bytes:
        given = _given.get()
        if given is not None and given[0] == path:
            return given[1]
        annotated = self._annotated(path)
        if annotated is not None:
            return json.dumps(coco_content(annotated)).encode()
        return image_file(*find_image(path))

    def _annotated(self, path: str) -> DatasetDicts | None:
        root, _, name = path.rpartition("/")
        return self.datasets.get(root) if name == ANNOTATIONS else None


@cache
def _memory_file(dicts: DatasetDicts, content: Callable[[str], bytes], path: str) -> int:
    """A file in memory, which stays as long as the process: who asks for a path may open it at any time."""
    number = os.memfd_create("penstock")
    with open(number, "wb", closefd=False) as file:
        file.write(content(path))
    return number


def image_file(dicts: DatasetDicts, index: int) -> bytes:
    """A sample's image as a file: as it is stored where that is one, else a PNG of its pixels."""
    tensor = dicts.source.dataset[dicts.source.tensors.img]
    if tensor.sample_compression is not None:
        return tensor.bytes(index)
    pillow = import_extra("PIL.Image", "reading images as files", "python")
    file = io.BytesIO()
    pillow.fromarray(tensor.read(index, color="rgb")).save(file, "png")
    return file.getvalue()


def coco_content(dicts: DatasetDicts) -> dict[str, Any]:
    """What a COCO annotation file of the dataset holds: areas and crowds as the dataset has them, masks as run lengths.

    Raises:
        DecodeError: Masks that contradict boxes or images.
    """
    source = dicts.source
    infos = []
    for index in dicts.order.tolist():
        fields = dicts.image_fields(index)
        infos.append({**fields, "id": fields.pop("image_id"), "index": index})
    coco = coco_index(COCO, source, infos)
    add_areas(coco, source)
    if source.tensors.metric_masks is not None:
        add_segmentations(coco, source, source.tensors.metric_masks)
    used = set(dicts.class_ids)
    annotations = [row for row in coco.dataset["annotations"] if row["category_id"] in used]
    for row in annotations:
        if "segmentation" in row:
            run_lengths = row["segmentation"]
            row["segmentation"] = {**run_lengths, "counts": run_lengths["counts"].decode()}
    names = zip(dicts.class_ids, dicts.class_names, strict=True)
    return {
        "info": {},
        "licenses": [],
        "images": [{key: info[key] for key in ("id", "file_name", "height", "width")} for info in infos],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in names],
    }

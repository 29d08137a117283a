"""What the pages' blocks find: small datasets and files under the names that pages use, a bucket and a web server.

Names of detection datasets (images, boxes, categories, masks; circles, squares and triangles): path/to/dataset,
my_dataset, train_dataset, val_dataset. Names of classification datasets (images of one size, labels; car, cat, dog):
path/to/classes, train_classes, val_classes. Every address s3://bucket/... of a page is a detection dataset. /scratch
is a folder of the page. Files: those
of COCO (instances_val2017.json, annotations/, train2017/, val2017/), YOLO (data.yaml, images/, labels/) and Pascal VOC
(VOC2007/), a folder of classes (folder/), and a configuration of MMDetection 2 (faster_rcnn.py, cfg.py).
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.buckets import upload
from support.example_shapes import load_shapes
from support.file_server import serving
from support.image_folders import write_file
from support.images import jpeg, picture
from support.require import PROJECT_ROOT, require
from support.voc_lakes import write_voc

__all__ = ["Lakes", "World"]

_DETECTION = ("path/to/dataset", "my_dataset", "train_dataset", "val_dataset")
_CLASSES = ("path/to/classes", "train_classes", "val_classes")
_CONFIGURATIONS = ("faster_rcnn.py", "cfg.py")
#: In this order the places of a page, and what is in their place. What holds of S3 is held of Google's by tests/remote.
_GOOGLE = ("gs://bucket/", "s3://bucket/")
_WEB = "https://host/"
_REMOTE = re.compile(r"(?:s3|gs)://bucket/([\w./-]*\w)")
_IMAGES = 24


class Lakes:
    """Datasets and files of a folder: only to read.

    Attributes:
        detection, classes: The datasets.
        files: The folder of files, which may be empty.
    """

    def __init__(self, folder: Path) -> None:
        self.detection = folder / "detection"
        self.classes = folder / "classes"
        self.files = folder / "files"

    @classmethod
    def written(cls, folder: Path) -> Lakes:
        """All of them, written by deeplake."""
        require("deeplake")
        lakes = cls(folder)
        lakes._write(folder)
        return lakes

    @classmethod
    def unpacked(cls, archive: Path, folder: Path) -> Lakes:
        """The datasets of an archive, for a Python that has no deeplake."""
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        lakes = cls(folder)
        lakes.files.mkdir()
        return lakes

    def _write(self, folder: Path) -> None:
        from penstock import ingest

        annotations, images = load_shapes().make_shapes(folder / "shapes", _IMAGES)
        ingest.ingest_coco(annotations, images, self.detection)
        write_file(self.files / "instances_val2017.json", annotations.read_bytes())
        for split in ("train", "val"):
            write_file(self.files / f"annotations/instances_{split}2017.json", annotations.read_bytes())
            (self.files / f"{split}2017").symlink_to(images)
        for number in range(_IMAGES):
            name = f"folder/{('car', 'cat', 'dog')[number % 3]}/{number}.jpg"
            write_file(self.files / name, jpeg(picture(96, 96, 3, seed=number)))
        ingest.ingest_folder(self.files / "folder", self.classes)
        self._write_yolo()
        voc = write_voc(folder / "voc")
        shutil.copy(voc.images, voc.root / "ImageSets/Main/trainval.txt")
        (self.files / "VOC2007").symlink_to(voc.root)
        for name in _CONFIGURATIONS:
            shutil.copy(PROJECT_ROOT / "examples/configs/shapes.py", self.files / name)

    def _write_yolo(self) -> None:
        for split in ("train", "val"):
            for number in range(4):
                write_file(self.files / f"images/{split}/{number}.jpg", jpeg(picture(40, 60, 3, seed=number)))
                write_file(self.files / f"labels/{split}/{number}.txt", f"{number % 2} 0.5 0.5 0.4 0.3")
        described = {"path": ".", "train": "images/train", "val": "images/val", "names": ["car", "dog"]}
        write_file(self.files / "data.yaml", yaml.safe_dump(described))


class World:
    """The folder of one page.

    Attributes:
        folder: Where its blocks run.
        written: Names of the files that its blocks have written by the rule "file".
    """

    def __init__(self, folder: Path, lakes: Lakes) -> None:
        self.folder = folder
        self.written: list[str] = []
        self._replaced = {"/scratch/": f"{folder}/scratch/"}
        self._lakes = lakes
        for names, lake in ((_DETECTION, lakes.detection), (_CLASSES, lakes.classes)):
            for name in names:
                self._link(name, lake)
        for file in lakes.files.iterdir():
            if file.is_file():
                shutil.copy(file, folder / file.name)
            else:
                self._link(file.name, file)

    def _link(self, name: str, target: Path) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).symlink_to(target)

    def write(self, name: str, text: str) -> Path:
        self.written.append(name)
        return write_file(self.folder / name, text)

    def make_room(self, name: str) -> None:
        """Takes away the dataset of this name, so that a block can make it."""
        if name in (*_DETECTION, *_CLASSES) and (self.folder / name).is_symlink():
            (self.folder / name).unlink()

    def read(self, text: str) -> str:
        """A block's text with the addresses that are served here."""
        for written, served in self._replaced.items():
            text = text.replace(written, served)
        return text

    def with_buckets_as_folders(self, text: str) -> str:
        """A block's text with the detection dataset in place of addresses in buckets."""
        return _REMOTE.sub(str(self._lakes.detection), text)

    @contextmanager
    def serving(self, text: str, s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Serves what a page's text asks for.

        Args:
            text: The page.
            s3: Gives the server of buckets (support.buckets), with a bucket named "bucket".
            monkeypatch: Sets the environment by which Penstock finds the server.
        """
        with ExitStack() as stack:
            if names := sorted(set(_REMOTE.findall(text))):
                server = s3()
                for name in names:
                    upload(server.client, self._lakes.detection, "bucket", f"{name}/")
                self._credentials(server, monkeypatch)
                self._replaced[_GOOGLE[0]] = _GOOGLE[1]
            if _WEB in text:
                web = stack.enter_context(serving(self.folder / "web"))
                for name in set(re.findall(rf"{_WEB}([\w-]+)", text)):
                    (web.root / name).symlink_to(self._lakes.detection)
                self._replaced[_WEB] = f"{web.url}/"
            yield

    def _credentials(self, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        creds = server.creds()
        monkeypatch.setenv("HOME", str(self.folder / "home"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_ENDPOINT_URL", creds["endpoint_url"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", creds["aws_access_key_id"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", creds["aws_secret_access_key"])
        keys = "".join(f"{key} = {value}\n" for key, value in creds.items() if key != "endpoint_url")
        write_file(self.folder / "home/.aws/credentials", f"[research]\n{keys}")
        write_file(self.folder / "creds.json", json.dumps(creds))

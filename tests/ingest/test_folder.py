"""penstock.ingest.ingest_folder: a class for each directory."""

from __future__ import annotations

from pathlib import Path

import pytest

import penstock
from penstock.errors import DatasetFormatError, StorageError
from penstock.ingest import ingest_folder
from support.image_folders import classes_folder, image_file, write_file
from support.lake import open_lake


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_images_and_labels_come_back(kind: str, tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"Äpfel": 3, "birnen & co": 2, "<i>": 1}, kind)
    deep = write_file(root / "Äpfel" / "more" / "last.jpe", image_file(9, kind))
    summary = ingest_folder(root, tmp_path / "out")
    assert summary["classes"] == {"<i>": 1, "birnen & co": 2, "Äpfel": 4}
    assert (summary["images"], summary["compression"], summary["odd"]) == (7, kind, [])
    files = [*sorted((root / "<i>").iterdir()), *sorted((root / "birnen & co").iterdir())]
    files += [*sorted(file for file in (root / "Äpfel").iterdir() if file.is_file()), deep]
    with open_lake(tmp_path / "out") as lake:
        assert lake.labels.info["class_names"] == ["<i>", "birnen & co", "Äpfel"]
        for index, file in enumerate(files):
            assert lake.images[index].tobytes() == file.read_bytes()
            assert lake.labels[index].numpy().tolist() == [[0, 1, 1, 2, 2, 2, 2][index]]
            assert lake.filenames[index].data()["value"] == file.relative_to(root).as_posix()


def test_a_loop_trains_on_it(tmp_path: Path) -> None:
    ingest_folder(classes_folder(tmp_path / "set", {"a": 4, "b": 2}), tmp_path / "out")
    with penstock.DataLoader(tmp_path / "out", batch_size=4, tensors=["images", "labels"]) as loader:
        labels = [batch["labels"].reshape(-1).tolist() for batch in loader]
    assert labels == [[0, 0, 0, 0], [1, 1]]


def test_limit_takes_of_all_classes_in_turn(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 5, "b": 2, "c": 1})
    assert ingest_folder(root, tmp_path / "out", limit=5)["classes"] == {"a": 2, "b": 2, "c": 1}
    names = [penstock.open(tmp_path / "out")["filenames"][index] for index in range(5)]
    assert names == ["a/000.JPG", "a/001.JPG", "b/000.JPG", "b/001.JPG", "c/000.JPG"]


def test_odd_files_are_named(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 2})
    write_file(root / "readme.txt", "x")
    write_file(root / "a" / "notes.txt", "x")
    write_file(root / ".hidden" / "x", "x")
    odd = ingest_folder(root, tmp_path / "out")["odd"]
    assert [(each["file"], each["kind"]) for each in odd] == [
        (str(root / "readme.txt"), "beside the classes"),
        (str(root / "a" / "notes.txt"), "no image by its name"),
    ]


def test_a_folder_of_splits_is_none_of_classes(tmp_path: Path) -> None:
    classes_folder(tmp_path / "set" / "train", {"a": 1})
    classes_folder(tmp_path / "set" / "val", {"a": 1})
    with pytest.raises(DatasetFormatError, match=r"which are no classes.*Ingest each by itself: .*train"):
        ingest_folder(tmp_path / "set", tmp_path / "out")
    # Classes may be called that.
    root = classes_folder(tmp_path / "trains", {"train": 2, "test": 1})
    assert ingest_folder(root, tmp_path / "out")["classes"] == {"test": 1, "train": 2}


def test_links_that_lead_upwards_end(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 2})
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    assert ingest_folder(root, tmp_path / "out")["images"] == 2


def test_wrong_folders(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        ingest_folder(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "set").mkdir()
    with pytest.raises(DatasetFormatError, match="there is no directory in"):
        ingest_folder(tmp_path / "set", tmp_path / "out")
    (tmp_path / "set" / "a").mkdir()
    with pytest.raises(DatasetFormatError, match="the class 'a' has no image"):
        ingest_folder(tmp_path / "set", tmp_path / "out")

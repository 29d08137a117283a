"""What the page is told, against the dataset itself."""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import penstock
from penstock.detection.shown import Shown
from penstock.view.png import masks_png, rgb_png
from penstock.view.server import ViewServer
from support.damage import replace_sample
from support.file_server import FileServer
from support.images import picture
from support.lake import new_lake
from support.seen_lakes import EVIL, write_seen_lake
from support.view_clients import Answer, ask, viewing


def indices(answer: Answer) -> list[int]:
    return [sample["index"] for sample in answer.json["samples"]]


def test_the_head(seen: Path, server: ViewServer) -> None:
    head = ask(server.url, "api/dataset").json
    assert (head["path"], head["samples"], head["branch"]) == (str(seen), 30, "main")
    assert [head[name] for name in ("images", "boxes", "labels", "masks")] == ["images", "boxes", "labels", "masks"]
    assert head["classes"] == ["cat", "dog", EVIL]
    assert head["pipeline"] is None
    assert {tensor["name"]: tensor["htype"] for tensor in head["tensors"]} == {
        name: penstock.open(seen)[name].htype for name in penstock.open(seen).tensors
    }


def test_boxes_and_outlines_are_those_of_the_dataset(seen: Path, server: ViewServer) -> None:
    dataset = penstock.open(seen)
    samples = ask(server.url, "api/samples?count=30").json["samples"]
    assert [sample["index"] for sample in samples] == list(range(30))
    for index, sample in enumerate(samples):
        assert (sample["height"], sample["width"]) == dataset["images"][index].shape[:2]
        got = np.array([each["box"] for each in sample["boxes"]]).reshape(-1, 4)
        np.testing.assert_allclose(got, dataset["boxes"][index], atol=0.006)
        assert [each["label"] for each in sample["boxes"]] == dataset["labels"][index].tolist()
        assert [each["name"] for each in sample["boxes"]] == [["cat", "dog", EVIL][k] for k in dataset["labels"][index]]
        for polygon, stored in zip(sample["polygons"], dataset["masks"][index], strict=True):
            np.testing.assert_allclose(polygon["points"], stored, atol=0.006)


def test_the_stored_file_is_shown(seen: Path, server: ViewServer) -> None:
    answer = ask(server.url, "image?index=7")
    assert (answer.headers["Content-Type"], answer.body) == ("image/jpeg", penstock.open(seen)["images"].bytes(7))


def test_pages_and_ranges(server: ViewServer) -> None:
    assert indices(ask(server.url, "api/samples?offset=24&count=24")) == list(range(24, 30))
    answer = ask(server.url, "api/samples?first=5&last=9")
    assert (indices(answer), answer.json["total"]) == ([5, 6, 7, 8, 9], 5)
    assert ask(server.url, "api/samples?first=9&last=5").json == {"total": 0, "samples": []}
    assert ask(server.url, "api/samples?first=40").json == {"total": 0, "samples": []}
    assert len(indices(ask(server.url, "api/samples?count=1000000"))) == 30


def test_classes(seen: Path, server: ViewServer) -> None:
    labels = [value.tolist() for value in penstock.open(seen)["labels"].numpy_all()]
    counted = ask(server.url, "api/classes").json
    for row in counted["classes"]:
        assert row["objects"] == sum(each.count(row["label"]) for each in labels)
        assert row["samples"] == sum(row["label"] in each for each in labels)
    assert [row["name"] for row in counted["classes"]] == ["cat", "dog", EVIL]
    assert counted["without"] == 6
    with_dogs = [index for index, each in enumerate(labels) if 1 in each]
    assert indices(ask(server.url, "api/samples?label=1&count=30")) == with_dogs
    assert (
        indices(ask(server.url, "api/samples?label=1&first=10&offset=2&count=3"))
        == [index for index in with_dogs if index >= 10][2:5]
    )
    assert indices(ask(server.url, "api/samples?label=none")) == [4, 9, 14, 19, 24, 29]


def test_all_of_a_sample(server: ViewServer) -> None:
    values = {value["tensor"]: value for value in ask(server.url, "api/sample?index=1").json["values"]}
    assert values["images"]["shape"] == [160, 120, 3]
    assert values["labels"]["text"] == f"dog, {EVIL}"
    assert values["notes"]["text"] == f"[{EVIL} 1]"
    assert values["masks"]["text"] == "2 outlines of 4, 4 points"
    assert values["boxes"]["shape"] == [2, 4]


def test_masks_that_are_arrays(deeplake: Any, tmp_path: Path) -> None:
    path = write_seen_lake(tmp_path / "lake", 6, masks="binary_mask", compression="png")
    with viewing(path) as server:
        samples = ask(server.url, "api/samples").json["samples"]
        assert [sample["masks"] for sample in samples] == [True, True, True, True, False, True]
        for index in (1, 2, 4):
            stored = penstock.open(path)["masks"][index]
            with Image.open(io.BytesIO(ask(server.url, f"masks?index={index}").body)) as opened:
                tinted = np.asarray(opened.convert("RGBA"))[..., 3] > 0
            if stored.shape[-1]:
                np.testing.assert_array_equal(tinted, stored.any(axis=-1))
            else:
                assert not tinted.any()
        assert ask(server.url, "image?index=0").headers["Content-Type"] == "image/png"


def test_pixels_that_are_in_no_file_become_one(deeplake: Any, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("pictures", htype="image", sample_compression="lz4")
        lake.create_tensor("kind", htype="class_label", class_names=["a", "b"])
        lake.pictures.append(picture(30, 50, 3))
        lake.kind.append(np.array([1], np.uint32))
        lake.pictures.append(picture(20, 50, 3))
        lake.kind.append(np.array([0], np.uint32))
    with viewing(tmp_path / "lake") as server:
        answer = ask(server.url, "image?index=0")
        assert answer.headers["Content-Type"] == "image/png"
        with Image.open(io.BytesIO(answer.body)) as opened:
            np.testing.assert_array_equal(np.asarray(opened), picture(30, 50, 3))
        samples = ask(server.url, "api/samples").json["samples"]
        assert [[each["name"] for each in sample["image_labels"]] for sample in samples] == [["b"], ["a"]]
        assert indices(ask(server.url, "api/samples?label=0")) == [1]


def test_png_files_are_what_they_were_made_of() -> None:
    for shape in ((1, 1, 3), (7, 5, 3), (40, 60, 3)):
        pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        with Image.open(io.BytesIO(rgb_png(pixels))) as opened:
            np.testing.assert_array_equal(np.asarray(opened), pixels)
    masks = np.random.default_rng(1).random((300, 9, 8)) < 0.02
    colours = [(number % 256, 255 - number % 256, 7) for number in range(300)]
    with Image.open(io.BytesIO(masks_png(masks, colours))) as opened:
        rgba = np.asarray(opened.convert("RGBA"))
    np.testing.assert_array_equal(rgba[..., 3] > 0, masks.any(axis=0))
    for y, x in np.argwhere(masks.any(axis=0)):
        assert tuple(rgba[y, x, :3]) == colours[np.flatnonzero(masks[:, y, x])[-1] % 255]


def test_bad_samples_are_told_by_the_check(seen: Path, tmp_path: Path) -> None:
    path = shutil.copytree(seen, tmp_path / "lake")
    for index in (3, 8):
        replace_sample(path, "images", index, lambda data: data[: len(data) // 2].ljust(len(data), b"\0"))
    with viewing(path) as server:
        assert ask(server.url, "api/samples?label=bad").json["total"] == 0
        assert ask(server.url, "api/check", "POST").json["state"] in ("running", "done")
        until = time.monotonic() + 60
        while (check := ask(server.url, "api/check").json)["state"] == "running" and time.monotonic() < until:
            time.sleep(0.02)
        assert (check["state"], [each["index"] for each in check["findings"]]) == ("done", [3, 8])
        found = ask(server.url, "api/samples?label=bad").json["samples"]
        assert [sample["index"] for sample in found] == [3, 8]
        assert "tensor 'images', sample 3" in found[0]["bad"][0]
        assert ask(server.url, "api/sample?index=3").json["bad"] == found[0]["bad"]
        assert ask(server.url, "api/sample?index=4").json["bad"] == []


def test_a_sample_that_cannot_be_read_hides_no_other(seen: Path, tmp_path: Path) -> None:
    path = shutil.copytree(seen, tmp_path / "lake")
    (chunk,) = (path / "boxes" / "chunks").iterdir()
    chunk.unlink()
    with viewing(path) as server:
        samples = ask(server.url, "api/samples?count=3").json["samples"]
        assert ["boxes" in sample["error"] for sample in samples] == [True] * 3
        values = {value["tensor"]: value for value in ask(server.url, "api/sample?index=1").json["values"]}
        assert values["boxes"]["error"] and not values["labels"]["error"]
        assert ask(server.url, "image?index=1").status == 200


def test_numbers_that_json_has_no_word_for(deeplake: Any, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("images", htype="image", sample_compression="png")
        lake.create_tensor("boxes", htype="bbox", dtype="float32")
        lake.images.append(picture(20, 30, 3))
        lake.boxes.append(np.array([[np.nan, 1, 2, 3], [1, 2, np.inf, 4], [1, 2, 3, 4]], np.float32))
    with viewing(tmp_path / "lake") as server:
        (sample,) = ask(server.url, "api/samples").json["samples"]
        assert [each["box"] for each in sample["boxes"]] == [[1, 2, 3, 4]]
        assert ask(server.url, "api/sample?index=0").status == 200


def test_a_dataset_on_a_web_server(seen: Path, server: ViewServer) -> None:
    files = FileServer(seen)
    try:
        with viewing(files.url) as remote:
            assert ask(remote.url, "api/samples?label=2").json == ask(server.url, "api/samples?label=2").json
            assert ask(remote.url, "image?index=9").body == ask(server.url, "image?index=9").body
    finally:
        files.close()


def test_what_a_pipeline_makes(seen: Path) -> None:
    def pipeline(index: int, epoch: int) -> list[Shown]:
        pixels = picture(20 + epoch, 30, 3, seed=index)
        masks = np.zeros((1, 20 + epoch, 30), bool)
        masks[0, 2:5, 3:6] = True
        boxes = np.array([[1.0, 2.0, 11.0, 8.0]])
        return [Shown(pixels, boxes, [EVIL], index + (epoch == 9), masks, np.array([[0.0, 0, 3, 3]]), {"flip": None})]

    with viewing(seen, pipeline, "cfg.py") as server:
        assert ask(server.url, "api/dataset").json["pipeline"] == "cfg.py"
        (view,) = ask(server.url, "api/fed?index=3&epoch=2").json["views"]
        assert (view["width"], view["height"], view["notes"]) == (30, 22, {"flip": "None"})
        assert view["boxes"][0]["box"] == [1, 2, 10, 6] and view["boxes"][0]["name"] == EVIL
        assert view["ignored"][0]["box"] == [0, 0, 3, 3]
        (other,) = ask(server.url, "api/fed?index=3&epoch=9").json["views"]
        assert other["notes"] == {"in its place": "sample 4", "flip": "None"}
        assert view["image"].startswith("data:image/png;base64,")
        assert ask(server.url, "api/fed?index=3&epoch=-1").status == 400

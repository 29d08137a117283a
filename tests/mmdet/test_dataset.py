"""What the dataset refuses, and what it does where training rejects a sample."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock.errors import (
    CommitNotFoundError,
    ConfigError,
    DatasetFormatError,
    DatasetNotFoundError,
    TransformError,
    ViewNotFoundError,
)
from support.coco_lakes import CocoPair
from support.detection import LOAD, TEST_PIPELINE, training
from support.lake import new_lake, open_lake


def build(path: Path, **options: Any) -> Any:
    from penstock.integrations import mmdet as mmdet_deeplake

    return mmdet_deeplake.build_dataset({"deeplake_path": str(path), "pipeline": LOAD, **options})


@pytest.fixture
def make(mmdet: Any, deeplake: Any, tmp_path: Path) -> Callable[..., Path]:
    """Writes a dataset with a box in each image."""

    def write(labels: list[int], names: list[str] | None, ids: list[int] | None = None, **info: Any) -> Path:
        with new_lake(tmp_path / "lake") as lake:
            lake.create_tensor("images", htype="image", sample_compression="png")
            lake.create_tensor("boxes", htype="bbox")
            lake.create_tensor("labels", htype="class_label", **({"class_names": names} if names else {}))
            if ids is not None:
                lake.create_tensor("image_ids", dtype="int64")
                lake.image_ids.extend(np.array(ids).reshape(-1, 1))
            for label in labels:
                lake.images.append(np.full((40, 50, 3), label, np.uint8))
                lake.boxes.append(np.array([[2, 3, 20, 30]], np.float32))
                lake.labels.append(np.array([label], np.uint32))
            lake.labels.info.update(**info)
        return tmp_path / "lake"

    return write


def test_without_official_numbers_classes_count_from_one_and_images_from_zero(make: Any) -> None:
    found = build(make([0, 1, 1], ["a", "b"]))
    assert (found.cat_ids, found.img_ids) == ([1, 2], [0, 1, 2])
    assert [found.get_cat_ids(index) for index in range(3)] == [[1], [2], [2]]
    assert found.data_infos[2]["filename"] == "000000000002.png"


def test_classes_of_the_configuration_name_labels_without_names(make: Any) -> None:
    path = make([0, 1], None)
    with pytest.raises(ConfigError, match=r"does not name its classes.*classes=\(\.\.\.\)"):
        build(path)
    assert build(path, classes=["a", "b"]).CLASSES == ("a", "b")


def test_the_name_of_a_class_in_place_of_a_list(make: Any) -> None:
    with pytest.raises(ConfigError, match=r"classes: 'a' would be a file.*cannot be read.*classes=\('a',\)"):
        build(make([0, 1], ["a", "b"]), classes="a")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (3, "classes: a list of names is needed, got 3"),
        ([0, 1], r"classes: a list of names is needed, got \[0, 1\]"),
        (["a", "b", "a"], "classes: 'a' is listed twice"),
        ((), r"classes: \(\) leaves none. Leave it out to use all"),
    ],
    ids=str,
)
def test_wrong_classes(make: Any, classes: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(make([0, 1], ["a", "b"]), classes=classes)


def test_classes_from_a_file(make: Any, tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("b\n")
    found = build(make([0, 1], ["a", "b"]), classes=str(tmp_path / "classes.txt"))
    assert (len(found), found.cat_ids) == (1, [2])


def test_a_class_that_is_not_there(make: Any) -> None:
    with pytest.raises(ConfigError, match=r"there is no class 'dogg'. Did you mean 'dog'"):
        build(make([0], ["dog"]), classes=["dogg"])


def test_labels_out_of_range(make: Any) -> None:
    with pytest.raises(DatasetFormatError, match="the label 2 has no class: there are 2") as caught:
        build(make([0, 2], ["a", "b"]))
    assert (caught.value.tensor, caught.value.index) == ("labels", 1)


@pytest.mark.parametrize("ids", [[1], [1, 1], ["1", "2"], 3])
def test_official_numbers_that_do_not_fit(make: Any, ids: Any) -> None:
    with pytest.raises(DatasetFormatError, match="'category_ids' must be 2 different integers"):
        build(make([0, 1], ["a", "b"], category_ids=ids))


def test_two_images_of_one_number(make: Any) -> None:
    with pytest.raises(DatasetFormatError, match="two images have the same number"):
        build(make([0, 1], ["a", "b"], ids=[4, 4]))


def test_no_image_left(make: Any) -> None:
    with pytest.raises(ConfigError, match=r"no image is left.*filter_empty_gt"):
        build(make([0, 0], ["a", "b"]), classes=["b"])


def test_empty_images(mmdet: Any, lake: Callable[[str], Path]) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    dataset = penstock.open(lake("jpeg_images"))
    with pytest.raises(DatasetFormatError, match="the image is empty") as caught:
        mmdet_deeplake.compile_pipeline(TEST_PIPELINE, dataset=dataset, tensors={"img": "images"})
    assert (caught.value.tensor, caught.value.index) == ("images", 18)


def test_a_pickled_dataset_gives_the_same_items(awkward: CocoPair) -> None:
    found = build(awkward.lake, pipeline=training())
    copied = pickle.loads(pickle.dumps(found))
    assert torch.equal(copied[3]["img"].data, found[3]["img"].data)


def test_validation_is_not_shuffled(awkward: CocoPair) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    with pytest.raises(ConfigError, match="not shuffled"):
        mmdet_deeplake.build_dataloader(build(awkward.lake, test_mode=True), 1, 0)


def test_no_such_dataset(mmdet: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError):
        build(tmp_path / "missing")
    with pytest.raises(ConfigError, match="no deeplake_path"):
        build(tmp_path, deeplake_path=None)


def test_a_commit_or_branch_may_be_named(make: Callable[..., Path]) -> None:
    path = make([0, 1, 1], ["a", "b"])
    with open_lake(path, read_only=False) as lake:
        first = lake.commit("three images")
        lake.labels[0] = np.array([1], np.uint32)
        lake.checkout("side", create=True)
        for tensor in (lake.images, lake.boxes, lake.labels):
            tensor.pop()
    for commit, labels in (("", [2, 2, 2]), (first, [1, 2, 2]), ("side", [2, 2])):
        found = build(path, deeplake_commit_id=commit)
        assert [found.get_cat_ids(index) for index in range(len(found))] == [[label] for label in labels]
    with pytest.raises(CommitNotFoundError, match="'side'"):
        build(path, deeplake_commit_id="sied")


def test_a_saved_view_is_its_samples(awkward: CocoPair, tmp_path: Path) -> None:
    path = Path(shutil.copytree(awkward.lake, tmp_path / "lake"))
    with open_lake(path, read_only=False) as lake:
        lake.commit("all of it")
        lake[::-2].save_view(id="backwards")
    settings = {"test_mode": True, "pipeline": LOAD[:1]}
    whole, view = build(path, **settings), build(path, **settings, deeplake_view_id="backwards")
    rows = list(range(len(whole)))[::-2]
    assert len(view) == len(rows)
    for position, row in enumerate(rows):
        assert {**view.data_infos[position], "index": row} == whole.data_infos[row]
        assert view.get_cat_ids(position) == whole.get_cat_ids(row)
        np.testing.assert_array_equal(view[position]["img"], whole[row]["img"])
    assert len(view.coco.anns) == sum(len(whole.get_cat_ids(row)) for row in rows)
    with pytest.raises(ViewNotFoundError, match="'backwards'"):
        build(path, deeplake_view_id="backward")


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_dataset_of_deeplake_stands_in_for_the_path(loader_type: str, awkward: CocoPair, native: Any) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    settings = {"pipeline": TEST_PIPELINE, "test_mode": True}
    whole = build(awkward.lake, **settings)
    with open_lake(awkward.lake) as lake:
        view = mmdet_deeplake.build_dataset(settings, dataset=lake[1:6:2])
    assert [info["id"] for info in view.data_infos] == [whole.data_infos[row]["id"] for row in (1, 3, 5)]
    loader = mmdet_deeplake.build_dataloader(view, 1, 0, shuffle=False, loader_type=loader_type)
    for row, batch in zip((1, 3, 5), loader, strict=True):
        np.testing.assert_allclose(batch["img"][0][0], whole[row]["img"][0], atol=1e-5)


def test_credentials_are_not_needed(awkward: CocoPair) -> None:
    assert len(build(awkward.lake, deeplake_credentials={"token": "unused"})) > 0


def test_both_loaders_train_alike_on_a_view(awkward: CocoPair, native: Any) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    with open_lake(awkward.lake) as lake:
        view = mmdet_deeplake.build_dataset({"pipeline": training(flip=0.5)}, dataset=lake[::-1])
    loaders = [
        mmdet_deeplake.build_dataloader(view, 2, 0, shuffle=True, seed=3, loader_type=loader_type)
        for loader_type in ("c++", "python")
    ]
    batches = [[batch for _ in range(2) for batch in loader] for loader in loaders]
    assert len(batches[0]) > 2
    for ours, theirs in zip(*batches, strict=True):
        assert [meta["filename"] for meta in ours["img_metas"].data[0]] == [
            meta["filename"] for meta in theirs["img_metas"].data[0]
        ]
        assert [meta["flip"] for meta in ours["img_metas"].data[0]] == [
            meta["flip"] for meta in theirs["img_metas"].data[0]
        ]
        for key in ("gt_bboxes", "gt_labels"):
            for our, their in zip(ours[key].data[0], theirs[key].data[0], strict=True):
                np.testing.assert_array_equal(our, their)
        np.testing.assert_allclose(ours["img"].data[0], theirs["img"].data[0], atol=1e-4)


class RejectOdd:
    """A transform that rejects half of the images, as crops without boxes do."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any] | None:
        return None if results["img_info"]["index"] % 2 else results


class RejectAll:
    def __call__(self, results: dict[str, Any]) -> None:
        return None


def test_rejected_samples_are_replaced_from_their_group(awkward: CocoPair) -> None:
    found = build(awkward.lake, pipeline=[*LOAD, {"type": RejectOdd}])
    for position, index in enumerate(found.indices.tolist()):
        replacement = found[position]["img_info"]["index"]
        assert replacement % 2 == 0
        assert found.flag[found.indices.tolist().index(replacement)] == found.flag[position]
        if index % 2 == 0:
            assert replacement == index


def test_a_pipeline_that_rejects_everything_ends(awkward: CocoPair) -> None:
    with pytest.raises(TransformError, match="rejected 100 samples in a row"):
        _ = build(awkward.lake, pipeline=[*LOAD, {"type": RejectAll}])[0]


def test_the_dataset_describes_itself(awkward: CocoPair) -> None:
    assert "number of images" in repr(build(awkward.lake, pipeline=training()))

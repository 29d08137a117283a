"""``decode="data"``: samples as deeplake's ``Tensor.data()`` gives them, with either loader type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock import errors
from support.images import picture
from support.lake import new_lake, open_lake
from support.same import assert_same

Lake = Callable[[str], Path]

both = pytest.mark.parametrize("loader_type", ["c++", "python"])


def plain(value: Any) -> Any:
    """Text without numpy's type, in lists too."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def assert_same_data(ours: Any, theirs: Any, where: Any, htype: str = "", is_sequence: bool = False) -> None:
    assert type(ours) is dict
    assert list(ours) == list(theirs), where
    for key, value in theirs.items():
        found = ours[key]
        if htype in ("list", "tag"):
            # They stay the arrays that Deep Lake's loader gives; Tensor.data() makes lists of them.
            found = [list(item) for item in found] if is_sequence else list(found)
        assert_same(found, plain(value), (where, key))


def data_of(sample: Any) -> Any:
    """deeplake's, of sequences of items of several shapes too."""
    from deeplake.util.exceptions import DynamicTensorNumpyError

    try:
        return sample.data()
    except DynamicTensorNumpyError:
        return sample.data(aslist=True)


DATASETS = [
    ("annotations", ["pixels/boxes", "labels", "masks", "areas", "points", "vectors"]),
    ("jpeg_images", ["images", "gray"]),
    ("png_images", ["rgb", "palette"]),
    ("raw_images", ["plain", "lz4_samples"]),
    ("scalars", None),
    ("texts", ["raw/text", "lz4_sample/json", "raw/list", "lz4_chunk/tag"]),
    ("sequences", ["labels", "boxes", "text", "json", "list", "images_jpeg", "images_png"]),
    ("linked", None),
    ("polygons", ["raw/varying"]),
]


@pytest.mark.parametrize(("dataset", "names"), DATASETS)
def test_data_is_that_of_deeplake(dataset: str, names: list[str] | None, lake: Lake, deeplake: Any) -> None:
    path = lake(dataset)
    ours = penstock.open(path)
    compared = 0
    with open_lake(path) as oracle:
        for name in names or list(ours.tensors):
            for index in range(len(ours[name])):
                tensor, expected = ours[name], data_of(oracle[name][index])
                kind = (tensor.base_htype, tensor.is_sequence)
                assert_same_data(tensor.read(index, decode="data"), expected, (name, index), *kind)
                compared += 1
    assert compared


@both
def test_loaders_give_data(loader_type: str, lake: Lake, native: Any) -> None:
    path = lake("annotations")
    names = ["pixels/boxes", "labels", "vectors"]
    source = penstock.open(path)
    decode = dict.fromkeys(names[:2], "data")
    with penstock.DataLoader(path, 3, tensors=names, decode=decode, loader_type=loader_type) as loader:
        index = 0
        for batch in loader:
            assert [type(batch[name]) for name in names[:2]] == [list, list]
            for position, vector in enumerate(batch["vectors"]):
                np.testing.assert_array_equal(vector, source["vectors"][index])
                for name in names[:2]:
                    assert_same(batch[name][position], source[name].read(index, decode="data"), (name, index))
                index += 1
    assert index == 7


@both
def test_data_of_a_view_is_the_samples_own(loader_type: str, lake: Lake, native: Any) -> None:
    with open_lake(lake("jpeg_images")) as oracle:
        view = oracle[[16, 3, 17]]
        loader = penstock.DataLoader(view, tensors=["images"], decode={"images": "data"}, loader_type=loader_type)
        for index, batch in enumerate(loader):
            assert_same_data(batch["images"][0], view["images"][index].data(), index)
        assert batch["images"][0]["sample_info"]["exif"]


def test_a_label_without_a_name(deeplake: Any, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("labels", htype="class_label", class_names=["a"])
        lake.labels.extend(np.array([[0, 1], [1, 0]], np.uint32))
        lake.create_tensor("nameless", htype="class_label")
        lake.nameless.extend(np.array([[0, 1], [1, 0]], np.uint32))
    ours = penstock.open(tmp_path / "lake")
    assert ours["labels"].read(0, decode="data")["text"] == ["a", None]
    assert list(ours["nameless"].read(0, decode="data")) == ["value"]


def test_data_without_notes_of_the_samples(deeplake: Any, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("image", htype="image", sample_compression="png", create_sample_info_tensor=False)
        lake.image.append(picture(5, 6))
    sample = penstock.open(tmp_path / "lake")["image"].read(0, decode="data")
    assert sample["sample_info"] == {}
    np.testing.assert_array_equal(sample["value"], picture(5, 6))


def test_pipelines_need_arrays(mmdet: Any, lake: Lake) -> None:
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "Collect", "keys": ["img"], "meta_keys": []}]
    with pytest.raises(errors.ConfigError, match=r"decode\['img'\] is 'data', but the pipeline needs arrays"):
        penstock.DataLoader(lake("equal_images"), tensors={"img": "jpegs"}, transform=pipeline, decode={"img": "data"})

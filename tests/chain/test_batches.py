"""Batches of Deep Lake's chain: what its own tests ask of them, for either loader type."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler

import penstock
from penstock import errors
from penstock.chain import Chain
from support.chains import equal, growing, reordered, squares, write
from support.images import jpeg, picture, png
from support.lake import encoded, new_lake, open_lake

Begin = Callable[..., Chain]


def assert_numbers(batches: Any, numbers: list[int]) -> None:
    """Batches of one sample of ``growing`` and of ``equal`` each."""
    count = 0
    for number, batch in zip(numbers, batches, strict=True):
        np.testing.assert_array_equal(batch["image"].numpy(), number * np.ones((1, number + 1, number + 1)))
        np.testing.assert_array_equal(batch["image2"].numpy(), number * np.ones((1, 12, 12)))
        count += 1
    assert count == len(numbers)


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_and_views(begin: Begin, workers: int, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", image=growing(), image2=equal())
    chain = begin(path).batch(1).pytorch(num_workers=workers)
    assert len(chain.dataset) == len(chain) == 16
    for _ in range(2):
        assert_numbers(chain, list(range(16)))
    with open_lake(path) as lake:
        for part in (slice(5, None), slice(8, 12), slice(0, 5)):
            view = begin(lake[part]).pytorch(num_workers=workers)
            for _ in range(2):
                assert_numbers(view, list(range(16))[part])


@pytest.mark.parametrize("workers", [0, 2])
def test_shuffled_samples_and_views(begin: Begin, workers: int, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", image=growing(), image2=equal())
    with open_lake(path) as lake:
        for part in (slice(None), slice(5, None), slice(8, 12)):
            chain = begin(lake[part]).batch(1).shuffle().pytorch(num_workers=workers)
            orders = []
            for _ in range(2):
                orders.append([int(batch["image"].flatten()[0]) for batch in chain])
                assert sorted(orders[-1]) == list(range(16))[part]
            assert orders[0] != orders[1]


def test_a_tensor_that_is_shorter_makes_an_epoch_shorter(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", x=({}, list(range(5))), y=({}, list(range(10))))
    batches = list(begin(path).pytorch())
    assert len(batches) == 5
    for number, batch in enumerate(batches):
        assert batch["x"].tolist() == batch["y"].tolist() == [[number]]


def test_length_where_a_tensor_has_no_samples(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", images=growing(), label=({}, []))
    assert len(begin(path).batch(1).pytorch()) == 0
    assert len(begin(path).batch(2).pytorch(tensors=["images"])) == 8


def test_a_tensor_without_samples_is_an_error_of_the_iteration(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", x=({}, list(range(5))), y=({}, []))
    for chain in (begin(path).pytorch(), begin(path).pytorch(tensors=["x", "y"])):
        with pytest.raises(errors.ConfigError, match=r"the tensor has no samples \(tensor 'y'.*choose others"):
            list(chain)
    assert len(list(begin(path).pytorch(tensors=["x"]))) == 5


def test_compressed_images_and_labels(begin: Begin, tmp_path: Path) -> None:
    ones = np.ones((16, 12, 12, 3), np.uint8)
    path = write(
        tmp_path / "lake",
        images=({"htype": "image", "sample_compression": "png", "max_chunk_size": 5000}, ones),
        labels=({"htype": "class_label", "max_chunk_size": 5000}, np.ones((16, 1), np.uint32)),
    )
    for chain in (begin(path).pytorch(), begin(path).shuffle().pytorch()):
        for _ in range(2):
            batches = list(chain)
            assert len(batches) == 16
            for batch in batches:
                assert batch["images"].numpy().shape == (1, 12, 12, 3)
                assert (batch["labels"].shape, batch["labels"].dtype) == ((1, 1), torch.int64)


def test_tensors_come_in_the_order_they_are_named_in(begin: Begin, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stored = {name: rng.random((3, 4, 5)) for name in "abcd"}
    path = write(tmp_path / "lake", **{name: ({}, samples) for name, samples in stored.items()})
    with pytest.raises(KeyError, match="there is no tensor 'e'"):
        begin(path).pytorch(tensors=["c", "d", "e"])
    chain = begin(path).pytorch(tensors=["c", "d", "a"], return_index=False)
    count = 0
    for number, batch in enumerate(chain):
        for same in (batch, pickle.loads(pickle.dumps(batch)), batch.copy()):
            assert type(same) is type(batch)
            values = dict(zip("cda", same, strict=True))
            assert "b" not in same
            assert list(same.keys()) == ["c", "d", "a"]
            for name, value in values.items():
                assert torch.equal(value, same[name])
                np.testing.assert_array_equal(value[0], stored[name][number])
        count += 1
    assert count == 3


def test_reading_locks_and_writes_nothing(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", images=({"max_chunk_size": 5000}, np.ones((10, 12, 12))), labels=({}, np.ones(10)))
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    with open_lake(path, read_only=True) as lake:
        assert len(list(begin(lake).pytorch(num_workers=2))) == 10
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before


def test_names_of_groups(begin: Begin, tmp_path: Path) -> None:
    cat, flower = picture(20, 30, 3, seed=1), picture(9, 8, 3, seed=2)
    files = (encoded(jpeg(cat), "jpeg"), encoded(png(flower), "png"))
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("images/jpegs/cats", htype="image", sample_compression="jpeg")
        lake.create_tensor("images/pngs/flowers", htype="image", sample_compression="png")
        lake.create_tensor("arrays/x")
        lake["images/jpegs/cats"].extend([files[0]] * 10)
        lake["images/pngs/flowers"].extend([files[1]] * 10)
        lake["arrays/x"].extend(np.ones((10, 2, 3)))
    with open_lake(tmp_path / "lake") as lake:
        expected = lake["images/jpegs/cats"][0].numpy()
        for dataset, tensors in ((lake, ["images/jpegs/cats", "images/pngs/flowers"]), (lake["images"], None)):
            batches = list(begin(dataset).pytorch(tensors=tensors, return_index=False))
            assert len(batches) == 10
            for batch in batches:
                assert list(batch.keys()) == ["images/jpegs/cats", "images/pngs/flowers"]
                cats, flowers = batch
                np.testing.assert_array_equal(cats[0], expected)
                np.testing.assert_array_equal(flowers[0], flower)
        # A group's tensors have both names.
        for name in ("jpegs/cats", "images/jpegs/cats"):
            (key,) = next(iter(begin(lake["images"]).pytorch(tensors=[name], return_index=False))).keys()
            assert key == "images/jpegs/cats"


def test_renamed_tensors_and_groups(begin: Begin, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("abc")
        lake.create_tensor("blue/green")
        lake.abc.append([1, 2, 3])
        lake.rename_tensor("abc", "xyz")
        lake.rename_group("blue", "red")
        lake["red/green"].append([1, 2, 3, 4])
    (batch,) = begin(tmp_path / "lake").pytorch(return_index=False)
    assert set(batch.keys()) == {"xyz", "red/green"}
    assert (batch["xyz"].tolist(), batch["red/green"].tolist()) == ([[1, 2, 3]], [[1, 2, 3, 4]])


VIEWS = [
    *(slice(2, 7), slice(3, 10, 2), slice(None, 10), slice(None, None, -1), slice(None, None, -2)),
    *([2, 3, 4], [2, 4, 6, 8], [2, 2, 4, 4, 6, 6, 7, 7, 8, 8, 9, 9, 9], [4, 3, 2, 1], 3, [7, 0, 7, 1] * 25),
]


@pytest.mark.parametrize("index", VIEWS, ids=str)
def test_views(begin: Begin, index: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, films = rng.random((10, 15, 15, 2)), rng.random((10, 4, 3, 4, 2))
    path = write(tmp_path / "lake", img1=({}, images), img2=({}, films), label=({}, list(range(10))))
    expected = np.atleast_1d(np.arange(10)[index])
    with open_lake(path) as lake:
        chain = begin(lake[index]).pytorch()
        for _ in range(2):
            batches = list(chain)
            assert [int(batch["label"]) for batch in batches] == expected.tolist()
            # Deep Lake's index is the dataset's, not the view's.
            assert [batch["index"].tolist() for batch in batches] == [[[number]] for number in expected.tolist()]
            for number, batch in zip(expected, batches, strict=True):
                np.testing.assert_array_equal(batch["img1"][0], images[number])
                np.testing.assert_array_equal(batch["img2"][0], films[number])
        shuffled = begin(lake[index]).shuffle().batch(2, drop_last=True).pytorch()
        found = [int(label) for batch in shuffled for label in batch["label"]]
        assert len(found) == len(shuffled) * 2 == len(expected) // 2 * 2
        remaining = expected.tolist()
        for number in found:
            remaining.remove(number)
        assert len(remaining) == len(expected) % 2


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_collate_function(begin: Begin, shuffle: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", a=({}, 100 * [0]), b=({}, 100 * [1]), c=({}, 100 * [2]))
    chain = begin(path).batch(4).pytorch(collate_fn=reordered)
    batches = list(chain.shuffle() if shuffle else chain)
    assert len(batches) == 25
    for (a, b), c in batches:
        assert (a.tolist(), b.tolist(), c.tolist()) == ([[0]] * 4, [[1]] * 4, [[2]] * 4)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_index(begin: Begin, shuffle: bool, workers: int, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", xyz=squares())
    chain = begin(path).batch(4).pytorch(num_workers=workers, return_index=True)
    batches = list(chain.shuffle() if shuffle else chain)
    assert len(batches) == 2
    for batch in batches:
        assert list(batch.keys()) == ["xyz", "index"]
        assert (batch["index"].shape, batch["index"].dtype) == ((4, 1), torch.int64)
        np.testing.assert_array_equal(batch["index"][:, 0], batch["xyz"][:, 0, 0])
    with pytest.raises(ValueError, match="index is not a tensor, to get index, pass return_index=True"):
        begin(path).pytorch(tensors=["xyz", "index"])
    assert all(list(batch.keys()) == ["xyz"] for batch in begin(path).pytorch(return_index=False))


def test_attributes_of_torchs_loader(begin: Begin, tmp_path: Path) -> None:
    chain = begin(write(tmp_path / "lake", xyz=squares())).batch(3).pytorch()
    assert isinstance(chain, torch.utils.data.DataLoader)
    assert isinstance(chain.batch_sampler, BatchSampler)
    assert chain.batch_sampler.sampler is not None
    assert (chain.batch_size, chain.drop_last) == (3, False)
    with pytest.raises(ValueError, match="batch_size of a chain cannot be set"):
        chain.batch_size = 4
    with pytest.raises(AttributeError):
        chain.nothing_like_it  # noqa: B018


def test_a_dataset_without_tensors_is_refused(begin: Begin, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake"):
        pass
    with pytest.raises(errors.ConfigError, match="no tensors to load"):
        list(begin(tmp_path / "lake").pytorch())


def test_samples_picked_by_number(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", xyz=squares())
    with open_lake(path) as lake:
        for dataset, expected in ((penstock.open(path)[[6, 1, 3]], [6, 1, 3]), (penstock.open(lake[2:])[-2:], [6, 7])):
            batches = list(begin(dataset).pytorch())
            assert [int(batch["index"]) for batch in batches] == expected
            assert [int(batch["xyz"][0, 0, 0]) for batch in batches] == expected
            with pytest.raises(errors.UnsupportedError, match="samples picked by number"):
                begin(dataset).query("xyz.max > 1")


def test_a_view_without_samples(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", xyz=squares())
    with open_lake(path) as lake:
        for chain in (begin(lake[[]]).pytorch(), begin(lake[4:4]).numpy(), begin(path).query("xyz.max > 99").pytorch()):
            assert (len(chain), list(chain)) == (0, [])


def test_a_batch_that_numpy_makes_is_a_list_of_samples(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", x=({"dtype": "uint16"}, np.arange(5, dtype=np.uint16)), xyz=squares(5))
    for chain in (begin(path).batch(2), begin(path).batch(2).numpy()):
        batches = list(chain)
        assert [len(batch) for batch in batches] == [2, 2, 1]
        samples = [sample for batch in batches for sample in batch]
        for number, sample in enumerate(samples):
            assert list(sample.keys()) == ["x", "xyz"]
            x, xyz = sample
            assert (x.dtype, x.tolist()) == (np.uint16, [number])
            np.testing.assert_array_equal(xyz, number * np.ones((2, 2)))


def test_bad_samples_are_left_out(begin: Begin, tmp_path: Path) -> None:
    good, bad = jpeg(picture(20, 30, 3)), jpeg(picture(20, 30, 3))[:700]
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("image", htype="image", sample_compression="jpeg")
        for _ in range(3):
            lake.image.extend([encoded(good, "jpeg")] * 10)
            lake.image.append(encoded(bad, "jpeg"))
    with open_lake(tmp_path / "lake") as lake:
        expected = lake.image[0].numpy()
    chain = begin(tmp_path / "lake", ignore_errors=True).batch(2).pytorch()
    images = [image for batch in chain for image in batch["image"]]
    # Others stand in for them, so that lengths stay.
    assert len(images) == 33
    assert chain.stats()["errors"] == 3
    for image in images:
        np.testing.assert_array_equal(image, expected)

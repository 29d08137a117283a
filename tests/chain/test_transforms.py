"""Transforms of Deep Lake's chain, for either loader type, with and without worker processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penstock import errors
from penstock.chain import Chain
from support.chains import (
    as_list,
    double,
    equal,
    growing,
    identity,
    index_and_xyz,
    listed,
    rotated,
    squares,
    two_of,
    write,
)
from support.lake import new_lake, open_lake

Begin = Callable[..., Chain]

with_workers = pytest.mark.parametrize("workers", [0, 2])


@with_workers
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_function_with_arguments(begin: Begin, workers: int, shuffle: bool, tmp_path: Path) -> None:
    """Of a branch on which a tensor was added; batches as the user's collate_fn and as the default makes them."""
    with new_lake(tmp_path / "lake") as lake:
        kind, samples = growing()
        lake.create_tensor("image", **kind).extend(samples)
        lake.checkout("alt", create=True)
        kind, samples = equal()
        lake.create_tensor("image2", **kind).extend(samples)
        chain = begin(lake).batch(1).transform(two_of, first="image", second="image2").shuffle(shuffle)
        for collate_fn in (as_list, None):
            numbers = []
            for batch in chain.pytorch(num_workers=workers, collate_fn=collate_fn):
                image, image2 = batch[0] if collate_fn else (batch[0][0], batch[1][0])
                number = int(np.asarray(image)[0, 0])
                np.testing.assert_array_equal(image, number * np.ones((number + 1, number + 1)))
                np.testing.assert_array_equal(image2, number * np.ones((12, 12)))
                numbers.append(number)
            assert sorted(numbers) == list(range(16))
            assert (numbers == list(range(16))) is not shuffle


@with_workers
def test_a_dict_of_functions_chooses_the_tensors(begin: Begin, workers: int, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", image=growing(), image2=equal(), image3=equal())
    chain = begin(path).transform({"image": double, "image2": None}).pytorch(num_workers=workers)
    assert len(chain.dataset) == 16
    for _ in range(2):
        batches = list(chain)
        assert len(batches) == 16
        for number, batch in enumerate(batches):
            assert list(batch.keys()) == ["image", "image2"]
            image, image2 = batch
            np.testing.assert_array_equal(image, 2 * number * np.ones((1, number + 1, number + 1)))
            np.testing.assert_array_equal(image2, number * np.ones((1, 12, 12)))


@pytest.mark.parametrize("shuffle", [True, False])
def test_links_after_pytorch(begin: Begin, shuffle: bool, tmp_path: Path) -> None:
    ones = np.ones((100, 30, 30))
    path = write(tmp_path / "lake", a=({}, 0 * ones), b=({}, ones), c=({}, 2 * ones))
    chain = begin(path).batch(4).pytorch(collate_fn=rotated).transform(listed)
    batches = list(chain.shuffle() if shuffle else chain)
    assert len(batches) == 25
    for batch in batches:
        assert len(batch) == 3
        for part, number in zip(batch, (2, 0, 1), strict=True):
            np.testing.assert_array_equal(part, number * np.ones((4, 30, 30)))


@with_workers
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_index_in_transforms(begin: Begin, workers: int, shuffle: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", xyz=squares())
    chain = begin(path).batch(4).shuffle(shuffle).transform(index_and_xyz)
    for batch in chain.pytorch(num_workers=workers, collate_fn=as_list):
        assert [len(sample) for sample in batch] == [2] * 4
        for index, xyz in batch:
            assert (index.dtype, index.shape, index[0]) == (np.int64, (1,), xyz[0, 0])
    for index, xyz in chain.pytorch(num_workers=workers):
        assert (index.shape, xyz.shape) == ((4, 1), (4, 2, 2))
        np.testing.assert_array_equal(index[:, 0], xyz[:, 0, 0])


@with_workers
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_index_in_dicts_of_functions(begin: Begin, workers: int, shuffle: bool, tmp_path: Path) -> None:
    chain = begin(write(tmp_path / "lake", xyz=squares())).batch(4).shuffle(shuffle)
    for batch in chain.transform({"xyz": double, "index": None}).pytorch(num_workers=workers, return_index=True):
        assert list(batch.keys()) == ["xyz", "index"]
        np.testing.assert_array_equal(2 * batch["index"][:, 0], batch["xyz"][:, 0, 0])
    for batch in chain.transform({"xyz": double}).pytorch(num_workers=workers, return_index=True):
        assert list(batch.keys()) == ["xyz"]
    with pytest.raises(errors.ConfigError, match="the transform names 'index'"):
        list(chain.transform({"xyz": double, "index": None}).pytorch(return_index=False))


def test_the_index_in_transforms_of_a_view(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", xyz=squares())
    with open_lake(path) as lake:
        chain = begin(lake[[6, 1, 3]]).transform(identity).pytorch(collate_fn=as_list)
        assert [int(batch[0]["index"][0]) for batch in chain] == [6, 1, 3]


def test_samples_iterate_over_values(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", x=({}, list(range(4))), y=({}, list(range(4, 8))))

    def sums(sample: Any) -> Any:
        x, y, index = sample
        return x + y + 10 * index

    (batch,) = begin(path).transform(sums).batch(4).pytorch()
    assert batch.tolist() == [[4], [16], [28], [40]]


def test_unsigned_numbers_are_widened_for_torch_alone(begin: Begin, tmp_path: Path) -> None:
    wide = {"uint8": "uint8", "uint16": "int32", "uint32": "int64", "uint64": "int64", "int16": "int16"}
    path = write(tmp_path / "lake", **{name: ({"dtype": name}, np.arange(3, dtype=name)) for name in wide})
    seen: list[dict[str, str]] = []

    def look(sample: Any) -> Any:
        seen.append({key: str(value.dtype) for key, value in sample.items() if key != "index"})
        return sample

    for chain in (begin(path).pytorch(), begin(path).transform(look).pytorch()):
        for number, batch in enumerate(chain):
            for name, wider in wide.items():
                assert (str(batch[name].dtype), batch[name].tolist()) == (f"torch.{wider}", [[number]])
    assert seen == [wide] * 3
    seen.clear()
    list(begin(path).transform(look).numpy())
    assert seen == [{name: name for name in wide}] * 3


def test_images_of_several_sizes_are_lists(begin: Begin, tmp_path: Path) -> None:
    """Deep Lake's collate fails here."""
    path = write(tmp_path / "lake", image=growing(5))
    for chain in (begin(path), begin(path).transform(identity)):
        (batch,) = chain.batch(5).pytorch(return_index=False)
        assert [tuple(image.shape) for image in batch["image"]] == [(n, n) for n in range(1, 6)]
        assert all(isinstance(image, torch.Tensor) for image in batch["image"])


def test_a_transform_that_fails_names_its_sample(begin: Begin, tmp_path: Path) -> None:
    def fail(sample: Any) -> Any:
        if sample["index"][0] == 5:
            raise KeyError("no such thing")
        return sample

    chain = begin(write(tmp_path / "lake", xyz=squares())).transform(fail).batch(4).pytorch()
    with pytest.raises(errors.TransformError, match=r"KeyError: 'no such thing'.*sample 5"):
        list(chain)

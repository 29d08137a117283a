"""Samples of several datasets as one: read by Python and by the core as the datasets give them themselves."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.dataset.joined import JoinedDataset
from penstock.errors import ChunkNotFoundError, ConfigError, TensorNotFoundError
from support.damage import chunk_file
from support.images import picture
from support.lake import new_lake, open_lake
from support.same import assert_same

TENSORS = {"images": ["images", "pictures"], "values": ["values", "values"], "outlines": ["outlines", "outlines"]}


def write(path: Path, images: str, samples: int, seed: int, compression: str = "png", dtype: str = "int32") -> None:
    """Chunks of a few samples: images, arrays compressed by chunk, polygons."""
    rng = np.random.default_rng(seed)
    with new_lake(path) as lake:
        lake.create_tensor(images, htype="image", sample_compression=compression, max_chunk_size=2**14)
        lake.create_tensor("values", dtype=dtype, chunk_compression="lz4", max_chunk_size=2**12)
        lake.create_tensor("outlines", htype="polygon")
        for number in range(samples):
            lake[images].append(picture(20 + number % 5, 30, 3, seed=seed + number))
            lake["values"].append(rng.integers(0, 99, (number % 4, 50)).astype(dtype))
            lake["outlines"].append([rng.random((3 + number % 3, 2)).astype(np.float32)] * (number % 3))


@pytest.fixture(scope="module")
def parts(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("parts")
    write(folder / "first", "images", 13, 1)
    write(folder / "second", "pictures", 9, 50)
    return [folder / "first", folder / "second"]


def joined(datasets: list[Any], tensors: dict[str, list[str]] = TENSORS, samples: int = 40) -> JoinedDataset:
    """Any samples in any order, some of them several times."""
    rng = np.random.default_rng(7)
    part_of = rng.integers(0, len(datasets), samples)
    index_of = np.array([rng.integers(0, len(datasets[part])) for part in part_of])
    chosen = {name: names[: len(datasets)] for name, names in tensors.items()}
    return JoinedDataset(datasets, chosen, part_of, index_of)


def assert_reads_as_its_parts(dataset: JoinedDataset, routes: set[str]) -> None:
    from penstock.loading.readings import Reading

    for name, tensor in dataset.tensors.items():
        places = list(zip(dataset.part_of.tolist(), dataset.index_of.tolist(), strict=True))
        expected = [tensor.parts[part][index] for part, index in places]
        assert Reading(tensor).route in routes, name
        assert len(tensor) == len(dataset) == len(expected)
        assert_same([tensor[index] for index in range(len(tensor))], expected, name)
        assert_same(tensor.numpy_all(), expected, name)
        if tensor.value_format is None:
            assert [tuple(shape) for shape in tensor.shapes().tolist()] == [sample.shape for sample in expected]
            assert [tensor.shape(index) for index in range(len(tensor))] == [sample.shape for sample in expected]
        for loader_type in ("c++", "python"):
            loader = penstock.DataLoader(
                dataset, batch_size=3, shuffle=True, seed=1, tensors=[name], loader_type=loader_type, return_index=True
            )
            with loader:
                for batch in loader:
                    for index, sample in zip(batch["index"].tolist(), batch[name], strict=True):
                        found = sample.numpy() if hasattr(sample, "numpy") else sample
                        assert_same([found], [expected[index]], (name, loader_type, index))


@pytest.mark.usefixtures("native")
def test_directories(parts: list[Path]) -> None:
    dataset = joined([penstock.open(path) for path in parts])
    assert_reads_as_its_parts(dataset, {"arrays", "bytes"})
    assert dataset.path == f"{parts[0]} + {parts[1]}"
    assert_reads_as_its_parts(pickle.loads(pickle.dumps(dataset)), {"arrays", "bytes"})


@pytest.mark.usefixtures("native")
def test_one_dataset_repeated(parts: list[Path]) -> None:
    assert_reads_as_its_parts(joined([penstock.open(parts[0])]), {"arrays", "bytes"})


@pytest.mark.usefixtures("native")
def test_views_and_storage_of_deeplakes(parts: list[Path]) -> None:
    """Chunks that the core reads itself beside chunks that it asks Python for."""
    import deeplake

    memory = deeplake.empty("mem://joined", overwrite=True)
    for name in ("images", "values", "outlines"):
        with open_lake(parts[0]) as lake:
            memory.create_tensor_like(name, lake[name])
            memory[name].extend([lake[name][i].numpy(aslist=name == "outlines") for i in range(len(lake))])
    with open_lake(parts[1]) as lake:
        dataset = joined([penstock.open(memory[2:11:2]), penstock.open(lake[[7, 3, 3, 1]])])
        assert_reads_as_its_parts(dataset, {"arrays", "bytes"})


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    ("options", "tensor", "reason"),
    [
        ({"compression": "jpeg"}, "images", "differ in sample compression: png and jpeg"),
        ({"dtype": "int16"}, "values", "differ in dtype: int32 and int16"),
    ],
)
def test_formats_that_differ_are_read_by_python(
    parts: list[Path], tmp_path: Path, options: dict[str, str], tensor: str, reason: str
) -> None:
    write(tmp_path / "other", "pictures", 5, 90, **options)
    dataset = joined([penstock.open(parts[0]), penstock.open(tmp_path / "other")])
    assert reason in dataset[tensor].apart
    for name in TENSORS:
        assert bool(dataset[name].apart) == (name == tensor)
    assert_reads_as_its_parts(dataset, {"arrays", "bytes", "python"})


@pytest.mark.usefixtures("native")
def test_arrays_of_one_shape_in_each_dataset(tmp_path: Path, deeplake: Any) -> None:
    """Deep Lake finds these by arithmetic, which does not work across shapes."""
    for name, shape in (("a", (2, 3)), ("b", (4, 1))):
        with new_lake(tmp_path / name) as lake:
            lake.create_tensor("values", dtype="float32")
            lake["values"].extend(np.arange(7 * np.prod(shape), dtype=np.float32).reshape(7, *shape))
    datasets = [penstock.open(tmp_path / name) for name in "ab"]
    dataset = joined(datasets, {"values": ["values", "values"]})
    assert "one shape" in dataset["values"].apart
    assert_reads_as_its_parts(dataset, {"python"})
    assert_reads_as_its_parts(joined([datasets[0]] * 2, {"values": ["values", "values"]}), {"arrays"})


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_missing_chunk_is_named_as_in_its_dataset(parts: list[Path], tmp_path: Path, loader_type: str) -> None:
    path = Path(shutil.copytree(parts[1], tmp_path / "lake"))
    file = chunk_file(path, "pictures", 6)
    file.unlink()
    dataset = JoinedDataset(
        [penstock.open(parts[0]), penstock.open(path)],
        {"images": ["images", "pictures"]},
        np.array([0, 1]),
        np.array([12, 6]),
    )
    with penstock.DataLoader(dataset, loader_type=loader_type) as loader, pytest.raises(ChunkNotFoundError) as caught:
        list(loader)
    error = caught.value
    assert (error.path, error.tensor, error.index) == (str(path), "pictures", 6)
    assert path / str(error.chunk) == file


def test_fingerprints_tell_which_samples_there_are(parts: list[Path]) -> None:
    datasets = [penstock.open(path) for path in parts]
    prints: set[str] = {joined(datasets[:count]).fingerprint() for count in (1, 2)}
    assert len(prints) == 2
    assert joined(datasets).fingerprint() in prints
    assert joined(datasets, samples=39).fingerprint() not in prints


def test_what_is_not_there(parts: list[Path]) -> None:
    dataset = joined([penstock.open(parts[0])])
    with pytest.raises(TensorNotFoundError, match="Did you mean 'images'"):
        dataset["image"]
    with pytest.raises(IndexError, match="sample 40 of tensor 'images' is out of range: it has 40"):
        dataset["images"][40]
    with pytest.raises(ConfigError, match="neither commits nor views"):
        penstock.open(dataset, commit="main")  # type: ignore[arg-type]
    assert_same([dataset["images"][-1]], [dataset["images"][39]], "from the end")

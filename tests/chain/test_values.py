"""Text, tags, JSON, lists and files in Deep Lake's chain, for either loader type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from penstock import errors
from penstock.chain import Chain
from support.chains import as_list, identity, write
from support.images import jpeg, picture
from support.lake import encoded

Begin = Callable[..., Chain]

ANIMALS = ["cat", "dog", "bird", "fish", "horse", "cow", "pig", "sheep", "goat", "chicken"]


def test_text(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", strings=({"htype": "text"}, [f"string{number}" for number in range(5)]))
    for chain in (begin(path), begin(path).transform(identity)):
        batches = [batch["strings"] for batch in chain.batch(2).pytorch()]
        assert batches == [["string0", "string1"], ["string2", "string3"], ["string4"]]
        assert all(type(text) is str for batch in batches for text in batch)


def test_tags(begin: Begin, tmp_path: Path) -> None:
    samples = [f"tag{n}" if n % 2 == 0 else [f"tag{n}", f"tag{n}"] for n in range(5)]
    path = write(tmp_path / "lake", tags=({"htype": "tag"}, samples))
    for chain in (begin(path), begin(path).transform(identity)):
        for number, batch in enumerate(chain.pytorch()):
            assert batch["tags"] == [[f"tag{number}"] * (1 + number % 2)]


def test_json(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", json=({"htype": "json"}, [{"x": number, "y": [2]} for number in range(10)]))
    number = 0
    for batch in begin(path).batch(2):
        for sample in batch:
            assert sample["json"] == {"x": number, "y": [2]}
            number += 1
    assert number == 10
    for chain in (begin(path), begin(path).transform(identity)):
        batch = next(iter(chain.batch(2).pytorch()))["json"]
        assert batch["x"].tolist() == [0, 1]
        # As torch collates lists of numbers.
        assert [numbers.tolist() for numbers in batch["y"]] == [[2, 2]]
    (batch,) = begin(path).transform({"json": lambda value: value["x"]}).batch(10).pytorch()
    assert torch.equal(batch["json"], torch.arange(10))
    numbers = begin(path).batch(10).pytorch(collate_fn=lambda batch: [sample["json"]["x"] for sample in batch])
    assert list(numbers) == [list(range(10))]


def test_lists(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", list=({"htype": "list"}, [[number, 2, 3] for number in range(10)]))
    lists = [sample["list"] for batch in begin(path).batch(2) for sample in batch]
    assert [sample.tolist() for sample in lists] == [[number, 2, 3] for number in range(10)]
    chosen = begin(path).transform({"list": lambda value: np.array([value[0], value[1]])}).batch(2).pytorch()
    assert next(iter(chosen))["list"].tolist() == [[0, 2], [1, 2]]
    assert next(iter(begin(path).batch(2).pytorch()))["list"] == [[0, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("compression", [None, "jpeg"])
def test_stored_bytes_and_pictures(begin: Begin, compression: str | None, tmp_path: Path) -> None:
    file = jpeg(picture(40, 30, 3))
    plain = [number * np.ones((10, 10, 3), np.uint8) for number in range(5)]
    path = write(tmp_path / "lake", image=({"sample_compression": compression}, [*plain, *[encoded(file, "jpeg")] * 5]))
    batches = list(begin(path).pytorch(decode_method={"image": "tobytes"}))
    assert len(batches) == 10
    for number, batch in enumerate(batches):
        (data,) = batch["image"]
        assert type(data) is bytes
        if number < 5 and not compression:
            np.testing.assert_array_equal(np.frombuffer(data, np.uint8).reshape(10, 10, 3), plain[number])
        elif number >= 5 and compression:
            assert data == file
    if not compression:
        with pytest.raises(errors.ConfigError, match="'pil'"):
            list(begin(path).pytorch(decode_method={"image": "pil"}))
        return
    for chain in (begin(path).numpy(decode_method={"image": "pil"}), _pictures(begin(path))):
        for number, batch in enumerate(chain):
            shown = batch[0]["image"]
            assert isinstance(shown, Image.Image)
            assert np.abs(np.array(shown, int) - (plain[number] if number < 5 else _pixels(file))).max() <= 1


def _pictures(chain: Chain) -> Chain:
    return chain.pytorch(decode_method={"image": "pil"}, collate_fn=as_list)


def _pixels(file: bytes) -> Any:
    import io

    return np.array(Image.open(io.BytesIO(file)), int)


def test_pictures_in_workers(begin: Begin, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (10, 10, 10, 3), np.uint8)
    path = write(tmp_path / "lake", x=({"htype": "image", "sample_compression": "png"}, pixels))

    def arrays(sample: Any) -> Any:
        assert isinstance(sample["x"], Image.Image)
        sample["x"] = np.array(sample["x"])
        return sample

    batches = list(begin(path).pytorch(return_index=False))
    transformed = begin(path).pytorch(decode_method={"x": "pil"}, return_index=False, num_workers=2).transform(arrays)
    for number, (plain, batch) in enumerate(zip(batches, transformed, strict=True)):
        assert list(batch.keys()) == list(plain.keys()) == ["x"]
        np.testing.assert_array_equal(batch["x"][0], pixels[number])
        assert torch.equal(batch["x"], plain["x"])
    shuffled = begin(path).shuffle().pytorch(num_workers=2, decode_method={"x": "pil"}, collate_fn=as_list)
    order = []
    for ((shown, index),) in shuffled:
        np.testing.assert_array_equal(np.array(shown), pixels[index[0]])
        order.append(int(index[0]))
    assert sorted(order) == list(range(10)) != order


def everything(path: Path) -> Path:
    return write(
        path,
        generic=({}, list(range(10))),
        text=({"htype": "text"}, [f"hello {number}" for number in range(10)]),
        json=({"htype": "json"}, [{"x": number} for number in range(10)]),
        list=({"htype": "list"}, [[number, number + 1] for number in range(10)]),
        class_label=({"htype": "class_label"}, ANIMALS),
        image=({"htype": "image", "sample_compression": "jpeg"}, [encoded(jpeg(picture(30, 40, 3)), "jpeg")] * 10),
    )


def test_data(begin: Begin, tmp_path: Path) -> None:
    path = everything(tmp_path / "lake")
    methods = dict.fromkeys(["generic", "text", "json", "list", "class_label", "image"], "data")
    batches = list(begin(path).transform(identity).pytorch(decode_method=methods, collate_fn=as_list))
    assert len(batches) == 10
    for number, (sample,) in enumerate(batches):
        assert sample["text"] == {"value": f"hello {number}"}
        assert sample["json"] == {"value": {"x": number}}
        assert sample["list"]["value"].tolist() == [number, number + 1]
        assert sample["class_label"]["value"] == [number]
        assert sample["class_label"]["text"] == [ANIMALS[number]]
        assert sample["image"]["value"].shape == (30, 40, 3)
        assert sample["image"]["sample_info"]["format"] == "jpeg"
        assert sample["generic"]["value"] == number


def test_data_is_collated_by_its_keys(begin: Begin, tmp_path: Path) -> None:
    path = everything(tmp_path / "lake")
    methods = dict.fromkeys(["generic", "text", "class_label"], "data")
    for chain in (begin(path), begin(path).transform(identity)):
        batch = next(iter(chain.batch(3).pytorch(decode_method=methods, tensors=list(methods))))
        assert batch["generic"]["value"].tolist() == [[0], [1], [2]]
        assert batch["text"] == {"value": ["hello 0", "hello 1", "hello 2"]}
        assert batch["class_label"]["value"].tolist() == [[0], [1], [2]]
        assert batch["class_label"]["text"] == [["cat"], ["dog"], ["bird"]]


@pytest.mark.parametrize(
    ("methods", "error"),
    [
        ({"nothing": "numpy"}, "decode_method names 'nothing', which is not among the loaded"),
        ({"text": "bytes"}, r"decode_method\['text'\] must be one of 'numpy', 'tobytes', 'pil', 'data', got 'bytes'"),
        ({"text": "pil"}, "'pil', but htype 'text' is no image"),
    ],
)
def test_wrong_decode_methods(begin: Begin, methods: dict[str, str], error: str, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", text=({"htype": "text"}, ["a"]))
    with pytest.raises(ValueError, match=error):
        list(begin(path).pytorch(decode_method=methods))

"""Deep Lake's chain over datasets of Deep Lake 4, whose own engine runs the queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock import errors

both = pytest.mark.parametrize("loader_type", ["c++", "python"])


@pytest.fixture
def path(deeplake4: Any, tmp_path: Path) -> Path:
    lake = deeplake4.create(str(tmp_path / "lake"))
    lake.add_column("number", deeplake4.types.UInt16())
    lake.add_column("text", deeplake4.types.Text())
    lake.add_column("facts", deeplake4.types.Dict())
    numbers = np.arange(6, dtype=np.uint16)
    lake.append({
        "number": numbers,
        "text": [f"text {number}" for number in numbers],
        "facts": [{"a": int(number)} for number in numbers],
    })
    lake.commit()
    return tmp_path / "lake"


@both
def test_batches(loader_type: str, path: Path, native: Any) -> None:
    begun = penstock.dataloader(path, loader_type=loader_type)
    for chain in (begun, begun.transform(lambda sample: sample)):
        first, second = chain.batch(4).pytorch(tensors=["number", "text"])
        assert list(first.keys()) == ["number", "text", "index"]
        assert (first["number"].dtype, first["number"].tolist()) == (torch.int32, [0, 1, 2, 3])
        assert second["text"] == ["text 4", "text 5"]
    samples = [sample for batch in begun.numpy() for sample in batch]
    assert [sample["facts"] for sample in samples] == [{"a": number} for number in range(6)]
    assert [(sample["number"].dtype, int(sample["number"])) for sample in samples] == [("uint16", n) for n in range(6)]


@both
def test_data(loader_type: str, path: Path, native: Any) -> None:
    methods = {"text": "data", "facts": "data"}
    begun = penstock.dataloader(path, loader_type=loader_type).query("select * limit 2")
    (batch,) = begun.batch(2).numpy(decode_method=methods)
    assert batch[0]["text"] == {"value": "text 0"}
    assert batch[0]["facts"] == {"value": {"a": 0}}


@both
def test_queries(loader_type: str, path: Path, native: Any) -> None:
    begun = penstock.dataloader(path, loader_type=loader_type)
    chain = begun.query("select * where number > 2").query("select * where number < 5").batch(4).pytorch()
    assert [batch["number"].tolist() for batch in chain] == [[3, 4]]
    drawn = begun.query("select * where number > 2").sample_by([0, 1, 0], size=3).batch(4).pytorch()
    assert [batch["number"].tolist() for batch in drawn] == [[4, 4, 4]]
    with pytest.raises(errors.UnsupportedError, match="own engine does not run the query"):
        begun.query("select * where nothing > 2")

"""The tutorial of Ray Train: two workers, each sample once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from support.require import require
from support.tutorials import run_tutorial, unpack_datasets

TRAIN, VAL, EPOCHS = 201, 61, 2


def test_ray_train(tmp_path: Path) -> None:
    require("native")
    require("ray")
    data = unpack_datasets(tmp_path / "data")
    arguments = ["--train", data / "train", "--val", data / "val", "--epochs", EPOCHS, "--out", tmp_path / "out"]
    run_tutorial("several_gpus_ray", *arguments, "--workers", 2, environment={"RAY_USAGE_STATS_ENABLED": "0"})
    notes = [json.loads((tmp_path / "out" / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert [len(rank) for rank in notes] == [EPOCHS] * 2
    for epoch in range(EPOCHS):
        trained = Counter(index for rank in notes for index in rank[epoch]["train"])
        assert set(trained) == set(range(TRAIN)) and sum(trained.values()) == TRAIN + 1
        assert sorted(index for rank in notes for index in rank[epoch]["val"]) == list(range(VAL))
    assert (tmp_path / "out" / "model.pt").is_file()

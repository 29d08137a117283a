"""Two processes that torchrun starts: each sample once, also where the last batches are uneven."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from support.ranks import free_port
from support.tutorials import run_tutorial

TRAIN, VAL = 601, 161


def check_notes(folder: Path, epochs: int) -> None:
    """What two ranks noted of their samples."""
    notes = [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2)]
    for epoch in range(epochs):
        # An odd number of samples: one comes twice, so that both ranks have as many batches.
        trained = Counter(index for rank in notes for index in rank[epoch]["train"])
        assert set(trained) == set(range(TRAIN))
        assert sum(trained.values()) == TRAIN + 1
        assert [len(rank[epoch]["train"]) for rank in notes] == [(TRAIN + 1) // 2] * 2
        evaluated = sorted(index for rank in notes for index in rank[epoch]["val"])
        assert evaluated == list(range(VAL))
        assert [len(rank[epoch]["val"]) for rank in notes] == [VAL // 2 + 1, VAL // 2]
        assert notes[0][epoch]["accuracy"] == notes[1][epoch]["accuracy"]
    assert notes[0][0]["train"] != notes[0][1]["train"]
    assert notes[0][-1]["accuracy"] > 0.5


def test_torchrun(classified: tuple[Path, str], tmp_path: Path) -> None:
    data, _ = classified
    start = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port())]
    arguments = ["--train", data / "train", "--val", data / "val", "--epochs", 4, "--out", tmp_path]
    written = run_tutorial("several_gpus", *arguments, start=start)
    assert len(re.findall(r"rank [01], epoch [1-4]: 301 samples", written)) == 8
    check_notes(tmp_path, 4)
    assert (tmp_path / "model.pt").is_file()

"""MMDetection 3's own scripts, with a configuration that names a Deep Lake dataset."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.coco_lakes import CocoPair
from support.mmdet3_runs import own_config, run, stock_config
from support.nightly import nightly
from support.ranks import free_port

TESTS = Path(__file__).resolve().parents[1]


def tool(mmdet: Any, name: str, *arguments: object, ranks: int = 1) -> str:
    """Runs MMDetection's script; returns what it wrote."""
    script = Path(mmdet.__file__).parent / ".mim" / "tools" / f"{name}.py"
    start = [sys.executable, "-W", "ignore"]
    if ranks > 1:
        port = f"--master-port={free_port()}"
        start += ["-m", "torch.distributed.run", f"--nproc-per-node={ranks}", port]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = subprocess.run(
        [*start, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def written(cfg: Any, folder: Path, name: str) -> Path:
    """The configuration as a file, with the hook that writes losses into ``folder``."""
    imports = cfg.custom_imports["imports"] if "custom_imports" in cfg else []
    cfg.custom_imports = {"imports": [*imports, "support.mmdet3_hooks"]}
    cfg.custom_hooks = [{"type": "WriteLosses", "folder": str(folder)}]
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.py"
    cfg.dump(str(file))
    return file


def read(folder: Path, rank: int = 0) -> Any:
    return json.loads((folder / f"rank{rank}.json").read_text())


def test_train_and_test(mmdet3: Any, awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    stock = run(stock_config(awkward, tmp_path / "stock"))
    cfg = own_config(awkward, tmp_path / "work", deeplake_dataloader_type="c++")
    file = written(cfg, tmp_path / "written", "config")
    tool(mmdet3, "train", file)
    trained = read(tmp_path / "written")
    assert trained["losses"] and trained["images"] == stock.images
    assert trained["metrics"] == stock.metrics and trained["stats"]["batches"] == len(stock.images)
    tool(mmdet3, "test", file, tmp_path / "work" / "epoch_1.pth", "--work-dir", tmp_path / "tested")
    assert read(tmp_path / "written")["metrics"] == stock.metrics


def test_on_two_ranks(mmdet3: Any, awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """By torchrun, through gloo: two ranks have the batches that MMEngine's sampler deals out, and the same metrics."""
    cfg = own_config(awkward, tmp_path / "work", deeplake_dataloader_type="c++")
    cfg.train_dataloader.batch_sampler = None
    file = written(cfg, tmp_path / "written", "config")
    tool(mmdet3, "train", file, "--launcher", "pytorch", ranks=2)
    ranks = [read(tmp_path / "written", rank) for rank in range(2)]
    alone = run(stock_config(awkward, tmp_path / "stock", train_dataloader={"batch_size": 6, "batch_sampler": None}))
    for theirs, *ours in zip(alone.images[:-1], *(rank["images"] for rank in ranks), strict=False):
        assert [index for pair in zip(*ours, strict=True) for index in pair] == theirs
    assert len(ranks[0]["images"]) == len(ranks[1]["images"]) == len(alone.images)
    assert ranks[0]["metrics"] and "coco/bbox_mAP" in ranks[0]["metrics"][0]


@nightly
def test_going_on_with_two_ranks(mmdet3: Any, awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """Each rank goes on with its own batches, random numbers and gradients."""
    whole = own_config(awkward, tmp_path / "work", optim_wrapper={"accumulative_counts": 2})
    whole.default_hooks.checkpoint = {"type": "CheckpointHook", "interval": 1, "by_epoch": False}
    whole.train_dataloader.batch_size = 2
    rest = copy.deepcopy(whole)
    tool(mmdet3, "train", written(whole, tmp_path / "whole", "config"), "--launcher", "pytorch", ranks=2)
    checkpoint = tmp_path / "work" / "iter_1.pth"
    arguments = ("--launcher", "pytorch", "--resume", checkpoint, "--work-dir", tmp_path / "rest work")
    tool(mmdet3, "train", written(rest, tmp_path / "rest", "config"), *arguments, ranks=2)
    for rank in range(2):
        expected, got = read(tmp_path / "whole", rank), read(tmp_path / "rest", rank)
        assert len(expected["losses"]) > 2
        assert got["losses"] == expected["losses"][1:] and got["images"] == expected["images"][1:]
        assert got["metrics"] == expected["metrics"]

"""Training and evaluation in several processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.multiprocessing.spawn import ProcessExitedException

import penstock
from penstock.errors import ConfigError, DecodeError
from support.coco_lakes import CocoPair
from support.damage import replace_sample
from support.require import require

require("mmdet")

from support import rank_work  # noqa: E402
from support.ranks import free_port, run_on_ranks  # noqa: E402
from support.recorder import Failing, digest  # noqa: E402
from support.small_training import CLASSES, config, log_of, losses, seeded_detector  # noqa: E402


@pytest.mark.parametrize(("loader_type", "world_size"), [("c++", 3), ("python", 2)])
def test_ranks_share_an_epoch(awkward: CocoPair, native: Any, loader_type: str, world_size: int) -> None:
    from penstock.integrations.mmdet import build_dataset
    from support.detection import augmenting

    ranks = run_on_ranks(world_size, rank_work.epochs_of_indices, awkward, loader_type)
    dataset = build_dataset({"pipeline": augmenting(), "deeplake_path": str(awkward.lake)})
    group_of = {info["filename"]: flag for info, flag in zip(dataset.data_infos, dataset.flag, strict=True)}
    step = 2 * world_size
    for epoch in range(2):
        batches = [rank["train"][epoch] for rank in ranks]
        assert {len(own) for own in batches} == {ranks[0]["length"]}
        for batch in chain(*batches):
            assert len(batch) == 2
            assert len({group_of[name] for name in batch}) == 1
        counts = Counter(chain(*chain(*batches)))
        assert set(counts) == set(group_of)
        for group in set(group_of.values()):
            size = sum(flag == group for flag in group_of.values())
            filled = sum(count for name, count in counts.items() if group_of[name] == group)
            assert filled == -(-size // step) * step
            assert {counts[name] - filled // size for name in counts if group_of[name] == group} <= {0, 1}
    assert [rank["train"][0] for rank in ranks] == [rank["again"] for rank in ranks]
    assert ranks[0]["train"][0] != ranks[0]["train"][1]
    val = [info["filename"] for info in dataset_of_val(awkward).data_infos]
    in_turns = [name for batches in zip(*(rank["val"] for rank in ranks), strict=True) for name in chain(*batches)]
    assert in_turns[: len(val)] == val
    assert len(in_turns) - len(val) < world_size


def dataset_of_val(pair: CocoPair) -> Any:
    from penstock.integrations.mmdet import build_dataset
    from support.detection import TEST_PIPELINE

    return build_dataset({"pipeline": TEST_PIPELINE, "deeplake_path": str(pair.lake)}, {"test_mode": True})


@pytest.mark.parametrize(("loader_type", "world_size"), [("c++", 2), ("python", 3)])
def test_metrics_are_those_of_one_process(awkward: CocoPair, native: Any, loader_type: str, world_size: int) -> None:
    (results, metrics), *others = run_on_ranks(world_size, rank_work.evaluate, awkward, loader_type)
    assert others == [(None, None)] * (world_size - 1)
    expected, expected_metrics = rank_work.evaluate(awkward, loader_type)
    assert len(results) == len(expected)
    for found, wanted in zip(results, expected, strict=True):
        for boxes, wanted_boxes in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(boxes, wanted_boxes)
    assert sum(len(boxes) for boxes in chain(*expected)) > 0
    assert metrics == expected_metrics


@pytest.mark.parametrize(("loader_type", "world_size"), [("c++", 3), ("python", 2)])
def test_weights_stay_in_step(
    awkward: CocoPair, native: Any, loader_type: str, world_size: int, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"deeplake_dataloader_type": loader_type, "optimizer_config": {}}
    settings["optimizer"] = {"type": "SGD", "lr": 0.0002, "momentum": 0.9}
    ranks = run_on_ranks(world_size, _train, awkward, str(tmp_path / "ranks"), {"validate": True}, settings)
    first = ranks[0]
    assert len(first.weights) > 1
    assert len(set(first.weights)) == len(first.weights)
    for other in ranks[1:]:
        # Losses are the mean over the ranks.
        assert (other.weights, other.losses) == (first.weights, first.losses)
    # This model's loss is a sum over images, and theirs a mean over ranks.
    settings["optimizer"] = {"type": "SGD", "lr": 0.0002 / world_size, "momentum": 0.9}
    alone = rank_work.train(awkward, str(tmp_path / "alone"), {"samples": 2 * world_size}, **settings)
    for step, images in enumerate(alone.images):
        assert images == list(chain(*(rank.images[step] for rank in ranks)))
    assert first.losses == pytest.approx([loss / world_size for loss in alone.losses], rel=1e-4)


def _train(pair: CocoPair, work_dir: str, options: dict[str, Any], settings: dict[str, Any]) -> Any:
    return rank_work.train(pair, work_dir, options, **settings)


@pytest.mark.parametrize(("kind", "loader_type"), [("EpochBasedRunner", "c++"), ("IterBasedRunner", "python")])
def test_ranks_go_on_within_an_epoch(
    awkward: CocoPair, native: Any, kind: str, loader_type: str, tmp_path: Path
) -> None:
    ranks = run_on_ranks(2, rank_work.stopped_and_resumed, awkward, str(tmp_path), kind, loader_type)
    assert ranks[0][0].draws != ranks[1][0].draws
    for straight, resumed in ranks:
        assert len(straight.losses) == 4
        for name in ("losses", "draws", "images", "weights", "where"):
            assert getattr(resumed, name) == getattr(straight, name)[3:], name
        assert resumed.samples == 4


@pytest.mark.parametrize("kind", ["EpochBasedRunner", "IterBasedRunner"])
def test_an_epoch_goes_on_with_other_ranks(awkward: CocoPair, native: Any, kind: str, tmp_path: Path) -> None:
    """Two ranks begin it, and one goes on with what they have left."""
    two = run_on_ranks(2, rank_work.train_for, awkward, str(tmp_path), kind, 2)
    seen = [image for rank in two for step in rank.images[:2] for image in step]
    one = rank_work.train_for(awkward, str(tmp_path / "one"), kind, 100, str(tmp_path / "iter_2.pth"))
    epoch = {image for rank in two for step in rank.images[: len(two[0].images) // 2] for image in step}
    left = epoch - set(seen)
    if kind == "EpochBasedRunner":
        steps = [step for step, (number, *_) in zip(one.images, one.where, strict=True) if number == 0]
        rest = [image for step in steps for image in step]
        # Groups were filled up to whole steps of both ranks; nothing else comes twice.
        assert len(rest) <= len(left) + 2
    else:
        rest = [image for step in one.images[: -(-(len(left) + 2) // 2)] for image in step]
    assert set(rest) >= left


def processes(pair: CocoPair, work_dir: Path, **changes: Any) -> Any:
    return config(pair, work_dir, **{"gpu_ids": [0, 1], "find_unused_parameters": True, **changes})


def test_processes_are_started_for_gpu_ids(awkward: CocoPair, deeplake: Any, tmp_path: Path) -> None:
    from penstock.integrations.mmdet import train_detector

    evaluation = {"metric": "bbox", "save_best": "bbox_mAP_50"}
    runner = {"type": "EpochBasedRunner", "max_epochs": 2}
    workflow = [("train", 1), ("val", 1)]
    cfg = processes(awkward, tmp_path, seed=None, evaluation=evaluation, runner=runner, workflow=workflow)
    model = seeded_detector(cfg)
    before = digest(model)
    datasets = {"ds_train": penstock.open(awkward.lake), "ds_val": deeplake.load(str(awkward.lake), read_only=True)}
    train_detector(model, cfg, distributed=True, timestamp="log", meta={}, **datasets)
    log = log_of(cfg)
    assert len(losses(log)) == 4
    assert ["bbox_mAP" in line for line in log if line["mode"] == "val"] == [True, False, True, False]
    assert ["loss_val" in line for line in log if line["mode"] == "val"] == [False, True, False, True]
    # The weights come back.
    assert digest(model) != before
    saved = torch.load(tmp_path / "epoch_2.pth", weights_only=True)
    assert len(saved["meta"]["penstock"]["random"]) == 2
    other = seeded_detector(cfg)
    other.load_state_dict(saved["state_dict"])
    assert digest(other) == digest(model)
    assert model.CLASSES == CLASSES
    assert not torch.distributed.is_initialized()
    assert "RANK" not in os.environ


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_an_error_of_one_rank_ends_all(awkward: CocoPair, native: Any, loader_type: str, tmp_path: Path) -> None:
    from penstock.integrations.mmdet import train_detector

    path = Path(shutil.copytree(awkward.lake, tmp_path / "lake"))
    replace_sample(path, "images", 9, lambda data: data[:200] + bytes(len(data) - 200))
    cfg = processes(awkward._replace(lake=path), tmp_path / "run", deeplake_dataloader_type=loader_type)
    with pytest.raises(DecodeError) as caught:
        train_detector(seeded_detector(cfg), cfg, distributed=True, validate=False)
    assert (caught.value.tensor, caught.value.index, caught.value.path) == ("images", 9, str(path))


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [("killed", ProcessExitedException, "SIGKILL"), ("unsendable", RuntimeError, "^ValueError: of rank 1, by fork$")],
)
def test_a_rank_that_is_gone_ends_all(
    awkward: CocoPair, how: str, kind: type[Exception], message: str, tmp_path: Path
) -> None:
    from penstock.integrations.mmdet import train_detector

    cfg = processes(awkward, tmp_path, custom_hooks=[Failing(how)], deeplake_dataloader_type="python")
    cfg.data.samples_per_gpu = 2
    with pytest.raises(kind, match=message):
        train_detector(seeded_detector(cfg), cfg, distributed=True, validate=False)


def test_what_cannot_be_sent_to_processes_is_named(awkward: CocoPair, tmp_path: Path) -> None:
    from penstock.integrations.mmdet import train_detector

    cfg = processes(awkward, tmp_path)
    model = seeded_detector(cfg)
    model.callback = lambda: None
    with pytest.raises(ConfigError, match=r"cannot be sent to its processes: .*lambda"):
        train_detector(model, cfg, distributed=True)


@pytest.mark.parametrize(
    ("environment", "device", "message"),
    [
        ({"SLURM_STEP_NUM_TASKS": "4"}, "cuda", r"srun started .* one of 4; .*init_dist\('slurm'\) before"),
        ({"SLURM_STEP_NUM_TASKS": "2"}, "cpu", r"srun started .* one of 2; .*init_process_group\('gloo'"),
        ({"OMPI_COMM_WORLD_SIZE": "3"}, "cuda", r"mpirun started .* one of 3; .*init_dist\('mpi'\) before"),
    ],
    ids=["srun", "srun without GPUs", "mpirun"],
)
def test_processes_without_a_group_are_no_ranks(
    awkward: CocoPair,
    environment: dict[str, str],
    device: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from penstock.integrations.mmdet import train_detector

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    cfg = processes(awkward, tmp_path, device=device)
    with pytest.raises(ConfigError, match=message):
        train_detector(seeded_detector(cfg), cfg, distributed=True, validate=False)


@pytest.mark.parametrize(
    ("environment", "number"),
    [
        ({"LOCAL_RANK": "3"}, 3),
        ({"OMPI_COMM_WORLD_LOCAL_RANK": "1"}, 1),
        # This one sees its own GPUs alone.
        ({"SLURM_LOCALID": "5"}, 1),
        ({}, 2),
    ],
    ids=str,
)
def test_a_rank_has_the_gpu_of_its_number_on_its_machine(
    environment: dict[str, str], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from penstock.integrations.ranks.distributed import local_device

    for name in ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 6)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert local_device(SimpleNamespace(device="cuda", gpu_ids=range(8)), distributed=True).index == number


SCRIPT_HEAD = """\
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import cv2, torch
from support import rank_work
from support.coco_lakes import CocoPair

cv2.setNumThreads(0)
torch.set_num_threads(1)
"""


def test_two_machines(awkward: CocoPair, tmp_path: Path) -> None:
    """A launcher with one process on each, in a folder of its own: numbers on the machine are not the ranks'."""
    script = tmp_path / "train.py"
    script.write_text(
        SCRIPT_HEAD
        + textwrap.dedent(
            """
            from penstock.errors import ConfigError

            rank = os.environ["RANK"]
            pair, work_dir = CocoPair(*map(Path, sys.argv[2:5])), sys.argv[5]
            Path(work_dir, rank).mkdir()
            os.chdir(Path(work_dir, rank))
            settings = {"dist_params": {"timeout": 60}, "runner": {"type": "EpochBasedRunner", "max_epochs": 1}}
            settings["log_config"] = {"interval": 1, "hooks": [{"type": "TextLoggerHook"}]}

            def train(tmpdir):
                evaluation = {"metric": "bbox", "tmpdir": tmpdir}
                return rank_work.train(
                    pair, "run", {"validate": True}, seed=None, evaluation=evaluation, **settings
                )

            shared = Path(work_dir, "shared")
            shared.mkdir(exist_ok=True)
            (shared / "kept").touch()
            recorder = train(str(shared))
            try:
                train("apart")
                error = ""
            except (ConfigError, RuntimeError) as raised:
                error = type(raised).__name__ + ": " + str(raised)
            found = [recorder.weights, recorder.images, os.environ["LOCAL_RANK"], error]
            Path("found.json").write_text(json.dumps(found))
            """
        )
    )
    tests = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"]
    command += ["--master_addr", "127.0.0.1", "--master_port", str(free_port())]
    arguments = [str(script), str(tests), *map(str, awkward[:3]), str(tmp_path)]
    machines, logs = [], [tmp_path / f"log-{node}" for node in range(2)]
    for node, log in enumerate(logs):
        with log.open("w") as out:
            machines.append(subprocess.Popen([*command, "--node_rank", str(node), *arguments], stdout=out, stderr=out))
    try:
        codes = [machine.wait(150) for machine in machines]
    finally:
        for machine in machines:
            machine.kill()
            machine.wait()
    assert codes == [0, 0], "\n".join(log.read_text()[-2000:] for log in logs)
    first, second = (json.loads((tmp_path / rank / "found.json").read_text()) for rank in ("0", "1"))
    assert (first[2], second[2]) == ("0", "0")
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert re.match("ConfigError: evaluation.tmpdir='apart': the results of other ranks are not there", first[3])
    # MMDetection would have removed it.
    assert [file.name for file in (tmp_path / "shared").iterdir()] == ["kept"]
    # The first rank writes.
    assert (tmp_path / "0" / "run" / "epoch_1.pth").exists()
    assert len(list((tmp_path / "0" / "run").glob("*.log.json"))) >= 1
    assert list((tmp_path / "1" / "run").iterdir()) == []


def test_a_launchers_processes_are_used(awkward: CocoPair, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        SCRIPT_HEAD
        + textwrap.dedent(
            """
            pair = CocoPair(*map(Path, sys.argv[2:5]))
            assert not torch.distributed.is_initialized()
            recorder = rank_work.train(pair, sys.argv[5], {"validate": True}, dist_params={"timeout": 60})
            assert not torch.distributed.is_initialized()
            name = "rank-" + os.environ["RANK"] + ".json"
            Path(sys.argv[5], name).write_text(json.dumps([recorder.weights, recorder.images]))
            """
        )
    )
    tests = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    done = subprocess.run(
        [*command, str(tests), *map(str, awkward[:3]), str(tmp_path)],
        timeout=150,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (weights, images), (other_weights, other_images) = (
        json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in range(2)
    )
    assert len(weights) > 1
    assert weights == other_weights
    assert images != other_images
    assert (tmp_path / "epoch_1.pth").exists()

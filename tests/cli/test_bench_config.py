"""penstock bench with an MMDetection configuration, on the user's own data."""

from __future__ import annotations

import pprint
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.coco_lakes import CocoPair, write_awkward_coco
from support.detection import TEST_PIPELINE, augmenting

Command = Callable[..., Any]
WriteConfig = Callable[..., Path]

#: Sleeps for 30 ms; the other one is there to be told from it.
_STEPS = """
import time
from mmdet.datasets import PIPELINES

@PIPELINES.register_module(force=True)
class Naps:
    def __call__(self, results):
        time.sleep(0.03)
        return results

@PIPELINES.register_module(force=True)
class DoesNothing:
    def __call__(self, results):
        return results
"""


@pytest.fixture(scope="module")
def awkward(mmdet: Any, deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> CocoPair:
    return write_awkward_coco(tmp_path_factory.mktemp("awkward"))


@pytest.fixture
def write_config(tmp_path: Path) -> WriteConfig:
    def write(pipeline: list[dict[str, Any]], **others: Any) -> Path:
        data = {
            "samples_per_gpu": 4,
            "workers_per_gpu": 0,
            "train": {"type": "CocoDataset", "ann_file": "nowhere.json", "pipeline": pipeline},
            "val": {"pipeline": TEST_PIPELINE},
        }
        path = tmp_path / "config.py"
        path.write_text(f"data = {pprint.pformat(data)}\n" + "".join(f"{k} = {v!r}\n" for k, v in others.items()))
        return path

    return write


@pytest.fixture
def slow_config(write_config: WriteConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mmdet: Any) -> Path:
    """A configuration with two steps of its user's, one of which is slow."""
    (tmp_path / "steps_of_bench_test.py").write_text(_STEPS)
    monkeypatch.syspath_prepend(tmp_path)
    pipeline = augmenting()
    pipeline[-2:-2] = [{"type": "DoesNothing"}, {"type": "Naps"}]
    return write_config(pipeline, custom_imports={"imports": ["steps_of_bench_test"]})


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_figures_add_up(
    split: str, loader_type: str, native: Any, awkward: CocoPair, write_config: WriteConfig, penstock_command: Command
) -> None:
    config = write_config(augmenting())
    options = ("--config", config, "--split", split, "--loader-type", loader_type, "--epochs", 2)
    said = penstock_command("bench", awkward.lake, *options, "--json").json
    assert said["loader_type"] == loader_type
    assert said["batch_size"] == (4 if split == "train" else 1)
    assert said["stats"]["samples"] == sum(epoch["samples"] for epoch in said["epochs"])
    for epoch in said["epochs"]:
        assert epoch["samples_per_second"] == pytest.approx(epoch["samples"] / epoch["seconds"])
        assert 0 < epoch["first_batch_seconds"] <= epoch["seconds"]
        assert epoch["cpu_seconds_per_1000"] > 0
    stages = said["stages"]
    assert ("decode" in stages) == (loader_type == "c++")
    work = {name: stage for name, stage in stages.items() if name != "wait"}
    assert sum(stage["share"] for stage in work.values()) == pytest.approx(1)
    assert all(0 <= stage["share"] <= 1 for stage in stages.values())
    assert said["limiting_stage"] in {*stages, "consumer"}
    assert said["peak_mib"] > 50
    assert {step["native"] for step in said["steps"]} == {loader_type == "c++"}


def test_stages_of_a_native_pipeline(
    native: Any, awkward: CocoPair, write_config: WriteConfig, penstock_command: Command
) -> None:
    said = penstock_command("bench", awkward.lake, "--config", write_config(augmenting()), "--json").json
    seconds = {name: stage["seconds_per_1000"] for name, stage in said["stages"].items()}
    assert seconds["decode"] > 0 and seconds["transform"] > 0
    # The core's threads cannot have been at work for longer than there was time.
    last = said["epochs"][-1]
    spent = (seconds["decode"] + seconds["transform"]) * last["samples"] / 1000
    assert spent <= said["threads"] * last["seconds"] * 1.5


def test_a_python_step_that_sleeps_is_the_limit(
    native: Any, awkward: CocoPair, slow_config: Path, penstock_command: Command
) -> None:
    result = penstock_command("bench", awkward.lake, "--config", slow_config, "--epochs", 1, "--json")
    said = result.json
    assert said["limiting_stage"] == "python"
    assert "the step Naps takes 3" in said["limit"]
    assert "num_workers" in said["limit"]
    assert said["stages"]["python"]["seconds_per_1000"] >= 30
    in_python = [step["step"] for step in said["steps"] if not step["native"]]
    assert in_python[:2] == ["DoesNothing", "Naps"]


def test_the_batches_may_be_limited(
    native: Any, awkward: CocoPair, write_config: WriteConfig, penstock_command: Command
) -> None:
    options = ("--config", write_config(augmenting()), "--batch-size", 2, "--threads", 1)
    said = penstock_command("bench", awkward.lake, *options, "--batches", 3, "--epochs", 1, "--json").json
    assert (said["batch_size"], said["threads"]) == (2, 1)
    assert said["epochs"][0]["samples"] == 6
    said = penstock_command("bench", awkward.lake, *options, "--seconds", 1e-6, "--epochs", 1, "--json").json
    assert said["epochs"][0]["samples"] == 2


def test_text_and_plot(
    native: Any, awkward: CocoPair, slow_config: Path, penstock_command: Command, tmp_path: Path
) -> None:
    import matplotlib
    from PIL import Image

    backend = matplotlib.rcParams["backend"]
    plot = tmp_path / "stages.png"
    result = penstock_command("bench", awkward.lake, "--config", slow_config, "--epochs", 1, "--plot", plot)
    assert result.status == 0
    for part in ("samples/s", "CPU seconds per 1,000", "peak memory", "first batch after", "decode", "transform"):
        assert part in result.out
    assert all(f"Python: {name} is not one of MMDetection's own" in result.out for name in ("DoesNothing", "Naps"))
    assert result.out.splitlines()[-1].startswith("limiting stage: Python: the step Naps")
    pixels = np.asarray(Image.open(plot).convert("RGB"))
    assert min(pixels.shape[:2]) > 200
    # The bar of Python's part, which is nearly as long as the axis.
    red = (pixels == (225, 87, 89)).all(axis=2)
    assert red.sum(axis=1).max() > pixels.shape[1] / 2
    assert matplotlib.rcParams["backend"] == backend


def test_of_the_slow_steps_the_python_loader_names_the_slowest(
    awkward: CocoPair, slow_config: Path, penstock_command: Command
) -> None:
    options = ("--config", slow_config, "--epochs", 1, "--batches", 1, "--loader-type", "python")
    assert "the step Naps takes 3" in penstock_command("bench", awkward.lake, *options, "--json").json["limit"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--split", "test"], "data.test: there is no pipeline"),
        (["--tensors", "images"], "--tensors does not go with --config"),
        (["--shuffle"], "--shuffle does not go with --config"),
        (["--loader-type", "rust"], "deeplake_dataloader_type: there is no 'rust'"),
        (["--batches", 0], "--batches must be at least 1"),
        (["--seconds", 0], "--seconds must be more than 0"),
        (["--plot", "stages.pdf"], "--plot writes PNG files"),
        (["--plot", "nowhere/stages.png"], "there is no folder"),
    ],
)
def test_wrong_requests(
    options: list[Any], said: str, awkward: CocoPair, write_config: WriteConfig, penstock_command: Command
) -> None:
    result = penstock_command("bench", awkward.lake, "--config", write_config(augmenting()), *options)
    assert result.status == 1
    assert said in result.err
    assert result.out == ""


# mmcv leaves the copy of a configuration open that it cannot run.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "FileNotFoundError"),
        ("data = dict(", "SyntaxError"),
        ("model = dict()", "has no data"),
        ("data = dict(train=dict(pipeline=[dict(type='Resise')]))", "there is no transform 'Resise'"),
        ("data = dict(train=dict(pipelin=[]))", "pipelin"),
    ],
    ids=["missing", "syntax", "no data", "unknown transform", "unknown key"],
)
def test_wrong_configurations(
    content: str | None, said: str, awkward: CocoPair, tmp_path: Path, penstock_command: Command
) -> None:
    path = tmp_path / "wrong.py"
    if content is not None:
        path.write_text(content)
    result = penstock_command("bench", awkward.lake, "--config", path)
    assert result.status == 1
    assert said in result.err


def test_without_matplotlib_the_error_names_the_extra(
    awkward: CocoPair, penstock_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = penstock_command("bench", awkward.lake, "--plot", "stages.png")
    assert result.status == 1
    assert "penstock[cli]" in result.err


def test_without_mmdetection_the_error_names_the_extra(
    awkward: CocoPair, write_config: WriteConfig, penstock_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("penstock.integrations.mmdet")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mmdet", None)
    result = penstock_command("bench", awkward.lake, "--config", write_config(augmenting()))
    assert result.status == 1
    assert "penstock[mmdet]" in result.err

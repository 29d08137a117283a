"""penstock bench: figures that fit together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Lakes = Callable[[str], Path]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("threads", [1, 2])
def test_figures_fit_together(
    loader_type: str, threads: int, native: Any, lake: Lakes, penstock_command: Command
) -> None:
    arguments = ("--batch-size", 5, "--threads", threads, "--epochs", 3, "--loader-type", loader_type)
    said = penstock_command("bench", lake("equal_images"), *arguments, "--json").json
    assert said["loader_type"] == loader_type
    assert said["threads"] == threads
    assert said["stats"]["samples"] == 3 * said["samples"]
    assert len(said["epochs"]) == 3
    for epoch in said["epochs"]:
        assert epoch["samples_per_second"] == pytest.approx(said["samples"] / epoch["seconds"])
        assert 0 < epoch["first_batch_seconds"] <= epoch["seconds"]
    assert said["samples_per_second"] == said["epochs"][-1]["samples_per_second"]
    assert said["limit"]


def test_what_cannot_be_loaded_is_left_out(lake: Lakes, penstock_command: Command) -> None:
    loadable = penstock_command("info", lake("unsupported"), "--json").json["tensors"]
    names = [name for name, tensor in loadable.items() if tensor["unsupported"] is None]
    result = penstock_command("bench", lake("unsupported"), "--json")
    assert names, "a dataset of which nothing can be loaded shows nothing here"
    assert len(names) < len(loadable)
    assert result.json["tensors"] == names


def test_text(lake: Lakes, penstock_command: Command) -> None:
    result = penstock_command("bench", lake("equal_images"), "--tensors", "jpegs", "--epochs", 1)
    assert (result.status, result.err) == (0, "")
    assert "samples/s" in result.out
    assert result.out.splitlines()[-1].startswith("limiting stage: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--batch-size", 0], "batch_size must be at least 1"),
        (["--epochs", 0], "--epochs must be at least 1"),
        (["--loader-type", "rust"], "loader_type must be one of"),
        (["--tensors", "jpgs"], "there is no tensor 'jpgs'"),
    ],
)
def test_wrong_requests(options: list[Any], said: str, lake: Lakes, penstock_command: Command) -> None:
    result = penstock_command("bench", lake("equal_images"), *options)
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert said in line


def test_no_plot_takes_the_place_of_a_folder_or_goes_into_a_dataset(
    lake: Lakes, tmp_path: Path, penstock_command: Command
) -> None:
    copied = Path(shutil.copytree(lake("equal_images"), tmp_path / "lake"))
    (tmp_path / "x.png").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for plot, said in ((tmp_path / "x.png", "is a folder"), (copied / "x.png", "lies within the dataset")):
        result = penstock_command("bench", lake("equal_images"), "--plot", plot)
        assert result.status == 1
        assert said in result.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("cache", [None, "coefficients"])
def test_it_tells_what_the_cache_of_coefficients_brings(
    cache: str | None, lake: Lakes, penstock_command: Command, native: Any
) -> None:
    options: list[Any] = [] if cache is None else ["--cache", cache]
    said = penstock_command("bench", lake("equal_images"), "--tensors", "jpegs", *options, "--json").json
    count = said["samples"]
    assert said["cache"] == cache
    if cache is None:
        trial = said["cache_trial"]
        assert trial["images"] == trial["kept"] == count
        assert 0.5 < trial["bytes_per_jpeg_byte"] < 20  # of little images, whose files have little
        assert trial["bytes_for_all"] > 0
        assert trial["speed"] > 0
        text = penstock_command("bench", lake("equal_images"), "--tensors", "jpegs").out
        assert f"(tried on {count} images)" in text
    else:
        assert said["cache_trial"] is None
        assert said["stats"]["coefficients_kept"] == count
        assert said["stats"]["coefficient_hits"] >= count
        text = penstock_command("bench", lake("equal_images"), "--tensors", "jpegs", *options).out
        assert f"coefficients of {count} images kept" in text


def test_it_tries_no_cache_where_there_are_no_jpegs(lake: Lakes, penstock_command: Command, native: Any) -> None:
    said = penstock_command("bench", lake("equal_images"), "--tensors", "raw", "--json").json
    assert said["cache_trial"] is None

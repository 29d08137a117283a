"""Datasets that releases of deeplake 3 wrote: each commit, branch and view reads as that release reads it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from support.golden import GOLDEN, RELEASES, Expected
from support.require import PROJECT_ROOT

Golden = Callable[[str], Expected]


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """Gives a release's dataset, unpacked once a session."""
    made: dict[str, Expected] = {}

    def get(release: str) -> Expected:
        if release not in made:
            made[release] = Expected.of(release, tmp_path_factory.mktemp("golden") / release)
        return made[release]

    return get


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, golden: Golden) -> Expected:
    return golden(request.param)


def test_each_release_wrote_its_own() -> None:
    assert sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir()) == RELEASES


def test_they_hold_what_they_are_for(release: Expected) -> None:
    assert GOLDEN / release.about["deeplake"] in GOLDEN.iterdir()
    assert len(release.states) >= 7  # two branches; commits, and what was not committed
    assert set(release.views) == {"slice", "materialised"}
    tensors = release.states["main"]["tensors"]
    assert {"jpegs", "pngs", "boxes", "labels", "text", "json", "scalars", "sequence"} <= set(tensors)
    assert "json" not in release.states["side"]["tensors"] and "values" in release.states["side"]["tensors"]


def test_every_commit_and_branch_reads_as_its_release_does(release: Expected) -> None:
    for address, state in release.states.items():
        dataset = penstock.open(release.path, commit=address)
        assert (dataset.commit_id, dataset.branch) == (state["commit"], state["branch"])
        assert dataset.info == state["info"]
        assert dataset["labels"].class_names == state["class_names"]
        check_reading(dataset, state["tensors"])


@pytest.mark.parametrize("view", ["slice", "materialised"])
def test_saved_views_read_as_their_release_does(view: str, release: Expected) -> None:
    check_reading(penstock.open(release.path, view=view), release.views[view])


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_both_loaders_give_these_samples(loader_type: str, release: Expected, native: Any) -> None:
    for address, state in release.states.items():
        check_loading(penstock.open(release.path, commit=address), state["tensors"], loader_type)
    for view, tensors in release.views.items():
        check_loading(penstock.open(release.path, view=view), tensors, loader_type)


def test_the_repository_has_them_byte_for_byte() -> None:
    """Neither an ignore rule nor a conversion of line ends has come between."""
    files = [str(file.relative_to(PROJECT_ROOT)) for file in GOLDEN.rglob("*") if file.is_file()]
    files = [file for file in files if "__pycache__" not in file]
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-s", "--", "tests/data/golden"], cwd=PROJECT_ROOT, capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("there is no git")
    if listed.returncode or not listed.stdout:
        pytest.skip("this is no checkout")
    blobs = {line.split("\t")[1]: line.split()[1] for line in listed.stdout.splitlines()}
    assert set(files) == set(blobs)
    for file in files:
        if not file.endswith(".py"):
            data = (PROJECT_ROOT / file).read_bytes()
            assert hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest() == blobs[file], file


def test_deeplake_is_not_imported(release: Expected) -> None:
    program = (
        "import sys, penstock\n"
        "dataset = penstock.open(sys.argv[1], view='slice')\n"
        "for loader_type in sys.argv[2:]:\n"
        "    list(penstock.DataLoader(dataset, 2, tensors=['jpegs', 'text'], loader_type=loader_type))\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('deeplake', 'indra')]\n"
    )
    types = ["python", "c++"] if penstock.HAVE_NATIVE else ["python"]
    subprocess.run([sys.executable, "-c", program, str(release.path), *types], check=True, timeout=120)


def check_reading(dataset: penstock.Dataset, expected: dict[str, list[Any]]) -> None:
    assert set(dataset.tensors) == set(expected)
    for name, samples in expected.items():
        tensor = dataset[name]
        assert len(tensor) == len(samples), name
        for index, sample in enumerate(samples):
            check_same(tensor[index], sample, (name, index))
            if isinstance(sample, np.ndarray) and sample.dtype != object:
                assert tensor.shape(index) == sample.shape, (name, index)
        for index, (one, sample) in enumerate(zip(tensor.numpy_all(), samples, strict=True)):
            check_same(one, sample, (name, index))


def check_loading(dataset: penstock.Dataset, expected: dict[str, list[Any]], loader_type: str) -> None:
    for name, samples in expected.items():
        if dataset[name].unsupported() is not None or not samples:
            continue
        with penstock.DataLoader(dataset, 3, tensors=[name], loader_type=loader_type) as loader:
            found = [sample for batch in loader for sample in batch[name]]
        assert len(found) == len(samples), name
        for index, (one, sample) in enumerate(zip(found, samples, strict=True)):
            check_same(one.numpy() if isinstance(one, torch.Tensor) else one, sample, (name, index))


def check_same(ours: Any, theirs: Any, where: object) -> None:
    """Equal, as far as JSON tells: text may be an array of text or of objects, lists may be tuples."""
    if isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for our, their in zip(ours, theirs, strict=True):
            check_same(our, their, where)
    elif theirs.dtype == object:
        assert ours.shape == theirs.shape, where
        assert ours.tolist() == theirs.tolist(), where
    else:
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), where
        np.testing.assert_array_equal(ours, theirs, err_msg=str(where))

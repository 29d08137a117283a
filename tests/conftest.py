"""Fixtures for all tests."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Before any import of deeplake, which otherwise reports its use to its makers.
os.environ["BUGGER_OFF"] = "true"
# Before any import of torch, and for the processes that tests start: its own threads, one a core in each process, spin
# while they wait for each other, which on busy cores is most of what a small training run costs.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# For `from support...`: with pytest's importlib mode nothing of the tests is importable by itself.
sys.path.insert(0, str(Path(__file__).parent))

from hypothesis import settings

from support.datasets import MAKERS
from support.examples import examples
from support.generated_coco import write_generated_coco
from support.once import lakes
from support.order import LONGEST
from support.require import COCO_FILES, promised, require

settings.register_profile("tests", examples())
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors; these, of other people's modules while they are imported, are not ours to mend."""
    for warning in (
        # deeplake 3 tells of deeplake 4.
        "ignore:A newer version of deeplake:UserWarning",
        # mmcv 1 tells of mmcv 2, and mmdet 2 of a function that moved.
        "ignore:On January 1, 2023, MMCV will release v2.0.0:UserWarning",
        "ignore:``MultiScaleDeformableAttention`` has been moved:ImportWarning",
        # deeplake leaves the files open that it has read through links.
        "ignore:unclosed file .*/files/:ResourceWarning",
    ):
        config.addinivalue_line("filterwarnings", warning)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first."""
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="session")
def deeplake() -> Any:
    """The module deeplake 3, which writes the test datasets and is the oracle of the reading."""
    return require("deeplake")


@pytest.fixture(scope="session")
def deeplake4() -> Any:
    """The module deeplake 4, in an environment of its own: writes Deep Lake 4 datasets and is the oracle of those."""
    return require("deeplake4")


@pytest.fixture(scope="session")
def native() -> Any:
    """The module ``penstock._core``."""
    return require("native")


@pytest.fixture(scope="session")
def core_parts() -> Any:
    """The module ``_core_testing``: parts of the core by themselves."""
    return require("core_parts")


@pytest.fixture(scope="session")
def mmdet() -> Any:
    """The module mmdet."""
    return require("mmdet")


@pytest.fixture(scope="session")
def coco_mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory laid out as COCO 2017: 80 and 79 of its images where they lie beside the project, else 20 pictures
    of the project's own making. The environment variable PENSTOCK_COCO=generated asks for the latter."""
    wanted = os.environ.get("PENSTOCK_COCO") == "generated"
    if wanted or not (COCO_FILES.is_dir() or promised("coco")):
        return write_generated_coco(tmp_path_factory.mktemp("coco") / "generated")
    return Path(require("coco"))


@pytest.fixture(scope="session")
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the path of a dataset of ``support.datasets.MAKERS``, written once a session: only to read. The environment
    variable PENSTOCK_LAKES names a folder of those that ``support.write_lakes`` has written, for a Python that has no
    deeplake."""
    return lakes(MAKERS, request, tmp_path_factory)


@pytest.fixture
def lake_copy(lake: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Gives the path of a copy of such a dataset: for tests that damage it."""

    def get(name: str) -> Path:
        return Path(shutil.copytree(lake(name), tmp_path / name))

    return get

"""Builds the extension where there is no network, with carried libraries and tools; else takes a carried wheel."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO

from limited import run_limited

__all__ = ["Built", "Unbuildable", "built", "missing"]

ROOT = Path(__file__).resolve().parents[2]
#: What an older one of would not build the extension, by wheels' names.
LEAST = {"pybind11": (3, 0), "scikit_build_core": (0, 11), "cmake": (3, 22)}


class Unbuildable(Exception):
    """Why there is no extension."""


@dataclass(frozen=True)
class Built:
    """Where the package is: an environment for programs that import it; and how it came about, in words."""

    environment: dict[str, str]
    how: str


def missing(carried: dict[str, str]) -> list[str]:
    """Which of the carried wheels (version by name) this Python has not, or not new enough."""
    return [name for name in carried if not _fits(name)]


def _fits(name: str) -> bool:
    try:
        installed = metadata.version(name.replace("_", "-"))
    except metadata.PackageNotFoundError:
        return False
    least = LEAST.get(name, (0,))
    numbers = tuple(int(part) for part in installed.split(".")[:2] if part.isdigit())
    # A program beside the module, too: cmake and ninja are called by name.
    return numbers >= least and (name not in ("cmake", "ninja") or shutil.which(name) is not None)


def built(carried: Path, out: Path, work: Path, seconds: float) -> Built:
    """The package with its extension, in ``work / "site"``.

    Args:
        carried: What ``tools/gpu-check --pack`` has made.
        out: Gets ``build.log``.
        work: Where things are unpacked and built; what is there from before is used.
        seconds: What building may take.

    Raises:
        Unbuildable: No compiler and no wheel, or the build failed.
    """
    site = work / "site"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])),
        "PATH": os.pathsep.join([str(site / "bin"), os.environ.get("PATH", "")]),
        "CMAKE_PREFIX_PATH": str(work / "libraries" / "prefix"),
        "XDG_CACHE_HOME": str(work / "libraries" / "cache"),
        "CMAKE_BUILD_PARALLEL_LEVEL": str(len(os.sched_getaffinity(0))),
    }
    with (out / "build.log").open("w") as log:
        wheels = carried / "wheels"
        needed = missing(json.loads((carried / "pack.json").read_text())["wheels"])
        files = [str(next(wheels.glob(f"{name}-*.whl"))) for name in needed]
        if files:
            _run([*_pip(site), *files], environment, log, seconds, "the carried wheels cannot be installed")
        _unpack(carried / "libraries.tar.xz", work / "libraries")
        if compiler := next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None):
            options = ["--no-build-isolation", "--verbose", f"-Cbuild-dir={work / 'extension'}"]
            options += ["-Ccmake.define.PENSTOCK_HTTP=OFF", "-Ccmake.define.PENSTOCK_JPEG=bundled"]
            _run([*_pip(site), *options, str(ROOT)], environment, log, seconds, "the extension does not build")
            return Built(environment, f"built here by {compiler}, with {len(files)} carried wheels")
        carried_wheel = next(iter(wheels.glob("penstock-*.whl")), None)
        if carried_wheel is None:
            raise Unbuildable("there is neither a C++ compiler nor a carried wheel of penstock (--pack --wheel FILE)")
        _run([*_pip(site), str(carried_wheel)], environment, log, seconds, "the carried wheel cannot be installed")
        return Built(environment, f"no C++ compiler: {carried_wheel.name}")


def _pip(site: Path) -> list[str]:
    offline = ["--disable-pip-version-check", "--no-input", "--no-index", "--no-deps"]
    return [sys.executable, "-m", "pip", "install", *offline, "--target", str(site), "--upgrade"]


def _run(command: list[str], environment: dict[str, str], log: IO[str], seconds: float, what: str) -> None:
    # pip's target is a folder that the path names already; its own configuration may name an index.
    environment = environment | {"PIP_CONFIG_FILE": os.devnull}
    status = run_limited(command, environment, log, seconds, ROOT)
    if status is None:
        raise Unbuildable(f"{what} within {seconds:.0f} s: see build.log")
    if status != 0:
        raise Unbuildable(f"{what}: see build.log")


def _unpack(file: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")

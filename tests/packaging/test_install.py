"""Installing as a user does: in a virtual environment of one's own, with and without a compiler's help."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.require import PROJECT_ROOT

pytestmark = pytest.mark.timeout(600)

# Only what the installed package itself does; nothing comes from the working tree.
USE = """
import sys
from importlib import metadata, resources
import penstock
path = sys.argv[1]
print(penstock.__file__, penstock.HAVE_NATIVE)
assert metadata.version("penstock") == penstock.__version__
assert (resources.files("penstock.view") / "static" / "page.js").is_file()
for loader_type in sys.argv[2:]:
    with penstock.DataLoader(path, 4, loader_type=loader_type) as loader:
        assert sum(len(batch["jpegs"]) for batch in loader) == 12, loader_type
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that sees numpy, torch, Pillow and the build tools of this one, and no penstock."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PENSTOCK_")}
        # Where ccache is used it finds what was compiled before, although each test's folder has a name of its own.
        environment["CCACHE_BASEDIR"] = str(self.folder.parent)
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder,
            env=environment | variables,
            capture_output=True,
            text=True,
        )

    def install(self, *arguments: str, **variables: str) -> None:
        result = self.run("-m", "pip", "install", "--no-deps", "--no-build-isolation", *arguments, **variables)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    made = Environment(tmp_path / "venv")
    subprocess.run([sys.executable, "-m", "venv", str(made.folder)], check=True)
    (packages,) = (made.folder / "lib").glob("python*/site-packages")
    shared = Path(sysconfig.get_path("purelib"))
    for entry in shared.iterdir():
        # Not by a .pth file with the whole directory: it would bring this environment's penstock along.
        if "penstock" not in entry.name and not (packages / entry.name).exists():
            (packages / entry.name).symlink_to(entry)
    assert made.run("-c", "import penstock").returncode != 0
    return made


@pytest.mark.parametrize("mode", ["source distribution", "editable"])
def test_pip_install(mode: str, environment: Environment, lake: Callable[[str], Path], native: Any) -> None:
    source = source_copy(environment)
    if mode == "editable":
        environment.install("--editable", str(source))
    else:
        environment.install(str(source_distribution(environment, source)))
    result = environment.run("-c", USE, str(lake("equal_images")), "c++", "python")
    assert result.returncode == 0, result.stderr
    file, have_native = result.stdout.split()
    assert have_native == "True"
    assert str(PROJECT_ROOT) not in file
    linked = environment.run("-c", "import penstock._core as core; print(core.__file__)").stdout.strip()
    libraries = subprocess.run(["ldd", linked], capture_output=True, text=True, check=True).stdout
    # libjpeg may be built in.
    assert "libpng" in libraries
    for foreign in ("torch", "libpython", "libcuda", "libc10"):
        assert foreign not in libraries


def test_pip_install_without_the_extension(environment: Environment, lake: Callable[[str], Path]) -> None:
    # No compiler and no CMake either: nothing of the kind may be asked for.
    environment.install(str(source_copy(environment)), PENSTOCK_NATIVE="0", CC="false", CXX="false", CMAKE="false")
    result = environment.run("-c", USE, str(lake("equal_images")), "python", "auto")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[1] == "False"
    refused = environment.run("-c", USE, str(lake("equal_images")), "c++")
    assert refused.returncode == 1
    message = refused.stderr.strip().splitlines()[-1]
    assert message.startswith("penstock.errors.NativeUnavailableError: ")
    for part in ("needs penstock's C++ extension", "apt-get install", "PENSTOCK_NATIVE=0", "loader_type='python'"):
        assert part in message


def source_distribution(environment: Environment, source: Path) -> Path:
    """What is published for those whom no wheel fits."""
    target = environment.folder.parent / "dist"
    make = "import os, sys; os.chdir(sys.argv[1]); import scikit_build_core.build as b; b.build_sdist(sys.argv[2])"
    result = environment.run("-c", make, str(source), str(target))
    assert result.returncode == 0, result.stderr
    (made,) = target.iterdir()
    return made


def source_copy(environment: Environment) -> Path:
    """The project's files as git has them, without what was built here."""
    target = environment.folder.parent / "source"
    target.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        if (PROJECT_ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((PROJECT_ROOT / name).read_bytes())
    return target

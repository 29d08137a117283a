"""``tools/gpu-check``: what it carries, how it spends its time, and what its exit status says. A GPU is not needed."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import time
import zipfile
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from support.require import PROJECT_ROOT

TOOL = PROJECT_ROOT / "tools" / "gpu-check"
FOLDER = PROJECT_ROOT / "tools" / "gpu_check"


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module behind --run."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("run")


@pytest.fixture
def building(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("building")


def test_it_says_what_it_can_do() -> None:
    result = subprocess.run([str(TOOL)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert "--pack" in result.stderr
    assert "--run" in result.stderr
    assert "set -e" not in result.stderr


def test_a_folder_without_a_pack_is_refused(tmp_path: Path, running: ModuleType) -> None:
    result = subprocess.run(
        [sys.executable, str(FOLDER / "run.py"), "--from", str(tmp_path), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path} has no pack.json: tools/gpu-check --pack makes it, where there is a network\n"


def test_each_library_of_the_build_is_carried() -> None:
    build = (PROJECT_ROOT / "CMakeLists.txt").read_text()
    needed = set(re.findall(r"^ *penstock_require_library\(\S+ \S+ (\S+) \S+-dev", build, re.MULTILINE))
    assert len(needed) >= 5
    # Of their sources' names, and of what one source makes beside.
    sources = {"hwy": "highway", "png": "libpng", "webp": "libwebp", "webpdemux": "libwebp"}
    sources |= {"jpeg": "libjpeg-turbo", "turbojpeg": "libjpeg-turbo"}
    carried = re.search(r"^LINKED = \((.*)\)$", (FOLDER / "pack.py").read_text(), re.MULTILINE)
    assert carried is not None
    assert {sources.get(name, name) for name in needed} | {"zlib"} == set(re.findall(r'"([^"]+)"', carried[1]))


def test_what_is_carried_has_a_pinned_version() -> None:
    lines = (PROJECT_ROOT / "requirements" / "gpu-check.txt").read_text().splitlines()
    names = {line for line in lines if line and not line.startswith("#")}
    constraints = (PROJECT_ROOT / "requirements" / "constraints-mmdet2.txt").read_text().lower()
    assert names
    assert {name for name in names if not re.search(rf"^{re.escape(name)}==", constraints, re.MULTILINE)} == set()


def test_wheels_are_installed_where_they_are_missing_or_too_old(
    building: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = {"pybind11": "2.13.6", "scikit-build-core": "1.0", "tqdm": "4.1"}

    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(building.metadata, "version", version)
    carried = {"pybind11": "3.1.0", "scikit_build_core": "1.1.2", "tqdm": "4.70.1", "pillow": "10.4.0"}
    assert building.missing(carried) == ["pybind11", "pillow"]


def test_a_program_beside_the_module_is_needed_too(building: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building.metadata, "version", lambda name: "4.0")
    monkeypatch.setattr(building.shutil, "which", lambda name: None if name == "ninja" else f"/bin/{name}")
    assert building.missing({"cmake": "4.4.4", "ninja": "1.13.2", "tqdm": "4.70.1"}) == ["ninja"]


def test_without_compiler_and_wheel_it_says_so(
    tmp_path: Path, building: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "pack.json").write_text(json.dumps({"wheels": {}}))
    monkeypatch.setattr(building, "_unpack", lambda *_: None)
    monkeypatch.setattr(building.shutil, "which", lambda name: None)
    with pytest.raises(building.Unbuildable, match="neither a C\\+\\+ compiler nor a carried wheel"):
        building.built(tmp_path, tmp_path, tmp_path / "work", 10)


def test_without_compiler_a_carried_wheel_is_taken(
    tmp_path: Path, building: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "pack.json").write_text(json.dumps({"wheels": {}}))
    wheel = tmp_path / "wheels" / "penstock-9.9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("penstock/__init__.py", "")
        folder = "penstock-9.9.dist-info"
        file.writestr(f"{folder}/METADATA", "Metadata-Version: 2.1\nName: penstock\nVersion: 9.9\n")
        file.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{folder}/RECORD", "")
    monkeypatch.setattr(building, "_unpack", lambda *_: None)
    monkeypatch.setattr(building.shutil, "which", lambda name: None)
    made = building.built(tmp_path, tmp_path, tmp_path / "work", 60)
    assert made.how == f"no C++ compiler: {wheel.name}"
    site = made.environment["PYTHONPATH"].split(":")[0]
    assert (Path(site) / "penstock" / "__init__.py").exists()


def test_a_stage_ends_with_all_that_it_has_started(
    tmp_path: Path, running: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(running.SECONDS, "tests", 2)
    check = running.Check(tmp_path, 60)
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(300)"
    )
    check.run("tests", [sys.executable, "-S", "-c", program], {})
    assert check.stages["tests"]["status"] == "failed"
    assert check.stages["tests"]["why"].startswith("not done after 2 s: see ")
    child = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat")
    deadline = time.monotonic() + 30
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stage_that_would_take_too_long_is_skipped_with_the_reason(tmp_path: Path, running: ModuleType) -> None:
    check = running.Check(tmp_path, 20)
    check.run("benchmarks", [sys.executable, "-c", "raise SystemExit(1)"], {})
    assert check.stages["benchmarks"]["status"] == "skipped"
    assert re.fullmatch(r"(19|20) s were left, and it may take 300", check.stages["benchmarks"]["why"])
    written = json.loads((tmp_path / "summary.json").read_text())
    assert written["stages"] == check.stages


@pytest.mark.parametrize(
    ("program", "status", "words"),
    [("print('all is well')", "passed", "all is well"), ("raise SystemExit(5)", "failed", "status 5: see ")],
)
def test_what_a_stage_says(program: str, status: str, words: str, tmp_path: Path, running: ModuleType) -> None:
    check = running.Check(tmp_path, 1000)
    check.run("tests", [sys.executable, "-S", "-c", program], {})
    assert check.stages["tests"]["status"] == status
    assert check.stages["tests"]["why"].startswith(words)


@pytest.mark.parametrize(
    ("stages", "gpu", "without", "wanted"),
    [
        (["passed", "skipped"], True, False, 0),
        (["passed", "failed"], True, False, 1),
        (["passed", "failed"], False, True, 1),
        (["passed"], False, False, 3),
        (["passed"], False, True, 0),
    ],
)
def test_the_exit_status(
    stages: list[str],
    gpu: bool,
    without: bool,
    wanted: int,
    tmp_path: Path,
    running: ModuleType,
    capsys: pytest.CaptureFixture[str],
) -> None:
    check = running.Check(tmp_path, 10)
    for number, status in enumerate(stages):
        check.note(f"stage {number}", status, "", 0)
    assert running._summary(check, gpu, without) == wanted
    assert ("torch sees no GPU" in capsys.readouterr().out) == (not gpu and "failed" not in stages)

"""The libraries that the build asks for are named wherever somebody is told what to install."""

from __future__ import annotations

import re

import pytest

from support.require import PROJECT_ROOT


@pytest.mark.parametrize("file", ["tools/system-packages.sh", "python/penstock/_native.py"])
def test_each_library_of_the_build_is_named(file: str) -> None:
    build = (PROJECT_ROOT / "CMakeLists.txt").read_text()
    needed = set(re.findall(r"^ *penstock_require_library\(\S+ \S+ \S+ (\S+-dev)\)", build, re.MULTILINE))
    needed.discard("libturbojpeg0-dev")  # what the C++ tests alone need
    assert len(needed) >= 5
    named = set(re.findall(r"lib[a-z0-9]+-dev", (PROJECT_ROOT / file).read_text()))
    assert needed <= named


def test_each_source_is_built_and_its_license_asked_for() -> None:
    table = (PROJECT_ROOT / "tools" / "sources.txt").read_text()
    sources = set(re.findall(r"^([a-z0-9-]+)  +\S+ +[0-9a-f]{64}$", table, re.MULTILINE))
    assert len(sources) >= 10
    built = (PROJECT_ROOT / "tools" / "libraries.sh").read_text()
    assert set(re.findall(r"^  take (\S+) \S", built, re.MULTILINE)) == sources
    checked = re.search(r"BUILT_IN = .*?\)", (PROJECT_ROOT / "tools" / "wheel" / "check.py").read_text(), re.DOTALL)
    assert checked is not None
    assert set(re.findall(r'"([a-z0-9-]+)"', checked[0])) == sources

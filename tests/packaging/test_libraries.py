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

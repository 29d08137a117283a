"""Pages of the reference that say what the code has: compared with the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from support.require import PROJECT_ROOT

REFERENCE = PROJECT_ROOT / "docs" / "reference"
#: Read by the standard library, of which one function is called.
BY_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
#: Read by packages that Penstock calls.
BY_OTHERS = {"ACTIVELOOP_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
BY_TESTS = {"PENSTOCK_REQUIRE", "PENSTOCK_NIGHTLY", "PENSTOCK_EXPLORE", "PENSTOCK_COCO", "PENSTOCK_LAKES"}
#: Set by a test for its own child.
BETWEEN_TESTS = {"PENSTOCK_TEST_WORKER", "PENSTOCK_DOCS_VENV"}
_NAME = re.compile(r"[A-Z][A-Z0-9_]{3,}")


def on_the_page() -> set[str]:
    text = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    named = {name for line in text.splitlines() if line.startswith("|") for name in re.findall(r"`([A-Z0-9_]+)`", line)}
    assert len(named) > 30
    return named


def read_by_python() -> Iterator[str]:
    """The names that stand where a file of the package reads the environment: as they are, or in a list that it goes
    through."""
    for file in (PROJECT_ROOT / "python").rglob("*.py"):
        code = file.read_text(encoding="utf-8")
        if "os.environ" not in code and "getenv" not in code:
            continue
        for node in (one for part in ast.parse(code).body if not _is_export(part) for one in ast.walk(part)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
                yield node.value
            elif isinstance(node, ast.keyword) and node.arg and _NAME.fullmatch(node.arg):
                yield node.arg


def _is_export(node: ast.stmt) -> bool:
    """Whether it is ``__all__``, which may name a constant."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def read_by_the_build() -> Iterator[str]:
    for name in ("CMakeLists.txt", "pyproject.toml", "setup.py", "tools/libjpeg-turbo.sh"):
        text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
        yield from re.findall(r"\$ENV\{(\w+)\}|if\.env\.(\w+)", text)
    for file in (PROJECT_ROOT / "csrc").rglob("*.cpp"):
        yield from re.findall(r'getenv\("(\w+)"', file.read_text(encoding="utf-8"))


def test_every_variable_that_is_read_is_on_the_page() -> None:
    python = set(read_by_python())
    assert {"LOCAL_WORLD_SIZE", "AWS_PROFILE", "OMPI_COMM_WORLD_SIZE", "AWS_CONFIG_FILE"} <= python
    # Limits of the system, which the same file asks for.
    python = {name for name in python if not name.startswith("RLIMIT_")}
    build = {name for found in read_by_the_build() for name in ([found] if isinstance(found, str) else found) if name}
    assert {"PENSTOCK_NATIVE", "SSL_CERT_FILE", "XDG_CACHE_HOME"} <= build
    assert python | build | BY_PROXIES | BY_OTHERS | BY_TESTS == on_the_page()


def test_every_variable_of_the_tests_is_on_the_page() -> None:
    found = set()
    for file in (PROJECT_ROOT / "tests").rglob("*.py"):
        found |= set(re.findall(r'environ(?:\.get\(|\[)"(PENSTOCK_\w+)"', file.read_text(encoding="utf-8")))
    assert found - BETWEEN_TESTS == BY_TESTS


def test_the_page_of_options_is_that_of_the_parsers(tool: Callable[[str], Any]) -> None:
    options = tool("command_options")
    assert options.PAGE.read_text(encoding="utf-8") == options.command_page(), (
        "run .venv/bin/python tools/docs/command_options.py"
    )


def test_versions_are_those_of_the_requirements() -> None:
    text = (REFERENCE / "compatibility.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    files = next(row for row in table if row[0] == "file")[1:]
    pins = [_pins(PROJECT_ROOT / "requirements" / file.strip("`")) for file in files]
    checked = 0
    for row in table:
        stated_names = re.split(r",\s*(?:in `make nightly`)?", row[0])
        names = [name for name in stated_names if any(name in found for found in pins)]
        if not names or len(row) != len(pins) + 1:
            continue
        for stated, found in zip(row[1:], pins, strict=True):
            wanted = {found[name] for name in names if name in found}
            # A package that another one brings along is nobody's promise.
            if stated or names[0] in ("torch", "numpy", "deeplake", "mmdet"):
                assert {stated} - {""} == wanted, row
                checked += 1
    assert checked > 20


def _pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)==([\w.]+)$", file.read_text(encoding="utf-8"), re.MULTILINE))

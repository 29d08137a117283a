"""Which C++ tests the thread sanitizer is spared is no matter of opinion: those that no thread can be started in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.require import PROJECT_ROOT

CPP_TESTS = PROJECT_ROOT / "tests" / "cpp"
SOURCES = (PROJECT_ROOT / "csrc", CPP_TESTS)
#: Headers that come with threads.
OF_THREADS = {"thread", "future", "execution", "pthread.h", "threads.h"}


def listed(name: str) -> list[str]:
    """The files of a list in the tests' CMakeLists.txt."""
    lists = re.findall(rf"set\({name}\n([^)]*)\)", (CPP_TESTS / "CMakeLists.txt").read_text())
    assert len(lists) == 1
    return str(lists[0]).split()


def headers_of_threads(file: Path) -> set[str]:
    """Those of OF_THREADS that a file includes, directly or through others of the project and their sources."""
    seen: set[Path] = set()
    todo = [file]
    found: set[str] = set()
    while todo:
        if (one := todo.pop()) in seen:
            continue
        seen.add(one)
        for name in re.findall(r'^\s*#\s*include [<"]([^>"]+)[>"]', one.read_text(), re.MULTILINE):
            found |= {name} & OF_THREADS
            paths = [path for folder in (one.parent, *SOURCES) if (path := (folder / name).resolve()).is_file()]
            todo += [path for header in paths[:1] for path in (header, header.with_suffix(".cpp")) if path.is_file()]
    return found


def test_every_file_of_tests_is_in_one_list() -> None:
    files = [*listed("tests_of_threads"), *listed("tests_of_http"), *listed("tests_of_one_thread")]
    assert len(files) == len(set(files))
    # The tests of allocations are a program of their own, under every sanitizer.
    apart = {"allocation_test.cpp", "http_allocation_test.cpp"}
    assert {*files, *apart} == {file.name for file in CPP_TESTS.glob("*_test.cpp")}


@pytest.mark.parametrize("name", listed("tests_of_one_thread"))
def test_no_thread_can_be_started_in_a_test_of_one_thread(name: str) -> None:
    found = headers_of_threads(CPP_TESTS / name)
    assert not found, f"{name} includes {found}: move it to tests_of_threads in tests/cpp/CMakeLists.txt"


def test_threads_are_seen_through_what_is_included() -> None:
    assert headers_of_threads(CPP_TESTS / "loader_test.cpp") == {"thread", "future", "pthread.h"}
    assert not headers_of_threads(CPP_TESTS / "philox_test.cpp")

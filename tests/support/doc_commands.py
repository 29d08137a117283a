"""What is checked of commands in pages that are not run: what they name exists, and takes the arguments."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import re
import runpy
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from support.doc_blocks import BlockError
from support.require import PROJECT_ROOT

__all__ = ["CHECKS", "NotImportedError", "parse_only"]

#: Folders with scripts of the project, whose arguments are parsed.
_SCRIPTS = ("benchmarks", "examples", "tools")


class NotImportedError(BlockError):
    """A script needs what is not installed here."""


class _Parsed(Exception):
    """Arguments were parsed, and nothing else is to be done."""


@contextlib.contextmanager
def parse_only() -> Iterator[None]:
    """Within it, programs end where they have parsed their arguments.

    Raises:
        BlockError: They refuse them, or end without having looked at them.
    """
    real = argparse.ArgumentParser.parse_args

    def parse(*arguments: Any, **options: Any) -> Any:
        real(*arguments, **options)
        raise _Parsed

    said = io.StringIO()
    try:
        with mock.patch.object(argparse.ArgumentParser, "parse_args", parse), contextlib.redirect_stderr(said):
            yield
    except _Parsed:
        return
    except SystemExit as ended:
        lines = said.getvalue().strip().splitlines() or [str(ended.code)]
        raise BlockError(f"the arguments are refused: {lines[-1]}") from ended
    raise BlockError("the program does not look at its arguments")


def _penstock(words: list[str]) -> None:
    from penstock import cli

    with parse_only():
        cli.main(words[1:])


def _python(words: list[str]) -> None:
    if words[1:3] == ["-m", "pytest"]:
        _pytest(words[2:])
        return
    script = PROJECT_ROOT / words[1]
    if not (script.is_file() and words[1].startswith(_SCRIPTS)):
        raise BlockError(f"no script {words[1]}")
    if "parse_args" not in script.read_text():
        if words[2:]:
            raise BlockError(f"{words[1]} takes no arguments")
        return
    before, path = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(script.parent))
    try:
        with mock.patch.object(sys, "argv", words[1:]), warnings.catch_warnings(), parse_only():
            warnings.simplefilter("ignore")
            runpy.run_path(str(script), run_name="__main__")
    except ImportError as error:
        raise NotImportedError(f"{words[1]} cannot be imported here: {error}") from error
    finally:
        sys.path[:] = path
        # Scripts beside this one have names that are nobody's.
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if Path(file).parent == script.parent:
                del sys.modules[name]


def _torchrun(words: list[str]) -> None:
    scripts = [number for number, word in enumerate(words) if word.endswith(".py")]
    if not scripts:
        raise BlockError("torchrun without a script")
    _python(["python", *words[scripts[0] :]])


def _pytest(words: list[str]) -> None:
    for word in words[1:]:
        if word.startswith("tests/") and not (PROJECT_ROOT / word.partition("::")[0]).exists():
            raise BlockError(f"no {word}")


def _make(words: list[str]) -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    for word in words[1:]:
        name, sign, _ = word.partition("=")
        pattern = rf"^{re.escape(name)} *\?=|\$\({re.escape(name)}\)" if sign else rf"^{re.escape(word)}:"
        if not re.search(pattern, makefile, re.MULTILINE):
            raise BlockError(f"the Makefile has no {'variable' if sign else 'target'} '{name}'")


def _cmake(words: list[str]) -> None:
    presets = json.loads((PROJECT_ROOT / "CMakePresets.json").read_text())
    names = {preset["name"] for preset in presets["configurePresets"]}
    for option, word in itertools.pairwise(words):
        if option == "--preset" and word not in names:
            raise BlockError(f"CMakePresets.json has no preset '{word}'")


def _pip(words: list[str]) -> None:
    if words[1] != "install":
        raise BlockError(f"no rule for pip {words[1]}")
    extras = _project_extras()
    known = _known_packages()
    for word in words[2:]:
        if word.startswith(("-", "git+https://")) or word in (".", "./"):
            continue
        name, _, rest = re.sub(r"[<>=!~].*", "", word).partition("[")
        if name.startswith(("penstock", "dist/penstock", "./")) or name in ("", "."):
            unknown = {extra.strip() for extra in rest.rstrip("]").split(",") if extra} - extras
            if unknown:
                raise BlockError(f"pyproject.toml has no extra '{sorted(unknown)[0]}'")
        elif name.lower() not in known and not (PROJECT_ROOT / name).is_file():
            raise BlockError(f"neither pyproject.toml nor requirements/ knows the package '{name}'")


def _project_extras() -> set[str]:
    text = (PROJECT_ROOT / "pyproject.toml").read_text()
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    return set(re.findall(r"^([\w-]+) = ", section, re.MULTILINE))


def _known_packages() -> set[str]:
    files = [PROJECT_ROOT / "pyproject.toml", *(PROJECT_ROOT / "requirements").glob("*.txt")]
    return {word.lower() for file in files for word in re.findall(r"[\w.-]+", file.read_text())}


def _apt(words: list[str]) -> None:
    if words[1] == "update":
        return
    tools = "\n".join(file.read_text() for file in (PROJECT_ROOT / "tools").glob("*.sh"))
    for word in words[2:]:
        if not word.startswith("-") and not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", tools):
            raise BlockError(f"no script of tools/ installs the package '{word}'")


def _ssh(words: list[str]) -> None:
    """Of a command on another machine the part after the machine's name."""
    start = words.index("penstock") if "penstock" in words else 0
    if not start:
        raise BlockError("of ssh, the rule is for a command of penstock")
    _penstock(words[start:])


def _tool(words: list[str]) -> None:
    if not (PROJECT_ROOT / words[0]).is_file():
        raise BlockError(f"no {words[0]}")


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "penstock": _penstock,
    "python": _python,
    "torchrun": _torchrun,
    "pytest": _pytest,
    "make": _make,
    "cmake": _cmake,
    "pip": _pip,
    "apt-get": _apt,
    "ssh": _ssh,
    **{file.name: _tool for file in (PROJECT_ROOT / "tools").iterdir() if file.is_file()},
}

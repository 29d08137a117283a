"""Code within the sentences and tables of pages: commands, names and files of the project that it mentions exist."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from support.doc_blocks import BlockError, name_of
from support.doc_commands import CHECKS
from support.doc_python import find_module, written_names
from support.require import PROJECT_ROOT

__all__ = ["check_inline", "inline_code"]

_FOLDERS = "tests|benchmarks|tools|examples|docs|csrc|python|requirements"
_FILE = re.compile(rf"(?:{_FOLDERS})(?:/[\w.-]+)+/?")
#: Scripts of MMDetection and Detectron2, which their own repositories have.
_ELSEWHERE = frozenset({"tools/train.py", "tools/test.py", "tools/visualize_data.py"})
_NAME = re.compile(r"penstock((?:\.[A-Za-z_]\w*)+)")


def inline_code(page: Path) -> Iterator[tuple[int, str]]:
    """The spans of code of a page with the first lines of their paragraphs or rows."""
    import markdown_it

    for token in markdown_it.MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
        for child in token.children or []:
            if child.type == "code_inline":
                yield (token.map[0] + 1 if token.map else 0), child.content


def check_inline(page: Path) -> int:
    """Checks the spans of a page that name something of the project.

    Returns:
        How many did.

    Raises:
        BlockError: A command, an option, a name or a file does not exist.
    """
    checked = 0
    for line, code in inline_code(page):
        try:
            checked += _check(code)
        except BlockError as error:
            raise BlockError(f"{name_of(page)}:{line}: `{code}`: {error}") from error
    return checked


def _check(code: str) -> bool:
    if found := re.match(r"penstock ([a-z][a-z-]+\*?)", code):
        _command(found[1], re.findall(r"(?<=\s)--[a-z-]+", code))
    elif found := _NAME.match(code):
        _names(found[1].split(".")[1:])
    elif re.fullmatch(r"make [a-z][a-z0-9-]*", code):
        CHECKS["make"](code.split())
    elif _FILE.fullmatch(code):
        if code not in _ELSEWHERE and not (PROJECT_ROOT / code).exists():
            raise BlockError("no such file")
    else:
        return False
    return True


def _command(name: str, options: list[str]) -> None:
    if name.endswith("*") and any(command.startswith(name[:-1]) for command in _options()):
        return
    known = _options().get(name)
    if known is None:
        raise BlockError(f"penstock has no command '{name}'")
    for option in options:
        if option not in known:
            raise BlockError(f"penstock {name} has no option {option}")


@functools.cache
def _options() -> dict[str, set[str]]:
    """The options of each command."""
    from penstock import cli

    parsers: list[argparse.ArgumentParser] = []

    def keep(parser: argparse.ArgumentParser, *_: object) -> None:
        parsers.append(parser)
        raise SystemExit

    with mock.patch.object(argparse.ArgumentParser, "parse_args", keep), contextlib.suppress(SystemExit):
        cli.main([])
    (commands,) = [one for one in parsers[0]._actions if isinstance(one, argparse._SubParsersAction)]
    return {name: set(parser._option_string_actions) for name, parser in commands.choices.items()}


def _names(parts: list[str]) -> None:
    """A name of the package. Of an integration, whose framework may be missing, it is read and not imported."""
    module, place = "penstock", importlib.import_module("penstock")
    for number, part in enumerate(parts):
        module += f".{part}"
        if hasattr(place, part):
            place = getattr(place, part)
            continue
        spec = find_module(module)
        if spec is None:
            raise BlockError(f"{module} does not exist")
        if module.startswith("penstock.integrations."):
            if parts[number + 1 :] and parts[number + 1] not in written_names(Path(spec.origin)):
                raise BlockError(f"{module} has no '{parts[number + 1]}'")
            return
        place = importlib.import_module(module)

"""Writes docs/reference/command-options.md of what the command's own parser knows.

    .venv/bin/python tools/docs/command_options.py

A test compares the page with what this gives.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from penstock.cli import command_parser

__all__ = ["PAGE", "command_page"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "command-options.md"

_HEAD = """# Options of the commands

<!-- tools/docs/command_options.py makes this page of the parsers in python/penstock/cli/: change them, and run it. -->

What the commands are for, with examples: [On the command line](command-line.md). A command exits with 0 when it is
done, with 1 after an error or when it has found something wrong, with 2 when it was called wrongly, and with 130 when
it was interrupted.
"""


def command_page() -> str:
    """The page: for each command its description and a table of its arguments."""
    parser = command_parser()
    action = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return "\n".join([_HEAD, *("\n".join(_section(name, command)) for name, command in action.choices.items())])


def _section(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## penstock {name}\n"
    yield f"{_sentence(parser.description or '')}\n"
    yield "| argument | default | meaning |\n|---|---|---|"
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction):
            yield f"| {_argument(action)} | {_default(action)} | {_help(action, parser)} |"
    yield ""


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _argument(action: argparse.Action) -> str:
    # The same letters as in `penstock COMMAND --help`.
    value = "" if action.nargs == 0 else _value(action)
    if not action.option_strings:
        return f"`{value}`" + (", may be left out" if action.nargs in ("?", "*") else "")
    names = ", ".join(f"`{name}{' ' + value if value else ''}`" for name in action.option_strings)
    return names + (", needed" if action.required else "")


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        # A bar would end the cell of the table.
        return "{" + ",".join(map(str, action.choices)) + "}"
    shown = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    return " ".join(shown) if isinstance(shown, tuple) else shown


def _default(action: argparse.Action) -> str:
    default = action.default
    if action.nargs == 0 or default in (None, argparse.SUPPRESS):
        return ""
    return f"`{default}`"


def _help(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    return _sentence(text).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(command_page(), encoding="utf-8")

"""The fenced code blocks of the project's pages, with the comments that say how a test treats them.

A comment stands on the line before its block, is invisible to readers, and reads ``<!-- block: RULE; RULE -->``.
CONTRIBUTING.md lists the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.require import PROJECT_ROOT

__all__ = ["ENVIRONMENTS", "Block", "BlockError", "Rules", "blocks_of", "lines_of", "name_of", "pages"]

#: What a fence may say. Blocks of "text" are drawings and queries; nothing runs them.
LANGUAGES = frozenset({"python", "sh", "text", "json", "toml", "yaml", "cpp"})
#: Why a block may stay unrun.
REASONS = frozenset({"needs a GPU", "needs the network", "takes long"})
#: What the environment of most tests does not have, and the tests that run such blocks; None: nobody, they are read.
ENVIRONMENTS = {
    "mmdet3": "tests/mmdet3/test_code_blocks.py",
    "detectron2": None,
    "frameworks": "tests/frameworks/test_code_blocks.py",
    "ray": None,
    "deeplake4": None,
    "dali": None,
    "ffcv": None,
}
_FRAMEWORKS = ("mmdet", "mmdet3")
_COMMENT = re.compile(r"<!--\s*block:\s*(.*?)\s*-->", re.DOTALL)
_BASE = r"(?P<framework>\w+)(?:, added to (?P<base>\S+))?"


class BlockError(AssertionError):
    """A block breaks a rule. The message begins with file and line."""


@dataclass(frozen=True)
class Rules:
    """What the comment before a block says.

    Attributes:
        reason: Why the block is not run: one of REASONS, or None.
        environment: What the block needs: one of ENVIRONMENTS, or None.
        file: The name under which the block is written into the page's folder, or None.
        framework: "mmdet" or "mmdet3" where the block is a configuration, or None.
        base: The configuration, relative to the project, to which the block is added, or None.
        source: The file, relative to the project, that has the block's lines, or None.
        is_output: Whether the block is what the block before it prints.
        in_notebook: Whether the block is the cell of a notebook.
    """

    reason: str | None = None
    environment: str | None = None
    file: str | None = None
    framework: str | None = None
    base: str | None = None
    source: str | None = None
    is_output: bool = False
    in_notebook: bool = False


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The file, relative to the project where it lies in it.
        line: The number of the first line of the content, counted from 1.
        language: One of LANGUAGES.
        text: The content, without the indentation of the list that the block stands in.
        rules: What the comment before it says.
    """

    page: str
    line: int
    language: str
    text: str
    rules: Rules = field(default_factory=Rules)

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages(root: Path = PROJECT_ROOT) -> list[Path]:
    """The pages for readers: README, CONTRIBUTING, all of docs, and the READMEs of folders."""
    single = [root / name for name in ("README.md", "CONTRIBUTING.md", "python/penstock/README.md")]
    folders = [*(root / "docs").rglob("*.md"), *(root / "csrc").rglob("README.md"), root / "benchmarks/README.md"]
    return sorted(page for page in [*single, *folders] if page.exists())


def name_of(page: Path) -> str:
    """A page's path, relative to the project where it lies in it."""
    return str(page.relative_to(PROJECT_ROOT)) if page.is_relative_to(PROJECT_ROOT) else str(page)


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page in their order.

    Raises:
        BlockError: A block has no language or an unknown one, is indented instead of fenced, or has a comment with a
            rule that does not exist; or a comment has no block.
    """
    import markdown_it

    name = name_of(page)
    blocks: list[Block] = []
    comment: tuple[str, int] | None = None
    for token in markdown_it.MarkdownIt().parse(page.read_text(encoding="utf-8")):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "code_block":
            raise BlockError(f"{name}:{line}: an indented block has no language; fence it")
        if token.type == "fence":
            rules = Rules() if comment is None else _rules(comment[0], f"{name}:{comment[1]}")
            comment = None
            block = Block(name, line + 1, token.info.strip(), token.content, rules)
            _check(block)
            blocks.append(block)
        elif found := _COMMENT.search(token.content) if token.type == "html_block" else None:
            if comment is not None:
                raise BlockError(f"{name}:{comment[1]}: no block follows this comment")
            comment = (found[1], line)
        elif comment is not None and token.type.endswith("_open"):
            raise BlockError(f"{name}:{comment[1]}: no block follows this comment")
    if comment is not None:
        raise BlockError(f"{name}:{comment[1]}: no block follows this comment")
    return blocks


def _check(block: Block) -> None:
    if not block.language:
        raise BlockError(f"{block.place}: a block without a language; use one of {', '.join(sorted(LANGUAGES))}")
    if block.language not in LANGUAGES:
        raise BlockError(f"{block.place}: no language '{block.language}'; use one of {', '.join(sorted(LANGUAGES))}")
    if block.rules.framework and block.language != "python":
        raise BlockError(f"{block.place}: a configuration is a block of Python")
    if block.rules.is_output and block.language not in ("text", "json"):
        raise BlockError(f"{block.place}: an output is a block of text or JSON")


def _rules(text: str, place: str) -> Rules:
    found: dict[str, str | bool | None] = {}
    for rule in (part.strip() for part in text.split(";")):
        for pattern, allowed in _PATTERNS.items():
            if match := re.fullmatch(pattern, rule):
                found |= match.groupdict() or {_FLAGS[rule]: True}
                _check_words(match.groupdict(), allowed, place)
                break
        else:
            raise BlockError(f"{place}: no rule '{rule}'; CONTRIBUTING.md lists the rules")
    return Rules(**found)  # type: ignore[arg-type]


_PATTERNS: dict[str, frozenset[str]] = {
    r"not run, (?P<reason>.+)": REASONS,
    r"with (?P<environment>\w+)": frozenset(ENVIRONMENTS),
    r"file (?P<file>[\w./-]+)": frozenset(),
    rf"configuration of {_BASE}": frozenset(_FRAMEWORKS),
    r"excerpt of (?P<source>\S+)": frozenset(),
    r"output": frozenset(),
    r"in a notebook": frozenset(),
}


_FLAGS = {"output": "is_output", "in a notebook": "in_notebook"}


def _check_words(words: dict[str, str | None], allowed: frozenset[str], place: str) -> None:
    first = next(iter(words.values()), None)
    if allowed and first not in allowed:
        raise BlockError(f"{place}: '{first}' is not one of {', '.join(sorted(allowed))}")
    for name in ("base", "source"):
        file = words.get(name)
        if file and not (PROJECT_ROOT / file).is_file():
            raise BlockError(f"{place}: no file {file}")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Commands of a shell block with the numbers of their first lines, counted from 0; lines that end in a backslash
    are joined."""
    held, first = "", 0
    for number, line in enumerate(text.splitlines()):
        first = first if held else number
        held += line
        if held.endswith("\\"):
            held = held[:-1] + " "
            continue
        if held.strip():
            yield first, held.strip()
        held = ""

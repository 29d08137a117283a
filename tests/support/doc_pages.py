"""A page's blocks, run in their order."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.doc_blocks import ENVIRONMENTS, Block, BlockError, blocks_of
from support.doc_configs import check_configuration
from support.doc_python import check_names, parsed, run_python
from support.doc_shell import check_shell, run_shell
from support.doc_world import World
from support.notebooks import pretend_notebook
from support.require import PROJECT_ROOT

__all__ = ["check_output", "needs", "run_page", "uses_mmdet"]


def needs(page: Path) -> set[str]:
    """The environments of a page's blocks: "main", and ENVIRONMENTS."""
    return {_environment(block) for block in blocks_of(page)}


def uses_mmdet(page: Path) -> bool:
    """Whether blocks of the environment "main" need MMDetection 2."""
    own = [block for block in blocks_of(page) if _environment(block) == "main"]
    imports = re.compile(r"^ *(?:from|import) (?:mmdet|mmcv|penstock\.integrations import mmdet)\b", re.MULTILINE)
    return any(block.rules.framework or imports.search(block.text) for block in own if block.language == "python")


def run_page(page: Path, world: World, environment: str = "main") -> int:
    """Runs the blocks of a page that are for an environment, in the world's folder, which is the current one.

    In "main" the blocks for other environments are read: they have to be Python, and what they import of Penstock has
    to exist.

    Returns:
        How many blocks were run or checked.

    Raises:
        BlockError: A block failed.
    """
    blocks = blocks_of(page)
    # As in a script: classes are pickled by their module's name.
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with warnings.catch_warnings():
        if environment != "main" or uses_mmdet(page):
            # MMDetection and what it stands on warn of each other's versions.
            warnings.simplefilter("ignore")
        return _run_all(blocks, world, namespace, environment)


def _run_all(blocks: list[Block], world: World, namespace: dict[str, Any], environment: str) -> int:
    printed = ""
    done = 0
    for block in blocks:
        if block.rules.is_output:
            if _environment(block) == environment and environment == "main":
                check_output(block, printed)
                done += 1
            continue
        if _environment(block) == environment:
            printed = _run(block, world, namespace)
            done += 1
        elif environment == "main" and block.language == "python":
            check_names(block, here=False)
            done += 1
        elif environment == "main" and block.language == "sh" and not ENVIRONMENTS[_environment(block)]:
            check_shell(block, world)
            done += 1
    if environment == "main":
        _check_used(blocks)
    return done


def _environment(block: Block) -> str:
    if block.rules.framework == "mmdet3":
        return "mmdet3"
    return block.rules.environment or "main"


def _run(block: Block, world: World, namespace: dict[str, Any]) -> str:
    rules = block.rules
    if rules.framework:
        check_configuration(block, world)
        return ""
    if rules.source:
        _check_excerpt(block, rules.source)
        return ""
    if block.language == "sh":
        return run_shell(block, world)
    if block.language == "python":
        return _python(block, world, namespace)
    _CHECKS[block.language](block)
    if rules.file:
        world.write(rules.file, world.read(block.text))
    return ""


def _python(block: Block, world: World, namespace: dict[str, Any]) -> str:
    rules = block.rules
    if rules.file:
        parsed(block)
        world.write(rules.file, world.read(block.text))
    elif rules.reason:
        check_names(block)
    else:
        with pytest.MonkeyPatch.context() as patch:
            if rules.in_notebook:
                pretend_notebook(patch)
            return run_python(block, namespace, world.read(block.text))
    return ""


def check_output(block: Block, printed: str) -> None:
    """Compares what a block says that a command prints with what it printed. ``...`` stands for anything.

    Raises:
        BlockError: They differ.
    """
    pattern = ".*".join(re.escape(part) for part in block.text.strip().split("..."))
    if not re.fullmatch(pattern, printed.strip(), re.DOTALL):
        raise BlockError(f"{block.place}: the output is another one:\n{printed.strip()}")


def _check_excerpt(block: Block, source: str) -> None:
    """An excerpt has lines of its file, one after the other, but for indentation and empty lines."""
    lines, written = (
        [line.strip() for line in text.splitlines() if line.strip()]
        for text in (block.text, (PROJECT_ROOT / source).read_text(encoding="utf-8"))
    )
    if not any(written[start : start + len(lines)] == lines for start in range(len(written))):
        raise BlockError(f"{block.place}: {source} does not have these lines")


def _check_used(blocks: list[Block]) -> None:
    """A file that no command of the page takes has not been run."""
    for number, block in enumerate(blocks):
        name = block.rules.file
        if name and not any(Path(name).name in later.text for later in blocks[number + 1 :]):
            raise BlockError(f"{block.place}: no later block uses the file {name}")


def _json(block: Block) -> None:
    try:
        json.loads(block.text)
    except ValueError as error:
        raise BlockError(f"{block.place}: {error}") from error


def _yaml(block: Block) -> None:
    try:
        yaml.safe_load(block.text)
    except yaml.YAMLError as error:
        raise BlockError(f"{block.place}: {error}") from error


def _toml(block: Block) -> None:
    import tomllib

    try:
        tomllib.loads(block.text)
    except ValueError as error:
        raise BlockError(f"{block.place}: {error}") from error


def _nothing(_: Block) -> None:
    """Drawings, queries and C++ excerpts have no meaning of their own here."""


_CHECKS = {"json": _json, "yaml": _yaml, "toml": _toml, "text": _nothing, "cpp": _nothing}

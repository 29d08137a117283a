"""Python blocks of pages: run in one namespace, or held to what can be known without running them."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import traceback
import warnings
from pathlib import Path
from typing import Any

from support.doc_blocks import Block, BlockError
from support.require import PROJECT_ROOT

__all__ = ["check_names", "find_module", "parsed", "run_python", "written_names"]


def parsed(block: Block, text: str | None = None) -> ast.Module:
    """The block as a tree whose line numbers are the page's.

    Raises:
        BlockError: It is no Python.
    """
    try:
        return ast.parse("\n" * (block.line - 1) + (block.text if text is None else text), _file(block))
    except SyntaxError as error:
        raise BlockError(f"{block.page}:{error.lineno}: {error.msg}") from error


def run_python(block: Block, namespace: dict[str, Any], text: str | None = None) -> str:
    """Runs a block in the page's namespace.

    Args:
        block: The block.
        namespace: What the blocks before it have left, and it leaves.
        text: What runs in place of the block's own text, line for line.

    Returns:
        What it printed.

    Raises:
        BlockError: It failed. The message names the page's line.
    """
    printed = io.StringIO()
    code = compile(parsed(block, text), _file(block), "exec", dont_inherit=True)
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == _file(block)]
        place = f"{block.page}:{lines[-1] if lines else block.line}"
        raise BlockError(f"{place}: {type(error).__name__}: {error}") from error
    return printed.getvalue()


def check_names(block: Block, *, here: bool = True) -> None:
    """Checks of a block that is not run that it is Python, and that the names it imports exist.

    Args:
        block: The block.
        here: Whether what it imports is installed here. Else Penstock's own modules are read and not imported, and
            others are believed.

    Raises:
        BlockError: A module, or a name of one, does not exist.
    """
    modules: dict[str, str] = {}
    tree = parsed(block)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _exists(alias.name, None, here, f"{block.page}:{node.lineno}"):
                    name = alias.asname or alias.name.partition(".")[0]
                    modules[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if _exists(node.module, alias.name, here, f"{block.page}:{node.lineno}") and find_module(
                    f"{node.module}.{alias.name}"
                ):
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            module = modules[node.value.id]
            if module.partition(".")[0] == "penstock":
                _exists(module, node.attr, here, f"{block.page}:{node.lineno}")


def _file(block: Block) -> str:
    return str(PROJECT_ROOT / block.page)


def find_module(module: str) -> Any:
    """The spec of a module, or None."""
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None


def _exists(module: str, name: str | None, here: bool, place: str) -> bool:
    """Whether the module could be looked at."""
    own = module.partition(".")[0] == "penstock"
    if not own and not here:
        return False
    spec = find_module(module)
    if spec is None:
        raise BlockError(f"{place}: no module '{module}'")
    if name is None:
        return True
    if own and not here:
        found = name in written_names(Path(spec.origin))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = hasattr(importlib.import_module(module), name)
    if not found and find_module(f"{module}.{name}") is None:
        raise BlockError(f"{place}: module '{module}' has no '{name}'")
    return True


def written_names(file: Path) -> set[str]:
    """The names in a module's __all__, without importing it."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "__all__" for one in node.targets):
            return set(ast.literal_eval(node.value))
    return set()

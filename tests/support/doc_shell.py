"""Shell blocks of pages: each command has a rule by its program. ``penstock`` and scripts of the page run; what would
install, build or measure is held to what the project has: extras, packages, targets, scripts and their arguments."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from support.doc_blocks import Block, BlockError, lines_of
from support.doc_commands import CHECKS, NotImportedError
from support.doc_world import World
from support.view_clients import ask

__all__ = ["check_shell", "run_shell"]

_SECONDS = 120


def run_shell(block: Block, world: World) -> str:
    """Runs the commands of a block.

    Returns:
        What they printed.

    Raises:
        BlockError: A command failed, or has no rule. The message names the page's line.
    """
    if block.rules.reason is not None:
        return _each(block, world, lambda words: _check(words))
    return _each(block, world, lambda words: _run(words, world))


def check_shell(block: Block, world: World) -> None:
    """Checks of a block that nobody runs what can be known here, where scripts may need what is not installed.

    Raises:
        BlockError: As of :func:`run_shell`.
    """

    def check(words: list[str]) -> str:
        with contextlib.suppress(NotImportedError):
            _check(words)
        return ""

    _each(block, world, check)


def _each(block: Block, world: World, act: Callable[[list[str]], str]) -> str:
    printed = ""
    for number, line in lines_of(world.read(block.text)):
        place = f"{block.page}:{block.line + number}"
        for command in _commands(line, place):
            while re.match(r"[A-Z_]+=", command[0]):
                command = command[1:]
            try:
                printed += act(command)
            except BlockError as error:
                raise BlockError(f"{place}: {error}") from error
    return printed


def _commands(line: str, place: str) -> list[list[str]]:
    """The words of each command of a line. Of the shell's language there are comments and ``&&``, no more."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.wordchars += "~-./*?=:@+,%[]{}"
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word == "&&":
            commands.append([])
        elif re.fullmatch(r"[();<>|&]+", word):
            raise BlockError(f"{place}: no rule for '{word}'")
        else:
            commands[-1].append(word)
    return [command for command in commands if command]


def _run(words: list[str], world: World) -> str:
    run = _RUNS.get(_program(words))
    done = None if run is None else run(words[1:], world)
    return _check(words) if done is None else done


def _check(words: list[str]) -> str:
    check = CHECKS.get(_program(words))
    if check is None:
        raise BlockError(f"no rule for the program '{words[0]}'")
    check(words)
    return ""


def _program(words: list[str]) -> str:
    name = Path(words[0]).name
    return "python" if name == "python3" else name


def _penstock(words: list[str], world: World) -> str:
    from penstock import cli

    if words[0] == "view":
        return _view(words)
    # What a command makes is what the reader has not yet.
    if words[0].startswith("ingest-") or words[0] == "copy":
        for word in words[1:]:
            if not word.endswith((".json", ".yaml")):
                world.make_room(word)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = cli.main(words)
        except SystemExit as ended:
            status = int(ended.code or 0)
    if status != 0:
        raise BlockError(f"penstock {words[0]} ended with {status}: {err.getvalue().strip()[-500:]}")
    return out.getvalue()


def _view(words: list[str]) -> str:
    """Runs ``penstock view`` until its page has answered, and ends it as Ctrl-C does."""
    from penstock import cli

    said = _Listener()
    answers: list[int] = []

    def visit() -> None:
        said.heard.wait()
        if found := said.address():
            try:
                answers.append(ask(found).status)
            finally:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    visitor = threading.Thread(target=visit)
    visitor.start()
    err = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(err):
            status = cli.main([*words, *([] if "--no-browser" in words else ["--no-browser"])])
    finally:
        said.heard.set()
        visitor.join()
    if status != 0 or answers != [200]:
        raise BlockError(f"penstock view ended with {status}, its page answered {answers}: {err.getvalue()[-500:]}")
    return said.getvalue()


class _Listener(io.StringIO):
    """Notes when an address has been printed."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.address():
            self.heard.set()
        return written

    def address(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+/\S*(?=\s)", self.getvalue())
        return found[0] if found else ""


def _script(words: list[str], world: World) -> str | None:
    """Runs a script that the page has written; another one is left to its check."""
    if not words or words[0] not in world.written:
        return None
    return _process([sys.executable, *words], world)


def _torchrun(words: list[str], world: World) -> str | None:
    if not set(words) & set(world.written):
        return None
    return _process([sys.executable, "-m", "torch.distributed.run", *words], world)


def _process(command: list[str], world: World) -> str:
    done = subprocess.run(command, cwd=world.folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode != 0:
        raise BlockError(f"'{shlex.join(command[1:])}' ended with {done.returncode}: {done.stderr.strip()[-1500:]}")
    return done.stdout


_RUNS: dict[str, Callable[[list[str], World], str | None]] = {
    "penstock": _penstock,
    "python": _script,
    "torchrun": _torchrun,
}

"""Arguments that say which dataset a command reads."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from penstock.dataset import Dataset, open_dataset
from penstock.errors import ConfigError

__all__ = ["add_creds", "add_source", "creds_of", "open_source"]


def add_source(parser: argparse.ArgumentParser, *, instead: str | None = None) -> None:
    """PATH, ``--commit`` and ``--view``. ``instead``: what may stand in for PATH, for the help; None: nothing."""
    if instead is None:
        parser.add_argument("path", metavar="PATH", help="a Deep Lake dataset: a directory or a URL")
    else:
        what = f"a Deep Lake dataset, a directory or a URL; default: {instead}"
        parser.add_argument("path", metavar="PATH", nargs="?", help=what)
    parser.add_argument("--commit", metavar="ID", help="a commit, branch or tag; default: the head of main")
    parser.add_argument("--view", metavar="ID", help="a saved view; default: the whole dataset")
    add_creds(parser)


def add_creds(parser: argparse.ArgumentParser, of: str = "a bucket") -> None:
    """``--creds``. ``of``: whose, for the help."""
    parser.add_argument(
        "--creds",
        metavar="FILE.json",
        type=Path,
        help=f"credentials of {of}; default: the environment, profiles, this machine's role",
    )


def creds_of(arguments: argparse.Namespace) -> Any:
    """What the file of ``--creds`` holds; None where there is none.

    Raises:
        ConfigError: It cannot be read, or holds no JSON object.
    """
    if arguments.creds is None:
        return None
    why = None
    try:
        creds = json.loads(arguments.creds.read_text(encoding="utf-8"))
    except OSError as error:
        why = str(error.strerror or type(error).__name__)
    except ValueError:
        # What is wrong with it would quote it.
        why = "it is no JSON"
    if why is None and not isinstance(creds, dict):
        why = "it holds no JSON object"
    if why is not None:
        raise ConfigError(f"--creds: '{arguments.creds}' cannot be used: {why}")
    return creds


def open_source(arguments: argparse.Namespace) -> Dataset:
    """Opens what the arguments name. Raises what :func:`penstock.open` raises."""
    return open_dataset(arguments.path, commit=arguments.commit, view=arguments.view, creds=creds_of(arguments))

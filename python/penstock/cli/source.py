"""Arguments that say which dataset a command reads."""

from __future__ import annotations

import argparse

from penstock.dataset import Dataset, open_dataset

__all__ = ["add_source", "open_source"]


def add_source(parser: argparse.ArgumentParser, *, instead: str | None = None) -> None:
    """PATH, ``--commit`` and ``--view``. ``instead``: what may stand in for PATH, for the help; None: nothing."""
    if instead is None:
        parser.add_argument("path", metavar="PATH", help="a Deep Lake dataset")
    else:
        parser.add_argument("path", metavar="PATH", nargs="?", help=f"a Deep Lake dataset; default: {instead}")
    parser.add_argument("--commit", metavar="ID", help="a commit, branch or tag; default: the head of main")
    parser.add_argument("--view", metavar="ID", help="a saved view; default: the whole dataset")


def open_source(arguments: argparse.Namespace) -> Dataset:
    """Opens what the arguments name. Raises what :func:`penstock.open` raises."""
    return open_dataset(arguments.path, commit=arguments.commit, view=arguments.view)

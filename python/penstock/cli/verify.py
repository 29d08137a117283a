"""``penstock verify``: reads and decodes all of a dataset and lists what is bad."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from penstock.cli.source import add_source, creds_of
from penstock.printable import printable
from penstock.progress import progress_bar
from penstock.verification import Report, verify

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "verify",
        help="read and decode every sample, list the bad ones",
        description="Reads every chunk and decodes every sample. Lists each bad sample with its tensor, index, chunk, "
        "byte range and cause. Exit status: 0 where all is well, 1 where something is bad, 2 for wrong usage.",
    )
    add_source(parser)
    parser.add_argument("--fast", action="store_true", help="check structure alone, decode nothing")
    parser.add_argument("--tensors", nargs="+", metavar="NAME", help="check these alone")
    parser.add_argument("--loader-type", default="auto", choices=("auto", "c++", "python"), help="default: auto")
    parser.add_argument("--threads", type=int, metavar="N", help="default: one for each usable core")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    if arguments.threads is not None and arguments.threads < 1:
        arguments.usage_error(f"--threads must be at least 1, not {arguments.threads}")
    with progress_bar("sample") as progress:
        report = verify(
            arguments.path,
            commit=arguments.commit,
            view=arguments.view,
            creds=creds_of(arguments),
            tensors=arguments.tensors,
            fast=arguments.fast,
            loader_type=arguments.loader_type,
            num_threads=arguments.threads,
            progress=progress,
        )
    print(json.dumps(as_json(report), indent=1) if arguments.json else as_text(report))
    return 0 if report.ok else 1


def as_json(report: Report) -> dict[str, Any]:
    """The report in plain values."""
    return {**asdict(report), "ok": report.ok, "bad_samples": report.bad_samples}


def as_text(report: Report) -> str:
    """A line for each finding and one that sums up."""
    lines = [str(finding) for finding in report.findings]
    lines += [
        f"tensor '{name}' was checked for its structure alone: {reason}" for name, reason in report.undecoded.items()
    ]
    lines += [f"tensor '{name}' was not checked: {reason}" for name, reason in report.skipped.items()]
    what = "structure of " if report.fast else ""
    found = ", ".join([_counted(len(report.findings), "finding"), _counted(report.bad_samples, "bad sample")])
    verdict = "all well" if report.ok else found
    return "\n".join(
        printable(line) for line in [*lines, f"{report.path}: {what}{report.samples} samples checked, {verdict}"]
    )


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"

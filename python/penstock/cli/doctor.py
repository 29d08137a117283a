"""``penstock doctor``: what is installed, what it runs on, what is missing and how to get it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.cli import machine
from penstock.printable import printable

__all__ = ["add_parser", "examine", "fact_rows"]

#: torch's workers hand batches over in shared memory: a container has 64 MiB by default.
_LITTLE_SHARED = 1 << 30
#: A store keeps files and connections open.
_FEW_FILES = 1024


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "doctor",
        help="what is installed, and what is missing",
        description="Tells what is installed, which instruction set and libraries the core uses, what the machine "
        "allows, and what is missing and how to get it. Exit status: 0 where datasets can be loaded, else 1.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    told = examine()
    print(json.dumps(told, indent=1) if arguments.json else as_text(told))
    return 0 if told["usable"] else 1


def examine() -> dict[str, Any]:
    """All facts, with ``problems`` (each a dict of ``level``, ``text`` and ``hint``) and ``usable``."""
    told: dict[str, Any] = {
        "versions": machine.versions(),
        "core": machine.core(),
        "extras": machine.extras(),
        "gpu": machine.gpu(),
        "limits": machine.limits(),
    }
    told["problems"] = list(_problems(told))
    told["usable"] = not any(problem["level"] == "error" for problem in told["problems"])
    return told


def fact_rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts in words, each with its name."""
    versions, core, limits = told["versions"], told["core"], told["limits"]
    rows = [
        ("penstock", f"{versions['penstock']} in {versions['installed_in']}"),
        ("python", f"{versions['python']}, {versions['interpreter']}, {versions['platform']}"),
        ("torch", f"{versions['torch']}, numpy {versions['numpy']}"),
        ("core", _core(core)),
    ]
    if core["installed"]:
        rows.append(("libraries", ", ".join(f"{name} {version}" for name, version in core["libraries"].items())))
    rows += [("gpu", _gpu(told["gpu"])), *_limits(limits)]
    rows.append(("certificates", core.get("certificates") or limits["certificates"] or "none found"))
    return rows


def as_text(told: dict[str, Any]) -> str:
    """The same for reading."""
    rows = fact_rows(told)
    for number, (name, extra) in enumerate(told["extras"].items()):
        rows.append(
            ("extras" if number == 0 else "", f"{'+' if extra['complete'] else '-'} {name}: {_extra(name, extra)}")
        )
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:{width}}  {text}" for name, text in rows]
    for problem in told["problems"]:
        lines.append(f"{problem['level']}: {problem['text']}" + (f". {problem['hint']}" if problem["hint"] else ""))
    lines.append("datasets can be loaded" if told["usable"] else "datasets cannot be loaded")
    return "\n".join(map(printable, lines))


def _problems(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    def problem(level: str, text: str, hint: str | None = None) -> dict[str, Any]:
        return {"level": level, "text": text, "hint": hint}

    core, limits, extras = told["core"], told["limits"], told["extras"]
    if not core["installed"]:
        decodes = extras.get("python", {"complete": True})["complete"]
        if decodes:
            yield problem(
                "warning", "the C++ core is missing, and the Python loader is several times slower", core["hint"]
            )
        else:
            yield problem("error", "neither the C++ core nor what the Python loader needs is installed", core["hint"])
    else:
        if core["debug"]:
            yield problem("warning", "the core is a debug build, which is slow", "Install it anew without debugging")
        if core["version"] != told["versions"]["penstock"]:
            yield problem(
                "error",
                f"the core is of version {core['version']}, the package of {told['versions']['penstock']}",
                "Install penstock anew",
            )
        if not core["http"]:
            yield problem(
                "warning",
                "the core was built without libcurl, and Python reads URLs, which is slower",
                "Install libcurl (Debian, Ubuntu: apt-get install libcurl4-openssl-dev), and penstock anew",
            )
    if told["gpu"]["problem"] is not None:
        yield problem("warning", f"torch cannot use the GPU: {told['gpu']['problem']}", "Mend the driver")
    if limits["shared_memory"] is not None and limits["shared_memory"] < _LITTLE_SHARED:
        yield problem(
            "warning",
            f"/dev/shm has {_bytes(limits['shared_memory'])}, which torch's worker processes may fill",
            "Start the container with --shm-size=8g, or load with the C++ loader, which needs none of it",
        )
    if limits["open_files"] is not None and limits["open_files"] < _FEW_FILES:
        yield problem("warning", f"only {limits['open_files']} files may be open", "Raise the limit: ulimit -n 4096")
    file = core.get("certificates") or limits["certificates"]
    if file is None or not Path(file).is_file():
        where = "no certificates were found" if not file else f"the certificates '{file}' are not there"
        yield problem(
            "warning",
            f"{where}: https and buckets cannot be trusted",
            "Install them (Debian, Ubuntu: apt-get install ca-certificates; else: pip install certifi), or name a file "
            "with SSL_CERT_FILE",
        )


def _core(core: dict[str, Any]) -> str:
    if not core["installed"]:
        return f"missing: {core['missing']}"
    return f"{core['version']}, runs on {core['instruction_set']}{', debug build' if core['debug'] else ''}"


def _gpu(gpu: dict[str, Any]) -> str:
    if gpu["devices"]:
        found = ", ".join(f"{device['name']} ({_bytes(device['memory'])})" for device in gpu["devices"])
        return f"{found}, CUDA {gpu['cuda']}; batches can be pinned"
    if gpu["cuda"] is None:
        return "none: torch was built without CUDA"
    return f"none that torch can use, though it was built for CUDA {gpu['cuda']}"


def _limits(limits: dict[str, Any]) -> Iterator[tuple[str, str]]:
    quota = "no quota" if limits["core_quota"] is None else f"a quota of {limits['core_quota']:g}"
    yield (
        "cores",
        f"{limits['cores_used']} are used of {limits['cores']}: {limits['cores_allowed']} are allowed, {quota}",
    )
    yield "memory", f"{_bytes(limits['memory'])}, of which {_bytes(limits['memory_free'])} are free"
    yield "/dev/shm", f"{_bytes(limits['shared_memory'])}, of which {_bytes(limits['shared_memory_free'])} are free"
    files, threads = limits["open_files"], limits["threads"]
    yield (
        "limits",
        f"open files {'unlimited' if files is None else files}, locked memory "
        f"{'unlimited' if limits['locked_memory'] is None else _bytes(limits['locked_memory'])}, threads and processes "
        f"{'unlimited' if threads is None else threads}",
    )


def _extra(name: str, extra: dict[str, Any]) -> str:
    parts = []
    for package, found in extra["packages"].items():
        if found["installed"] is None:
            parts.append(f"{package} is missing")
        elif not found["fits"]:
            parts.append(f"{package} {found['installed']} does not fit {found['wanted']}")
        else:
            parts.append(f"{package} {found['installed']}")
    return ", ".join(parts) + ("" if extra["complete"] else f" (pip install 'penstock[{name}]')")


def _bytes(count: int | None) -> str:
    if count is None:
        return "an unknown amount"
    value = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError

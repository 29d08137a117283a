"""Facts about this machine and this installation, for ``penstock doctor``."""

from __future__ import annotations

import os
import platform
import re
import shutil
import ssl
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from penstock._native import DEBUG_BUILD, HAVE_NATIVE, require_native
from penstock.cores import core_quota, usable_cores
from penstock.described import described_error
from penstock.errors import NativeUnavailableError
from penstock.machine_memory import system_memory
from penstock.storage.certificates import fallback_certificates

__all__ = ["core", "extras", "gpu", "limits", "versions"]

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)\s*\(?([^;)]*)\)?\s*(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"].*)?$")
_LIMIT = re.compile(r"(>=|<=|==|!=|~=|<|>)\s*([0-9][0-9.]*)")


def versions() -> dict[str, Any]:
    """Of penstock, Python, torch, numpy and the system."""
    import numpy
    import torch

    import penstock

    return {
        "penstock": penstock.__version__,
        "installed_in": str(Path(penstock.__file__).parent),
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "platform": platform.platform(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
    }


def core() -> dict[str, Any]:
    """The C++ core: whether it is there, else ``missing`` and ``hint``; what it runs on, and with which libraries."""
    if not HAVE_NATIVE:
        try:
            require_native()
        except NativeUnavailableError as error:
            return {"installed": False, "missing": error.cause, "hint": error.hint}
    native = require_native()
    return {"installed": True, "version": native.__version__, "debug": DEBUG_BUILD, **native.about()}


def extras() -> dict[str, dict[str, Any]]:
    """Of each extra of the package: its ``packages``, each with its ``installed`` version (or None), the versions that
    are ``wanted`` and whether it ``fits``; and whether the extra is ``complete``.
    """
    try:
        requirements = metadata.requires("penstock") or []
    except metadata.PackageNotFoundError:
        # The sources, without an installation.
        requirements = []
    found: dict[str, dict[str, Any]] = {}
    for text in requirements:
        matched = _REQUIREMENT.match(text)
        if matched is not None and matched[3] not in (None, "test"):
            packages = found.setdefault(matched[3], {"complete": True, "packages": {}})
            package = _package(matched[1], matched[2].strip())
            packages["packages"][matched[1]] = package
            packages["complete"] &= package["fits"]
    return found


def gpu() -> dict[str, Any]:
    """What torch says of GPUs: ``cuda`` (the version it was built for, or None), ``devices``, and ``problem``."""
    import torch

    told: dict[str, Any] = {"cuda": torch.version.cuda, "devices": [], "problem": None}
    try:
        if torch.version.cuda is not None and torch.cuda.is_available():
            for number in range(torch.cuda.device_count()):
                properties = torch.cuda.get_device_properties(number)
                told["devices"].append({"name": properties.name, "memory": properties.total_memory})
    except RuntimeError as error:
        told["problem"] = described_error(error)
    return told


def limits() -> dict[str, Any]:
    """Cores, memory in bytes, open files, shared memory, and certificates. None: no limit, or unknown."""
    shared = Path("/dev/shm")
    usage = shutil.disk_usage(shared) if shared.is_dir() else None
    paths = ssl.get_default_verify_paths()
    return {
        "cores": os.cpu_count(),
        "cores_allowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "core_quota": core_quota(),
        "cores_used": usable_cores(),
        "memory": system_memory("MemTotal"),
        "memory_free": system_memory("MemAvailable"),
        "open_files": _resource("RLIMIT_NOFILE"),
        "locked_memory": _resource("RLIMIT_MEMLOCK"),
        "threads": _resource("RLIMIT_NPROC"),
        "shared_memory": None if usage is None else usage.total,
        "shared_memory_free": None if usage is None else usage.free,
        "certificates": os.environ.get("SSL_CERT_FILE") or paths.cafile or fallback_certificates(),
    }


def _package(name: str, wanted: str) -> dict[str, Any]:
    try:
        installed: str | None = metadata.version(name)
    except metadata.PackageNotFoundError:
        installed = None
    return {"installed": installed, "wanted": wanted, "fits": installed is not None and _fits(installed, wanted)}


def _fits(installed: str, wanted: str) -> bool:
    """Whether a version lies within limits such as ">=3.9,<4". What follows its numbers (rc1, +cpu) does not count."""
    have = _numbers(installed)
    for sign, limit in _LIMIT.findall(wanted):
        want = _numbers(limit)
        length = max(len(have), len(want))
        pair = [[*numbers, *[0] * (length - len(numbers))] for numbers in (have, want)]
        low, high = pair[0] < pair[1], pair[0] > pair[1]
        if (sign in (">=", "~=") and low) or (sign == "<=" and high):
            return False
        if (sign == ">" and not high) or (sign == "<" and not low):
            return False
        if (sign == "==" and (low or high)) or (sign == "!=" and not (low or high)):
            return False
    return True


def _numbers(version: str) -> list[int]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return [int(part) for part in found[0].split(".")] if found else []


def _resource(name: str) -> int | None:
    try:
        import resource
    except ImportError:
        return None
    soft, _ = resource.getrlimit(getattr(resource, name))
    return None if soft == resource.RLIM_INFINITY else int(soft)

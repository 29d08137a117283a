"""Optional dependencies of tests: skipped where they are missing, unless the run promises them.

The environment variable PENSTOCK_REQUIRE lists what has to be there
("native,core_parts,deeplake,mmdet,detectron2,wandb,coco,deeplake4,remote,azurite,nginx,gpu", and frameworks by their
modules' names): then a missing one fails the test, so that a broken build cannot pass by skipping.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

__all__ = ["COCO_FILES", "FRAMEWORKS", "PROJECT_ROOT", "promised", "require"]

PROJECT_ROOT = Path(__file__).resolve().parents[2]
#: Where a small part of COCO 2017 may lie, beside the project.
COCO_FILES = PROJECT_ROOT.parent / "shared" / "data" / "coco-mini"
#: Modules that take a loader from its user, in an environment of their own.
FRAMEWORKS = ("accelerate", "ignite", "lightning", "mmengine", "ray", "torchdata", "transformers")


def promised(name: str) -> bool:
    """Whether PENSTOCK_REQUIRE says that ``name`` is there."""
    return name in os.environ.get("PENSTOCK_REQUIRE", "").split(",")


def require(name: str) -> Any:
    """What ``name`` stands for, or a skip (a failure where PENSTOCK_REQUIRE names it).

    Args:
        name: "deeplake", "detectron2", "wandb", or one of FRAMEWORKS: the module. "mmdet", "mmdet3": the module
            mmdet, of version 2 or 3. "deeplake4": the module deeplake, of version 4.
            "native": the module ``penstock._core``. "core_parts": the module ``_core_testing``, which has
            parts of the core by themselves. "coco": the Path of the small COCO data set that lies next to the project.
            "remote": the module obstore, with what serves buckets on the loopback (moto, boto3, gcp_storage_emulator).
            "azurite": the Path of the program azurite-blob, which `make azurite` installs. "nginx": the Path of nginx's
            module echo, with nginx itself, openssl and curl. "gpu": the torch.device of the first GPU.
    """
    try:
        return _PROVIDERS[name]()
    except (ImportError, FileNotFoundError) as error:
        reason = f"{name} is missing: {error}"
        if promised(name):
            pytest.fail(f"{reason} (PENSTOCK_REQUIRE promises it)", pytrace=False)
        pytest.skip(reason, allow_module_level=True)


def _coco() -> Path:
    if not (COCO_FILES / "annotations").is_dir():
        raise FileNotFoundError(f"no COCO annotations in {COCO_FILES}")
    return COCO_FILES


def _deeplake4() -> Any:
    version = metadata.version("deeplake")
    if version.partition(".")[0] != "4":
        raise ImportError(f"deeplake is {version}")
    # It reports its use to its makers when it is imported, and knows no switch: a proxy that is not there stops it.
    os.environ["HTTPS_PROXY"] = os.environ["https_proxy"] = "http://127.0.0.1:9"
    return importlib.import_module("deeplake")


def _core_parts() -> Any:
    files = sorted((PROJECT_ROOT / "build" / "testing").glob("_core_testing*.so"))
    if not files:
        raise FileNotFoundError("no build/testing/_core_testing*.so; `make setup` builds it")
    spec = importlib.util.spec_from_file_location("_core_testing", files[0])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _remote() -> Any:
    for module in ("boto3", "moto.server", "gcp_storage_emulator.server"):
        importlib.import_module(module)
    return importlib.import_module("obstore")


def _azurite() -> Path:
    program = PROJECT_ROOT / "build" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        raise FileNotFoundError(f"no {program}; `make azurite` installs it")
    return program


def _nginx() -> Path:
    module = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
    for name in ("nginx", "openssl", "curl"):
        if shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
            raise FileNotFoundError(f"no {name}; install nginx-light, openssl and curl")
    if not module.exists():
        raise FileNotFoundError(f"no {module}; install libnginx-mod-http-echo")
    return module


def _gpu() -> Any:
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        raise ImportError("torch sees none")
    return torch.device("cuda", 0)


def _mmdet(version: str) -> Any:
    # Without it, the directory of its tests would be found by that name.
    found = metadata.version("mmdet")
    if found.partition(".")[0] != version:
        raise ImportError(f"mmdet is {found}")
    module = importlib.import_module("mmdet")
    if version == "3":
        with warnings.catch_warnings():
            # What it stands on uses what torch has deprecated.
            warnings.simplefilter("ignore")
            importlib.import_module("mmdet.datasets")
    return module


def _detectron2() -> Any:
    # As above; and without its compiled part it imports in parts.
    metadata.version("detectron2")
    importlib.import_module("detectron2._C")
    return importlib.import_module("detectron2")


_PROVIDERS: dict[str, Callable[[], Any]] = {
    "deeplake": lambda: importlib.import_module("deeplake"),
    "deeplake4": _deeplake4,
    "mmdet": functools.partial(_mmdet, "2"),
    "mmdet3": functools.partial(_mmdet, "3"),
    "detectron2": _detectron2,
    "wandb": lambda: importlib.import_module("wandb"),
    "core_parts": _core_parts,
    "native": lambda: importlib.import_module("penstock._core"),
    "coco": _coco,
    "remote": _remote,
    "azurite": _azurite,
    "nginx": _nginx,
    "gpu": _gpu,
    **{name: functools.partial(importlib.import_module, name) for name in FRAMEWORKS},
}

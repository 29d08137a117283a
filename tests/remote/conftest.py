"""Servers on the loopback, started once, and an environment without anybody's credentials."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.buckets import S3
from support.file_server import FileServer, serving
from support.require import require

_ENVIRONMENT = ("AWS_", "GOOGLE_", "AZURE_", "ACTIVELOOP_")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment's nor those of a profile, and no proxy between us and the loopback."""
    for name in list(os.environ):
        if name.startswith(_ENVIRONMENT) or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    require("remote")
    server = S3()
    yield server
    server.close()


@pytest.fixture
def s3(s3_server: S3) -> Iterator[S3]:
    """moto's S3, with nothing noted yet."""
    s3_server.forget()
    s3_server.latency = 0.0
    yield s3_server
    s3_server.latency = 0.0


@pytest.fixture
def web(tmp_path: Path) -> Iterator[FileServer]:
    """A web server for the files under ``tmp_path / "web"``."""
    with serving(tmp_path / "web") as server:
        yield server


@pytest.fixture(scope="session")
def in_bucket(s3_server: S3, lake: Callable[[str], Path]) -> Callable[[str], str]:
    """Gives the address of a dataset of ``support.datasets.MAKERS`` in moto's bucket, uploaded once: only to read."""
    there: dict[str, str] = {}

    def get(name: str) -> str:
        if name not in there:
            there[name] = s3_server.put(lake(name), f"da ta/{name}+%20ä")
        return there[name]

    return get


@pytest.fixture(scope="session")
def remote() -> Any:
    """Skips where the modules of the tests are missing."""
    return require("remote")

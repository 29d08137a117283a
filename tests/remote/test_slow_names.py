"""Name servers that answer late, or never: right data, or one error in time, and a loader that can be left."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import penstock
from support.dns_server import NameServer, asking
from support.file_server import FileServer

Names = Callable[[float], NameServer]

SCRIPT = """
import json, os, sys, time
for name in list(os.environ):
    if name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
        del os.environ[name]
import penstock
from penstock import NetworkOptions

def main():
    url, loader_type = sys.argv[1:]
    network = NetworkOptions(connect_seconds=1.5, deadline_seconds=6, attempts=2, backoff_seconds=0.01)
    said, start = {}, time.monotonic()
    try:
        dataset = penstock.open(url, network=network)
        print("opened", flush=True)
        sys.stdin.readline()
        start = time.monotonic()
        loader = penstock.DataLoader(dataset, batch_size=4, loader_type=loader_type, tensors={"array": "equal/raw"})
        try:
            said["sum"] = int(sum(batch["array"].sum() for batch in loader))
        finally:
            said["seconds"], begin = time.monotonic() - start, time.monotonic()
            loader.close()
            said["closing"] = time.monotonic() - begin
    except penstock.errors.PenstockError as error:
        said |= {"error": type(error).__name__, "text": str(error)}
    print(json.dumps({"seconds": time.monotonic() - start, **said}), flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def names() -> Iterator[Names]:
    servers: list[NameServer] = []

    def start(seconds: float) -> NameServer:
        try:
            servers.append(NameServer(seconds))
        except OSError as error:
            pytest.skip(f"no name server can be started: {error}")
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Run:
    """The script, as far as it has come."""

    def __init__(self, folder: Path, url: str, loader_type: str) -> None:
        try:
            command = asking(folder, SCRIPT, url, loader_type)
        except PermissionError as error:
            pytest.skip(str(error))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.first = self._process.stdout.readline()

    def said(self) -> dict[str, Any]:
        output, _ = self._process.communicate("go on\n", timeout=60)
        return dict(json.loads(output or self.first))


@pytest.fixture
def url(web: FileServer, lake: Callable[[str], Path]) -> str:
    shutil.copytree(lake("many_chunks"), web.root / "lake")
    return web.url.replace("127.0.0.1", "slow.test") + "/lake"


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_names_that_come_late(
    loader_type: str, names: Names, url: str, tmp_path: Path, lake: Callable[[str], Path]
) -> None:
    server = names(0.4)
    run = Run(tmp_path, url, loader_type)
    said = run.said()
    assert run.first == "opened\n" and server.asked
    tensor = penstock.open(lake("many_chunks"))["equal/raw"]
    expected = sum(int(tensor[i].sum()) for i in range(len(tensor)))
    assert said["sum"] == expected and said["seconds"] < 10 and said["closing"] < 1


def test_a_name_that_never_comes(names: Names, url: str, tmp_path: Path) -> None:
    server = names(float("inf"))
    said = Run(tmp_path, url, "python").said()
    assert server.asked and said["error"] == "StorageTimeoutError" and "slow.test" in said["text"]
    assert said["seconds"] < 8


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_names_that_stop_coming(loader_type: str, names: Names, url: str, tmp_path: Path) -> None:
    server = names(0.0)
    run = Run(tmp_path, url, loader_type)
    assert run.first == "opened\n"
    server.seconds = float("inf")
    said = run.said()
    if "error" in said:
        assert said["error"] == "StorageTimeoutError"
    # Connections that are there already need no name; the core makes its own.
    assert "error" in said or loader_type == "python"
    assert said["seconds"] < 8 and said["closing"] < 1

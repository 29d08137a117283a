"""The server of tests/data/faults: sound answers where nothing goes wrong, and each fault as its rule says."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from penstock import errors
from support.fault_server import FaultServer, Scenario
from support.require import PROJECT_ROOT

SCENARIOS = sorted((PROJECT_ROOT / "tests/data/faults").glob("*.json"))
VALUE = hashlib.shake_256(b"object").digest(300_000)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "object").write_bytes(VALUE)
    (tmp_path / "empty").write_bytes(b"")
    return tmp_path


@contextmanager
def connected(server: FaultServer) -> Iterator[http.client.HTTPConnection]:
    host = urlsplit(server.url).netloc
    if server.certificate is None:
        connection = http.client.HTTPConnection(host, timeout=10)
    else:
        context = ssl.create_default_context(cafile=str(server.certificate))
        connection = http.client.HTTPSConnection(host, timeout=10, context=context)
    try:
        yield connection
    finally:
        connection.close()


def get(connection: http.client.HTTPConnection, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def faulty(do: dict[str, Any], **when: Any) -> Scenario:
    return Scenario.of({"about": "", "faults": [{"do": do, **when}]})


@pytest.mark.parametrize("options", [{}, {"tls": True}, {"connection_rate": 5e6}, {"latency": 0.01}])
def test_without_faults_it_is_an_http_server(directory: Path, options: dict[str, Any]) -> None:
    with FaultServer(directory, **options) as server, connected(server) as connection:
        status, headers, body = get(connection, "/a/object")
        assert (status, body) == (200, VALUE)
        etag = headers["ETag"]
        status, headers, body = get(connection, "/a/object?signature=x", Range="bytes=1000-1999", If_Match=etag)
        assert (status, body) == (206, VALUE[1000:2000])
        assert headers["Content-Range"] == "bytes 1000-1999/300000"
        assert get(connection, "/a/object", Range="bytes=299000-400000")[2] == VALUE[299000:]
        assert get(connection, "/a/object", Range="bytes=299000-")[2] == VALUE[299000:]
        status, headers, _ = get(connection, "/a/object", Range="bytes=300000-300001")
        assert (status, headers["Content-Range"]) == (416, "bytes */300000")
        assert get(connection, "/empty")[2] == b""
        assert get(connection, "/empty", Range="bytes=0-1")[0] == 416
        assert get(connection, "/a/object", If_Match='"other"')[0] == 412
        for missing in ("/nothing", "/a", "/../secret"):
            assert get(connection, missing)[0] == 404
        connection.request("HEAD", "/a/object")
        assert connection.getresponse().read() == b""


def test_it_counts_requests_until_it_is_told_to_forget_them(directory: Path) -> None:
    with FaultServer(directory, faulty({"status": 500}, times=1)) as server, connected(server) as connection:
        get(connection, "/a/object")
        get(connection, "/a/object")
        get(connection, "/a/object", Range="bytes=0-9")
        counts = json.loads(get(connection, "/-/counts")[2])
        assert counts == server.counts()
        assert counts["paths"] == {"a/object": {"whole": 2, "range": 1}}
        assert {name: counts[name] for name in ("total", "connections", "faults", "bytes")} == {
            "total": 3, "connections": 1, "faults": 1, "bytes": len(VALUE) + 10
        }  # fmt: skip
        get(connection, "/-/reset")
        assert server.counts()["total"] == 0


def test_rules_say_when(directory: Path) -> None:
    rules = [
        {"path": "a/*", "after": 1, "times": 1, "do": {"status": 500}},
        {"query": "old", "do": {"status": 403}},
        {"reused": True, "ranged": True, "do": {"status": 503}},
    ]
    with FaultServer(directory, Scenario.of({"about": "", "faults": rules})) as server:
        with connected(server) as connection:
            assert [get(connection, "/a/object")[0] for _ in range(3)] == [200, 500, 200]
            assert get(connection, "/empty?old")[0] == 403
            assert get(connection, "/a/object", Range="bytes=0-9")[0] == 503
        with connected(server) as connection:
            assert get(connection, "/a/object", Range="bytes=0-9")[0] == 206


def test_chances_are_the_same_each_time(directory: Path) -> None:
    def failed() -> list[int]:
        with FaultServer(directory, faulty({"status": 500}, chance=0.2)) as server, connected(server) as connection:
            return [get(connection, "/empty")[0] for _ in range(200)]

    once = failed()
    assert 20 <= once.count(500) <= 60
    assert failed() == once


@pytest.mark.parametrize(
    ("do", "raises"),
    [
        ({"reset": -1}, ConnectionResetError),
        ({"reset": 1000}, ConnectionResetError),
        ({"close": -1}, http.client.RemoteDisconnected),
        ({"close": 1000}, http.client.IncompleteRead),
        ({"raw": "lorem ipsum"}, http.client.BadStatusLine),
        ({"stall": 1000}, TimeoutError),
    ],
)
def test_connections_break(directory: Path, do: dict[str, Any], raises: type[Exception]) -> None:
    with FaultServer(directory, faulty(do)) as server, connected(server) as connection:
        connection.timeout = 0.5
        with pytest.raises(raises):
            get(connection, "/a/object")


def test_it_is_as_slow_as_it_is_told(directory: Path) -> None:
    with FaultServer(directory, latency=0.1, total_rate=1e6) as server:

        def read() -> None:
            with connected(server) as connection:
                assert get(connection, "/a/object")[2] == VALUE

        threads = [threading.Thread(target=read) for _ in range(2)]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 0.55 < time.monotonic() - start < 3
        assert server.counts()["most_at_once"] == 2


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_each_scenario_is_one(file: Path) -> None:
    scenario = Scenario.read(file)
    assert scenario.about.endswith(".")
    assert scenario.asks
    for ask in scenario.asks:
        assert ask["expect"] == "data" or issubclass(getattr(errors, ask["expect"]), errors.PenstockError)
    asks = [line for line in scenario.told() if line.startswith("ask ")]
    assert len(asks) == sum(ask["repeat"] for ask in scenario.asks)


def test_there_are_more_than_thirty() -> None:
    assert len(SCENARIOS) > 30


def test_as_a_program_it_ends_with_its_input(directory: Path) -> None:
    program = PROJECT_ROOT / "tests/support/fault_server.py"
    scenario = PROJECT_ROOT / "tests/data/faults/self_signed_and_trusted.json"
    with subprocess.Popen(
        [sys.executable, str(program), str(directory), "--scenario", str(scenario)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout
        said = [line.split() for line in iter(process.stdout.readline, "ready\n")]
        assert said[0][0] == "base" and said[0][1].startswith("https://127.0.0.1:")
        assert ["ask", "object", "1000", "51000", "data"] in said
        assert Path(dict(line[:2] for line in said)["ca"]).is_file()
        process.stdin.close()
        assert process.wait(timeout=10) == 0

"""Whatever a server does ends in the right bytes or in one typed error, in bounded time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import (
    AccessDeniedError,
    ConfigError,
    HostNotFoundError,
    StorageError,
    StorageTimeoutError,
)
from penstock.storage.address import parse_address
from penstock.storage.network import NetworkOptions
from penstock.storage.remote import RemoteStore
from support.file_server import FileServer, Handler

DATA = bytes(range(256)) * 64
#: Short times, so that what fails fails soon.
QUICK = NetworkOptions(
    attempts=4, backoff_seconds=0.01, backoff_cap_seconds=0.05, stall_seconds=0.3, connect_seconds=1, deadline_seconds=5
)


def store_at(url: str, options: NetworkOptions = QUICK, creds: Any = None) -> RemoteStore:
    address = parse_address(url)
    assert address is not None
    return RemoteStore(address, creds, options)


@pytest.fixture
def store(web: FileServer) -> RemoteStore:
    (web.root / "d").mkdir()
    (web.root / "d" / "file").write_bytes(DATA)
    (web.root / "d" / "empty").write_bytes(b"")
    return store_at(f"{web.url}/d")


def status(code: int, body: bytes = b"", **headers: str) -> Callable[[Handler], bool]:
    def fault(request: Handler) -> bool:
        request.answer(code, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return fault


def reset(request: Handler) -> bool:
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    request.close_connection = True
    request.connection.close()
    return True


def short_body(request: Handler) -> bool:
    request.answer(200, DATA[:1000], {"Content-Length": str(len(DATA))})
    request.close_connection = True
    return True


def stall(request: Handler) -> bool:
    time.sleep(0.6)
    request.close_connection = True
    return True


def stall_in_body(request: Handler) -> bool:
    request.answer(200, DATA[:1000], {"Content-Length": str(len(DATA))})
    request.wfile.flush()
    return stall(request)


def cut_headers(request: Handler) -> bool:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    request.close_connection = True
    return True


def no_http(request: Handler) -> bool:
    request.wfile.write(b"220 ready\r\n\r\n")
    request.close_connection = True
    return True


def another_part(request: Handler) -> bool:
    request.answer(206, DATA[:10], {"Content-Range": f"bytes 0-9/{len(DATA)}"})
    return True


TRANSIENT = {
    "500": status(500),
    "502": status(502),
    "SlowDown": status(503, b"<Error><Code>SlowDown</Code></Error>"),
    "429": status(429, Retry_After="0"),
    "408": status(408),
    "reset": reset,
    "short body": short_body,
    "stall": stall,
    "stall in the body": stall_in_body,
    "headers that end": cut_headers,
    "no HTTP": no_http,
    "another part": another_part,
}


class Times:
    """A fault that happens so many times."""

    def __init__(self, number: int, fault: Callable[[Handler], bool]) -> None:
        self.left = number
        self._fault = fault

    def __call__(self, request: Handler) -> bool:
        self.left -= 1
        return self.left >= 0 and self._fault(request)


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_passes_is_asked_for_again(name: str, web: FileServer, store: RemoteStore) -> None:
    web.fault = Times(2, TRANSIENT[name])
    assert store.read("file", 100, 5000) == DATA[100:5100]
    assert len(web.requests) == 3


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_stays_is_one_error_in_time(name: str, web: FileServer, store: RemoteStore) -> None:
    web.fault = TRANSIENT[name]
    begin = time.monotonic()
    with pytest.raises(StorageError, match="'file' cannot be read, tried 4 times") as raised:
        store.read("file", 100, 5000)
    assert isinstance(raised.value, StorageTimeoutError) == name.startswith("stall")
    assert raised.value.path == f"{web.url}/d" and "NetworkOptions" in str(raised.value)
    assert time.monotonic() - begin < 5


def test_the_deadline_ends_a_drip(web: FileServer) -> None:
    def drip(request: Handler) -> bool:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        for _ in range(40):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.1)
        return True

    web.fault = drip
    begin = time.monotonic()
    with pytest.raises(StorageTimeoutError):
        store_at(web.url, NetworkOptions(deadline_seconds=1, stall_seconds=5)).read("x")
    assert time.monotonic() - begin < 3


def test_a_server_without_ranges(web: FileServer, store: RemoteStore) -> None:
    web.knows_ranges = False
    assert store.read("file", 100, 50) == DATA[100:150]
    assert store.read("file", 100) == DATA[100:] and store.size("file") == len(DATA)


def test_ends_of_files(store: RemoteStore) -> None:
    assert store.read("file") == DATA and store.read("file", 0, 10**6) == DATA
    assert store.read("file", len(DATA) - 5, 100) == DATA[-5:]
    assert store.read("file", len(DATA), 5) == b"" and store.read("file", 10**6) == b""
    assert store.read("empty") == b"" and store.read("empty", 0, 5) == b"" and store.read("file", 5, 0) == b""
    assert store.size("empty") == 0 and store.exists("empty") and not store.exists("none")
    assert store.read_many(["file", "none", "empty"]) == [DATA, None, b""]
    with pytest.raises(FileNotFoundError):
        store.read("none")
    with pytest.raises(FileNotFoundError):
        store.size("none")


def test_what_cannot_get_better_fails_at_once(web: FileServer, store: RemoteStore) -> None:
    for fault, error, words in (
        (status(403, b"<Error><Code>AccessDenied</Code></Error>"), AccessDeniedError, "403 AccessDenied"),
        (status(401), AccessDeniedError, "may not be read"),
        (status(400, b"<Code>BadRequest</Code>"), StorageError, "400 BadRequest"),
        (status(200, b"", Content_Encoding="gzip"), StorageError, "sent compressed"),
        (status(302, b"", Location="/d/file"), StorageError, "from one address to the next"),
        (status(302, b"", Location="file:///etc/passwd"), StorageError, "not as safe"),
        (status(404, b"<Code>NoSuchBucket</Code>"), FileNotFoundError, "file"),
    ):
        web.fault, web.requests = fault, []
        with pytest.raises(error, match=words):
            store.read("file")
        # Once more with fresh credentials, or along the redirections.
        assert len(web.requests) <= (5 if "address" in words else 2)


def test_redirects_are_followed_without_credentials(web: FileServer, tmp_path: Path) -> None:
    elsewhere = FileServer(tmp_path / "web")
    try:
        (web.root / "x").write_bytes(DATA)
        web.fault = status(307, b"", Location=f"{elsewhere.url}/x")
        store = store_at(web.url, creds={"token": "sEcReT"})
        assert store.read("x", 3, 4) == DATA[3:7]
        assert web.requests[0][1]["Authorization"] == "Bearer sEcReT"
        assert "Authorization" not in elsewhere.requests[0][1] and elsewhere.requests[0][1]["Range"] == "bytes=3-6"
    finally:
        elsewhere.close()


def test_a_file_that_changes_under_its_reader(web: FileServer, store: RemoteStore) -> None:
    def with_version(request: Handler) -> bool:
        wanted = request.headers.get("If-Match")
        if wanted is not None and wanted != version:
            request.answer(412, b"")
            return True
        request.answer(206, DATA[:4], {"Content-Range": f"bytes 0-3/{len(DATA)}", "ETag": version})
        return True

    version = '"one"'
    web.fault = with_version
    assert store.read_start("file", 4) == (DATA[:4], len(DATA))
    version = '"two"'
    with pytest.raises(StorageError, match="has changed while it was read"):
        store.read("file", 4, 4)


def test_the_region_of_a_bucket_is_found_out(remote: Any, web: FileServer) -> None:
    def elsewhere(request: Handler) -> bool:
        if "%2Feu-west-3%2F" in request.path:
            return False
        request.answer(301, b"<Code>PermanentRedirect</Code>", {"x-amz-bucket-region": "eu-west-3"})
        return True

    (web.root / "bucket").mkdir()
    (web.root / "bucket" / "file").write_bytes(DATA)
    web.fault = elsewhere
    creds = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "endpoint_url": web.url}
    store = store_at("s3://bucket", creds=creds)
    assert store.read("file") == DATA and len(web.requests) == 2
    assert store.read("file", 5, 5) == DATA[5:10] and len(web.requests) == 3


def test_a_proxy_of_the_environment(web: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    (web.root / "file").write_bytes(DATA)
    monkeypatch.setenv("http_proxy", web.url.replace("http://", "http://user:word@"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert store_at("http://no-such-host.invalid").read("file") == DATA
    path, headers = web.requests[0]
    assert path == "http://no-such-host.invalid/file" and headers["Proxy-Authorization"] == "Basic dXNlcjp3b3Jk"
    assert store_at(web.url).read("file") == DATA and web.requests[1][0] == "/file"


def test_hosts_that_are_not_there() -> None:
    for url in ("http://no-such-host.invalid/d", f"http://{'x' * 300}/d"):
        begin = time.monotonic()
        with pytest.raises(HostNotFoundError, match="host"):
            store_at(url).read("file")
        assert time.monotonic() - begin < 3


def test_connections_that_are_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(StorageError, match="refused") as raised:
            store_at(f"http://127.0.0.1:{unused.getsockname()[1]}/d").read("file")
    assert "tried 4 times" in str(raised.value)


def test_options_are_checked() -> None:
    for wrong in ({"connections": 0}, {"attempts": True}, {"deadline_seconds": -1}, {"verify": 1}, {"ca_file": "/no"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            NetworkOptions(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="network must be"):
        penstock.open("https://host/a", network={"attempts": 3})  # type: ignore[arg-type]


def test_repetitions_are_logged_once(web: FileServer, store: RemoteStore, caplog: pytest.LogCaptureFixture) -> None:
    web.fault = Times(3, status(503))
    store.read("file")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "1 requests repeated" in caplog.text and "503" in caplog.text

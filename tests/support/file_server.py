"""A web server for the files of a directory, which may misbehave as a test tells it to."""

from __future__ import annotations

import contextlib
import hashlib
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["FileServer", "Handler", "serving"]


class Handler(BaseHTTPRequestHandler):
    """One request. A fault of a test gets it, and answers in place of the file or lets it through (returns False)."""

    protocol_version = "HTTP/1.1"
    server: FileServer

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers)))
            fault = self.server.fault
        if fault is not None and fault(self):
            return
        file = self.server.root / unquote(urlsplit(self.path).path).lstrip("/")
        if not file.is_file():
            self.answer(404, b"no such file")
            return
        data = file.read_bytes()
        version = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"'} if self.server.names_versions else {}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if found is None or not self.server.knows_ranges:
            self.answer(200, data, version)
            return
        first, last = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
        if first >= len(data):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        else:
            place = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
            self.answer(206, data[first : last + 1], {**place, **version})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class FileServer(ThreadingHTTPServer):
    """Serves a directory on a port of the loopback.

    Attributes:
        requests: Path and headers of each request.
        fault: What a test has it do instead; gets the request, and says whether it has answered.
        knows_ranges: Whether it gives parts of files.
        names_versions: Whether it names a strong ETag of each file.
    """

    daemon_threads = True

    def __init__(self, root: Path, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.lock = threading.Lock()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.fault: Callable[[Handler], bool] | None = None
        self.knows_ranges = True
        self.names_versions = False
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def handle_error(self, *_: Any) -> None:
        """Clients that go away are what the tests are about."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


@contextlib.contextmanager
def serving(root: Path) -> Iterator[FileServer]:
    """A server of a folder, which is made for it."""
    root.mkdir()
    server = FileServer(root)
    yield server
    server.close()

"""The page's server: loopback alone, under an address that nobody can guess."""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

from penstock.described import described_error
from penstock.errors import ConfigError, PenstockError
from penstock.view.answers import Answers, File

__all__ = ["ViewServer"]

logger = logging.getLogger("penstock")

_HOST = "127.0.0.1"
_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "drawing.js": ("drawing.js", "text/javascript; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
}
# Nothing from elsewhere, nothing inline, in nobody's frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class ViewServer(ThreadingHTTPServer):
    """Serves the page that shows a dataset, to this machine alone.

    Whoever does not know the address gets nothing: other users of the machine do not know its random part, and web
    pages, which could ask through the browser under a name of their own, are told by that name.

    Args:
        answers: What the page asks.
        port: 0: one that is free.

    Raises:
        ConfigError: The port cannot be had.
    """

    daemon_threads = True

    def __init__(self, answers: Answers, port: int = 0) -> None:
        self.answers = answers
        self.token = secrets.token_urlsafe(18)
        try:
            super().__init__((_HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(f"port {port} cannot be had: {cause}", hint="Choose another one, or 0: any") from error

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{_HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A browser that goes away in the middle of an image.
        logger.debug("penstock view: a request broke off", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    protocol_version = "HTTP/1.1"
    server_version = "penstock"
    sys_version = ""
    #: Seconds that a connection may be idle.
    timeout = 60

    def do_GET(self) -> None:
        self._answer({"api/check": lambda query: self.server.answers.check.state(), **_questions(self.server.answers)})

    def do_POST(self) -> None:
        self._answer({"api/check": self._begin_check})

    def log_message(self, format: str, *args: Any) -> None:
        # Without the path, which has the token.
        logger.debug("penstock view: %s", self.command)

    def _begin_check(self, query: dict[str, str]) -> Any:
        self.server.answers.check.begin()
        return self.server.answers.check.state()

    def _answer(self, questions: dict[str, Callable[[dict[str, str]], Any]]) -> None:
        # A body would be taken for the next request.
        self.close_connection = self.close_connection or self.headers.get("Content-Length", "0") != "0"
        if not self._is_ours():
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"This address is not served here.\n")
            return
        parts = urlsplit(self.path)
        token, _, place = parts.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()) or "/" not in parts.path[1:]:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"Nothing is here. Use the address that was printed.\n")
            return
        if self.command == "GET" and place in _FILES:
            name, content_type = _FILES[place]
            data = (resources.files("penstock.view") / "static" / name).read_bytes()
            self._send(HTTPStatus.OK, content_type, data)
            return
        question = questions.get(place)
        if question is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.\n")
            return
        try:
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            found = question(query)
        except PenstockError as error:
            self._send_json(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error)})
        except (ValueError, KeyError) as error:
            self._send_json(HTTPStatus.BAD_REQUEST, {"error": described_error(error)})
        except Exception as error:
            logger.warning("penstock view: %s", described_error(error), exc_info=True)
            self._send_json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": described_error(error)})
        else:
            if isinstance(found, File):
                self._send(HTTPStatus.OK, found.content_type, found.data, keep=True)
            else:
                self._send_json(HTTPStatus.OK, found)

    def _is_ours(self) -> bool:
        """Whether the browser was sent here under this server's own name, and not by another page."""
        own = {f"{_HOST}:{self.server.server_port}", f"localhost:{self.server.server_port}"}
        origin = self.headers.get("Origin")
        return self.headers.get("Host", "") in own and (origin is None or origin in {f"http://{name}" for name in own})

    def _send_json(self, status: HTTPStatus, value: Any) -> None:
        self._send(status, "application/json", json.dumps(value, allow_nan=False).encode())

    def _send(self, status: HTTPStatus, content_type: str, data: bytes, *, keep: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "private, max-age=3600" if keep else "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(data)

    def setup(self) -> None:
        super().setup()
        # Small answers would wait for the one before to be acknowledged.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _questions(answers: Answers) -> dict[str, Callable[[dict[str, str]], Any]]:
    return {
        "api/dataset": lambda query: answers.dataset(),
        "api/classes": lambda query: answers.class_counts(),
        "api/samples": lambda query: answers.samples(
            int(query.get("first") or 0),
            int(query["last"]) if query.get("last") else None,
            query.get("label", ""),
            max(0, int(query.get("offset") or 0)),
            max(0, int(query.get("count") or 24)),
        ),
        "api/sample": lambda query: answers.sample(int(query["index"])),
        "api/fed": lambda query: answers.fed(int(query["index"]), int(query.get("epoch") or 0)),
        "image": lambda query: answers.image(int(query["index"])),
        "masks": lambda query: answers.masks(int(query["index"])),
    }

"""A WSGI server in a thread that notes each request, and may answer late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["RecordingServer", "Seen"]


@dataclass(frozen=True)
class Seen:
    """A request: when it came and went, on the server's clock."""

    method: str
    path: str
    query: str
    range: str
    status: int
    begin: float
    end: float


class RecordingServer:
    """Serves ``application`` on a port of the loopback.

    Attributes:
        seen: The requests, in the order in which they ended.
        latency: So many seconds pass before a request is answered.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

            def log(self, *_: Any) -> None:
                pass

        self._application = application
        self.seen: list[Seen] = []
        self.latency = 0.0
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forget(self) -> None:
        self.seen.clear()

    def rounds(self) -> int:
        """How many round trips of latency the requests took: a request that began after another one had ended is of a
        later round.
        """
        levels: list[tuple[float, int]] = []
        for request in sorted(self.seen, key=lambda request: request.end):
            earlier = [level for end, level in levels if end <= request.begin]
            levels.append((request.end, 1 + max(earlier, default=0)))
        return max((level for _, level in levels), default=0)

    def answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """What the application says."""
        return self._application(environ, start_response)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begin = time.monotonic()
        time.sleep(self.latency)
        status = 0

        def started(line: str, *rest: Any) -> Any:
            nonlocal status
            status = int(line.split()[0])
            return start_response(line, *rest)

        answer = list(self.answer(environ, started))
        self.seen.append(
            Seen(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"].encode("latin-1").decode(),
                environ["QUERY_STRING"],
                environ.get("HTTP_RANGE", ""),
                status,
                begin,
                time.monotonic(),
            )
        )
        return answer

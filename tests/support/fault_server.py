"""An HTTP server of a directory's files that fails as it is told, and can be as slow as a distant one.

In tests::

    with FaultServer(directory, Scenario.read(file)) as server:
        read(server.url + "object")
        assert server.counts()["total"] == 1

As a program it prints lines of a word and its values (``base URL``, ``ca FILE``, what ``Scenario.told`` says,
``ready``) and runs until its input ends::

    python3 tests/support/fault_server.py DIRECTORY [--scenario FILE] [--latency SECONDS] [--connection-rate BYTES]
        [--total-rate BYTES] [--tls]

``GET /-/counts`` tells what was asked for since the start or the last ``POST /-/reset``, as JSON: ``total``,
``connections``, ``faults``, ``bytes``, ``most_at_once``, and ``paths``: {path: {"whole" | "range" | "head": requests}}.
Standard library alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import ssl
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.faults.answering import Broken, Request, bytes_to_send, faulty_answer, of_bytes, send
from support.faults.certificates import server_context, write_certificate
from support.faults.pacing import Pacer
from support.faults.scenario import Scenario


class FaultServer:
    """Serves on two ports of 127.0.0.1, on a thread of its own, from entering to leaving.

    Args:
        directory: What is served.
        scenario: What goes wrong; nothing by default.
        latency: Seconds before each answer.
        connection_rate: Bytes a second on one connection.
        total_rate: Bytes a second on all connections together.
        tls: Whether it speaks https, with a certificate for 127.0.0.1; a scenario may say so too.
    """

    def __init__(
        self,
        directory: Path,
        scenario: Scenario | None = None,
        *,
        latency: float = 0.0,
        connection_rate: float | None = None,
        total_rate: float | None = None,
        tls: bool = False,
    ) -> None:
        self._directory = directory
        self._scenario = scenario or Scenario()
        self._latency = latency
        self._connection_rate = connection_rate
        self._total = [Pacer(total_rate)] if total_rate else []
        names = self._scenario.server.get("tls", ["127.0.0.1"] if tls else None)
        self._names: list[str] | None = names
        self._temporary = tempfile.TemporaryDirectory(prefix="penstock-faults-")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-server", daemon=True)
        self._ports: dict[str, int] = {}
        self._at_once = 0
        self.certificate: Path | None = None
        self._reset()

    @property
    def url(self) -> str:
        """With a slash at its end."""
        scheme = "https" if self._names else "http"
        host = self._scenario.client.get("host", "127.0.0.1")
        return f"{scheme}://{host}:{self._ports['port']}/"

    def counts(self) -> dict[str, Any]:
        return self._call(self._told())

    def reset(self) -> None:
        self._call(self._async_reset())

    def __enter__(self) -> FaultServer:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *exception: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._temporary.cleanup()

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def _reset(self) -> None:
        self._paths: dict[str, dict[str, int]] = {}
        self._numbers = {"total": 0, "connections": 0, "faults": 0, "bytes": 0, "most_at_once": 0}

    async def _async_reset(self) -> None:
        self._reset()

    async def _told(self) -> dict[str, Any]:
        return {**self._numbers, "paths": self._paths}

    async def _start(self) -> None:
        context: ssl.SSLContext | None = None
        if self._names:
            expired = self._scenario.server.get("expired", False)
            self.certificate, key = write_certificate(Path(self._temporary.name), self._names, expired=expired)
            context = server_context(self.certificate, key)
        self._servers = []
        for name in ("port", "other_port"):
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context, limit=1 << 16, backlog=1024)
            self._ports[name] = server.sockets[0].getsockname()[1]
            self._servers.append(server)
        self._tasks: set[asyncio.Task[None]] = set()
        if self._scenario.server.get("refuse"):
            for server in self._servers:
                server.close()

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Transports say that they are closed in a later turn.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._numbers["connections"] += 1
        limit = [Pacer(self._connection_rate)] if self._connection_rate else []
        reused = False
        with contextlib.suppress(
            Broken, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError
        ):
            await asyncio.sleep(self._scenario.server.get("accept_delay", 0))
            while request := await self._read(reader):
                await self._answer(writer, request, reused, limit + self._total)
                reused = True
        self._tasks.discard(task)
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        path, _, query = target.partition("?")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return Request(method, unquote(path.lstrip("/")), query, headers)

    async def _answer(self, writer: asyncio.StreamWriter, request: Request, reused: bool, pacers: list[Pacer]) -> None:
        if request.path.startswith("-/"):
            if request.path == "-/reset":
                self._reset()
            told = json.dumps(await self._told()).encode()
            await send(writer, of_bytes(200, told, {"Content-Type": "application/json"}), {}, [])
            return
        ranged = request.range is not None
        kind = "head" if request.method == "HEAD" else "range" if ranged else "whole"
        kinds = self._paths.setdefault(request.path, {})
        kinds[kind] = kinds.get(kind, 0) + 1
        self._numbers["total"] += 1
        self._at_once += 1
        self._numbers["most_at_once"] = max(self._at_once, self._numbers["most_at_once"])
        try:
            fault = self._scenario.fault_for(request.path, request.query, reused=reused, ranged=ranged)
            self._numbers["faults"] += bool(fault)
            await asyncio.sleep(self._latency)
            answer = faulty_answer(request, self._directory, fault, self._ports)
            if kind == "head":
                answer.body, answer.count = b"", 0
            # Before it is sent: whoever has the answer may ask for the counts.
            self._numbers["bytes"] += bytes_to_send(answer, fault)
            await send(writer, answer, fault, pacers)
        finally:
            self._at_once -= 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves a directory, with faults.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--scenario", type=Path)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--connection-rate", type=float)
    parser.add_argument("--total-rate", type=float)
    parser.add_argument("--tls", action="store_true")
    said = parser.parse_args()
    scenario = Scenario.read(said.scenario) if said.scenario else Scenario()
    with FaultServer(
        said.directory,
        scenario,
        latency=said.latency,
        connection_rate=said.connection_rate,
        total_rate=said.total_rate,
        tls=said.tls,
    ) as server:
        lines = [f"base {server.url}"]
        if server.certificate and scenario.client.get("trust", said.tls):
            lines.append(f"ca {server.certificate}")
        print("\n".join([*lines, *scenario.told(), "ready"]), flush=True)
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()

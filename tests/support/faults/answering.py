"""Answers to requests, sound ones and others.

What a rule may ask for in ``do``:

the answer
    ``status``, ``reason``, ``body`` and ``headers`` of another answer, or ``headers`` of the same one: templates with
    {begin} {last} {size} {port} {other_port} {path}; a header that is null is left out. ``whole``: the range is
    ignored. ``version``: "HTTP/1.0". ``chunked``: no length. ``gzip``: the body is encoded. ``other``: the bytes are
    turned over. ``close_after``: the connection is closed after the answer.
how it is sent
    ``delay``: seconds before it. ``raw``: this text in its place, then the end. ``head_bytes``: so many bytes of the
    head, then the end. ``head_rate``, ``rate``: bytes a second. ``reset``, ``close``, ``stall``: the connection breaks
    (RST), ends (FIN) or falls silent after so many bytes of the body; -1: before any answer.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import struct
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from .pacing import Pacer

SLICE = 256 * 1024


@dataclass
class Request:
    """The head of a request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]

    @property
    def range(self) -> tuple[int, int | None] | None:
        """First and last byte that are asked for; of one range that begins somewhere."""
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        return (int(found[1]), int(found[2]) if found[2] else None) if found else None


@dataclass
class Answer:
    """An answer: its body is bytes, or lies in a file."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Path = b""
    begin: int = 0
    count: int = 0
    reason: str = ""
    version: str = "HTTP/1.1"

    def head(self) -> bytes:
        reason = self.reason or HTTPStatus(self.status).phrase
        headers = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([f"{self.version} {self.status} {reason}", *headers, "", ""]).encode("latin-1")

    def bytes(self) -> bytes:
        if not isinstance(self.body, Path):
            return self.body[self.begin : self.begin + self.count]
        with self.body.open("rb") as file:
            file.seek(self.begin)
            return file.read(self.count)


def of_bytes(status: int, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"Content-Length": str(len(body)), **(headers or {})}, body, 0, len(body))


def sound_answer(request: Request, directory: Path, *, ignore_range: bool = False) -> Answer:
    """What a server without faults says of a file below ``directory``."""
    file = directory / request.path
    if request.method not in ("GET", "HEAD"):
        return of_bytes(405, b"")
    if ".." in Path(request.path).parts or not file.is_file():
        return of_bytes(404, b"<Error><Code>NoSuchKey</Code></Error>", {"Content-Type": "application/xml"})
    status = file.stat()
    size, etag = status.st_size, f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    if request.headers.get("if-match", etag) not in (etag, "*"):
        return of_bytes(412, b"<Error><Code>PreconditionFailed</Code></Error>", {"ETag": etag})
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", "ETag": etag}
    asked = None if ignore_range else request.range
    if asked is None:
        return Answer(200, {**headers, "Content-Length": str(size)}, file, 0, size)
    begin, last = asked[0], size - 1 if asked[1] is None else min(asked[1], size - 1)
    if begin >= size:
        return of_bytes(416, b"<Error><Code>InvalidRange</Code></Error>", {"Content-Range": f"bytes */{size}"})
    count = last + 1 - begin
    headers |= {"Content-Length": str(count), "Content-Range": f"bytes {begin}-{last}/{size}"}
    return Answer(206, headers, file, begin, count)


def faulty_answer(request: Request, directory: Path, fault: dict[str, Any], ports: dict[str, int]) -> Answer:
    """What the rule makes of the sound answer."""
    answer = sound_answer(request, directory, ignore_range=fault.get("whole", False))
    size = (directory / request.path).stat().st_size if (directory / request.path).is_file() else 0
    if "status" in fault or "body" in fault:
        answer = of_bytes(fault.get("status", answer.status), fault.get("body", "").encode())
    if fault.get("other"):
        body = answer.bytes()[::-1]
        answer.body, answer.begin, answer.count = body, 0, len(body)
    if fault.get("gzip"):
        body = gzip.compress(answer.bytes())
        answer.body, answer.begin, answer.count = body, 0, len(body)
        answer.headers |= {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
    begin = request.range[0] if request.range else 0
    words = {**ports, "begin": begin, "last": begin + answer.count - 1, "size": size, "path": request.path}
    for name, template in fault.get("headers", {}).items():
        answer.headers.pop(name, None)
        if template is not None:
            answer.headers[name] = re.sub(
                r"\{(\w+)([+-]\d+)?\}",
                lambda found: str(words[found[1]] + int(found[2]) if found[2] else words[found[1]]),
                template,
            )
    if fault.get("chunked"):
        answer.headers.pop("Content-Length", None)
        answer.headers["Transfer-Encoding"] = "chunked"
    answer.reason = fault.get("reason", "")
    answer.version = fault.get("version", "HTTP/1.1")
    return answer


def limits_of(fault: dict[str, Any]) -> list[int]:
    return [fault[name] for name in ("reset", "close", "stall") if name in fault]


def bytes_to_send(answer: Answer, fault: dict[str, Any]) -> int:
    """How many bytes of the body go out."""
    return 0 if fault.keys() & {"raw", "head_bytes"} else max(0, min([answer.count, *limits_of(fault)]))


class Broken(Exception):
    """The connection is at its end, as the rule wants it."""


async def send(writer: asyncio.StreamWriter, answer: Answer, fault: dict[str, Any], pacers: list[Pacer]) -> None:
    """Sends an answer as ``fault`` says.

    Raises:
        Broken: nothing more is to be sent on this connection.
    """
    await asyncio.sleep(fault.get("delay", 0))
    await break_off(writer, fault, at=-1)
    if "raw" in fault:
        writer.write(fault["raw"].encode("latin-1"))
        await writer.drain()
        raise Broken
    head = answer.head()
    if "head_rate" in fault:
        await send_bytes(writer, head, [Pacer(fault["head_rate"])])
    else:
        writer.write(head[: fault.get("head_bytes", len(head))])
    if "head_bytes" in fault:
        await writer.drain()
        raise Broken
    limits = limits_of(fault)
    count = bytes_to_send(answer, fault)
    if "rate" in fault:
        pacers = [Pacer(fault["rate"]), *pacers]
    if fault.get("chunked"):
        await send_chunked(writer, answer.bytes()[:count], ended=not limits)
    elif count > 0:
        await send_body(writer, answer, count, pacers)
    await writer.drain()
    for limit in limits:
        await break_off(writer, fault, at=limit)
    if answer.version == "HTTP/1.0" or fault.get("close_after"):
        raise Broken


async def send_body(writer: asyncio.StreamWriter, answer: Answer, count: int, pacers: list[Pacer]) -> None:
    encrypted = writer.get_extra_info("ssl_object") is not None
    if not isinstance(answer.body, Path) or encrypted or pacers:
        await send_bytes(writer, answer.bytes()[:count], pacers)
        return
    await writer.drain()
    with answer.body.open("rb") as file:
        await asyncio.get_running_loop().sendfile(writer.transport, file, answer.begin, count)


async def send_bytes(writer: asyncio.StreamWriter, data: bytes, pacers: list[Pacer]) -> None:
    view, done = memoryview(data), 0
    while done < len(view):
        piece = min([SLICE, *(pacer.piece for pacer in pacers)])
        part = view[done : done + piece]
        for pacer in pacers:
            await pacer.wait(len(part))
        writer.write(part)
        await writer.drain()
        done += len(part)


async def send_chunked(writer: asyncio.StreamWriter, data: bytes, *, ended: bool) -> None:
    for start in range(0, len(data), SLICE):
        part = data[start : start + SLICE]
        writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        await writer.drain()
    if ended:
        writer.write(b"0\r\n\r\n")


async def break_off(writer: asyncio.StreamWriter, fault: dict[str, Any], *, at: int) -> None:
    """Does what the rule wants after ``at`` bytes of the body, if it is anything."""
    if fault.get("stall") == at:
        await asyncio.sleep(3600)
    if fault.get("reset") == at:
        # Without lingering, the end of a socket is RST.
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # What was sent is to arrive first.
        await asyncio.sleep(0.05)
        writer.transport.abort()
        raise Broken
    if fault.get("close") == at:
        raise Broken

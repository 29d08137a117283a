"""Asking the server of ``penstock view``, as a browser does, and browsers that are one."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import penstock
from penstock.view.answers import Answers, Pipeline
from penstock.view.server import ViewServer
from penstock.view.stored import StoredSamples
from support.browser import chromium

__all__ = ["Answer", "ask", "browse", "viewing"]


class Answer(NamedTuple):
    """What a server answers."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextlib.contextmanager
def viewing(path: Any, pipeline: Pipeline | None = None, name: str = "a pipeline") -> Iterator[ViewServer]:
    """A server for a dataset, in a thread of this process."""
    dataset = penstock.open(path)
    with ViewServer(Answers(dataset, StoredSamples.of(dataset, masks=True), pipeline, name)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(url: str, place: str = "", method: str = "GET", **headers: str) -> Answer:
    """The answer to a request for what is at ``place`` below an address."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, parts.path + place, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def browse(url: str, folder: Path, *, picture: Path | None = None, size: tuple[int, int] = (1300, 900)) -> str:
    """The page's document after its scripts have run, by Chromium; with ``picture`` what it looks like, too.

    Skips the test where there is no Chromium.
    """
    command = [
        *(chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
        *(f"--user-data-dir={folder / 'profile'}", f"--window-size={size[0]},{size[1]}"),
        "--virtual-time-budget=20000",
    ]
    if picture is not None:
        subprocess.run([*command, f"--screenshot={picture}", url], capture_output=True, timeout=120, check=True)
    result = subprocess.run([*command, "--dump-dom", url], capture_output=True, timeout=120, check=True)
    return result.stdout.decode()

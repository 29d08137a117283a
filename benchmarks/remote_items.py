"""What benchmarks/remote.py compares: a contender at a place, and a link without a loader."""

from __future__ import annotations

import resource
import subprocess
import time
from dataclasses import asdict
from typing import Any

from harness import Process
from nginx import Nginx
from remote_least import Least
from remote_places import BUCKET

__all__ = ["AtPlace", "LinkItself"]

#: Requests of a run of the link itself, at least.
_REQUESTS = 96


class AtPlace:
    """A contender at one place; to each run's figures it adds what the server has counted.

    Args:
        name: As it stands in the results.
        process: The contender, which goes to any place.
        place: Its name; that of a link, or another one, at which the server is not asked.
        server: Where the links lead.
    """

    def __init__(self, name: str, process: Process, place: str, server: Nginx) -> None:
        self.name = name
        self._process = process
        self._place = place
        self._server = server

    def ask(self, command: str) -> Any:
        """Sends a command, returns the answer."""
        if not self._server.leads(self._place):
            return self._process.ask(f"{command} {self._place}")
        mark, before = self._server.mark(self._place), self._server.cpu_seconds()
        answer = self._process.ask(f"{command} {self._place}")
        counts = self._server.counts(self._place, mark)
        return {**answer, **asdict(counts), "server_cpu_seconds": self._server.cpu_seconds() - before}


class LinkItself:
    """curl, which fetches the chunks and does nothing with them: what a link carries.

    Its samples are so many as would have come with the bytes.
    """

    def __init__(self, name: str, server: Nginx, link: str, chunks: Least, connections: int) -> None:
        self.name = name
        self._server = server
        self._link = link
        self._chunks = chunks
        # More requests than connections, or some would have nothing to do.
        self._times = -(-_REQUESTS // len(chunks.keys))
        urls = [f"{server.url(link)}/{BUCKET}/lake/{key}" for key in chunks.keys * self._times]
        self._list = "".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls)
        parallel = ["--parallel", "--parallel-immediate", "--parallel-max", str(connections)]
        self._command = ["curl", "--silent", "--fail", "--cacert", str(server.certificate), *parallel, "--config", "-"]

    def ask(self, command: str) -> dict[str, float]:
        """One run, whatever the command."""
        mark, server_before = self._server.mark(self._link), self._server.cpu_seconds()
        before, start = _children_cpu_seconds(), time.perf_counter()
        subprocess.run(self._command, input=self._list, text=True, check=True, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        counts = self._server.counts(self._link, mark)
        return {
            "samples": self._chunks.samples * self._times,
            "seconds": seconds,
            "cpu_seconds": _children_cpu_seconds() - before,
            "peak_mib": 0.0,
            "sample_bytes": self._chunks.size * self._times,
            **asdict(counts),
            "server_cpu_seconds": self._server.cpu_seconds() - server_before,
        }


def _children_cpu_seconds() -> float:
    """Of child processes that have ended; the contenders and the server have not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

"""A name server that takes its time, and processes that ask it alone: they see another /etc/resolv.conf."""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ADDRESS", "NameServer", "asking"]

#: Of the loopback, where nobody else serves names.
ADDRESS = "127.7.7.7"
_A, _IN = 1, 1


class NameServer:
    """Says that every name is 127.0.0.1, by UDP.

    Attributes:
        seconds: So long after each question; infinite: never. May be changed.
        asked: How many questions came.

    Raises:
        PermissionError: This process may not serve at port 53.
    """

    def __init__(self, seconds: float) -> None:
        self.asked = 0
        self.seconds = seconds
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((ADDRESS, 53))
        except OSError:
            self._socket.close()
            raise
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # A thread that waits in recvfrom() is not woken by close().
        self._socket.sendto(b"", (ADDRESS, 53))
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                question, sender = self._socket.recvfrom(1500)
            except OSError:
                return
            if not question:
                return
            self.asked += 1
            if self.seconds != float("inf"):
                threading.Thread(target=self._answer, args=(question, sender), daemon=True).start()

    def _answer(self, question: bytes, sender: tuple[str, int]) -> None:
        time.sleep(self.seconds)
        end = question.index(b"\0", 12) + 5
        (kind,) = struct.unpack("!H", question[end - 4 : end - 2])
        count = 1 if kind == _A else 0
        head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, count, 0, 0)
        # The name is the one at byte 12.
        record = struct.pack("!HHHIH4s", 0xC00C, _A, _IN, 0, 4, socket.inet_aton("127.0.0.1"))
        with contextlib.suppress(OSError):
            self._socket.sendto(head + question[12:end] + record * count, sender)


def asking(folder: Path, script: str, *arguments: str) -> Sequence[str]:
    """The command that runs a script of Python's where all names are asked of :data:`ADDRESS`.

    Raises:
        PermissionError: This process may make no mount namespace.
    """
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {ADDRESS}\noptions timeout:30 attempts:1\n")
    file = folder / "script.py"
    file.write_text(script)
    mount = f"mount --bind {resolver} /etc/resolv.conf"
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--mount", "sh", "-c", mount], capture_output=True).returncode:
        raise PermissionError("no mount namespace can be made here")
    return [unshare, "--mount", "sh", "-c", f'{mount} && exec "$0" "$@"', sys.executable, str(file), *arguments]

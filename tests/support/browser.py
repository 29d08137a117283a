"""A browser that a test clicks and types in: Chromium, told what to do through a pipe (the DevTools protocol)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.readable import readable

__all__ = ["Page", "chromium", "open_page"]

#: Seconds that a page may take.
_PATIENCE = 30.0


def chromium() -> str:
    """The program; skips the test where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("there is no Chromium: install the package chromium")


class Page:
    """An open page. What it logs as an error is kept in ``errors``."""

    def __init__(self, to: int, answers: int) -> None:
        self._to, self._from = to, answers
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.errors: list[str] = []

    def attach(self, url: str) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Waits until an expression is true, or an element."""
        until = time.monotonic() + _PATIENCE
        while not self.run(f"!!({script})"):
            assert time.monotonic() < until, f"never true: {script}; {self.errors}"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def click(self, selector: str) -> None:
        """With the mouse, where the element is."""
        place = self.run(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)}); found.scrollIntoView(false);"
            " const place = found.getBoundingClientRect();"
            " return [place.x + place.width / 2, place.y + place.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def send(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(answer["params"]["exceptionDetails"]))
            elif answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                self.errors.append(str(answer["params"]["entry"]))
            elif answer.get("method") == "Page.javascriptDialogOpening":
                self.errors.append(f"a dialog: {answer['params']['message']}")

    def _next(self) -> Any:
        while b"\0" not in self._rest:
            assert readable(self._from, _PATIENCE), "the browser does not answer"
            data = os.read(self._from, 1 << 16)
            assert data, "the browser has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@contextlib.contextmanager
def open_page(url: str, folder: Path) -> Iterator[Page]:
    """A page, loaded in a browser whose files lie in ``folder``."""
    program = chromium()
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    command = [
        *("bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{from_write}'),
        *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"),
        *(f"--user-data-dir={folder / 'browser'}", "--window-size=1300,900"),
    ]
    process = subprocess.Popen(
        command, pass_fds=(to_read, from_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(to_read)
    os.close(from_write)
    try:
        page = Page(to_write, from_read)
        page.attach(url)
        yield page
    finally:
        with contextlib.suppress(Exception):
            page._session = None
            page.send("Browser.close")
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to_write)
        os.close(from_read)

"""An end by SIGTERM that cleans up."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

__all__ = ["ended_by_sigterm"]


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the command as an exception, so that what is half done is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    status: list[int] = []

    def stop(number: int, frame: object) -> None:
        status.append(128 + number)
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except Exception:
        # Code on the way may have made an error of its own of it.
        if status:
            raise SystemExit(status[0]) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)

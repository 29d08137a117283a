"""How requests to a remote storage are made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from penstock.described import described
from penstock.errors import ConfigError

__all__ = ["NetworkOptions"]


@dataclass(frozen=True)
class NetworkOptions:
    """How requests to a remote storage are made, for :func:`penstock.open` and :class:`penstock.DataLoader`.

    Attributes:
        connections: At most so many at a time. Opening a dataset reads many small files, and may use four times as
            many.
        attempts: At most so many for a request. What cannot get better (no such file, access denied, no such host, a
            certificate) is not tried again.
        deadline_seconds: At most so long for a request and all that repeat it, waiting included.
        backoff_seconds: A repetition waits a random part of this; of its double the next time, and so on.
        backoff_cap_seconds: It waits no longer than this.
        connect_seconds: At most so long for a connection.
        stall_seconds: A request that brings no byte for so long is given up, and repeated.
        hedge: Whether the core asks a second time for what takes much longer than the rest.
        ca_file: Certificates (PEM) to trust beside the system's.
        verify: Whether servers have to prove who they are. Without that, anybody on the way can read and change data.

    Raises:
        ConfigError: A number out of range, or a file that is not there.
    """

    connections: int = 32
    attempts: int = 10
    deadline_seconds: float = 120.0
    backoff_seconds: float = 0.1
    backoff_cap_seconds: float = 10.0
    connect_seconds: float = 10.0
    stall_seconds: float = 20.0
    hedge: bool = True
    ca_file: str | None = None
    verify: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int":
                _check(field.name, value, isinstance(value, int) and value >= 1, "an int of at least 1")
            elif field.type == "float":
                _check(field.name, value, isinstance(value, (int, float)) and 0 < value < 1e9, "a number above 0")
            elif field.type == "bool" and not isinstance(value, bool):
                raise ConfigError(f"NetworkOptions: {field.name} must be True or False, got {described(value)}")
        if self.ca_file is not None and not Path(self.ca_file).is_file():
            raise ConfigError(f"NetworkOptions: ca_file: there is no file '{self.ca_file}'")


def _check(name: str, value: object, is_right: bool, what: str) -> None:
    if isinstance(value, bool) or not is_right:
        raise ConfigError(f"NetworkOptions: {name} must be {what}, got {described(value)}")

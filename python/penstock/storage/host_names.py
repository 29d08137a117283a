"""Addresses of hosts, within a time: the system's own look-up takes as long as it takes, and cannot be interrupted."""

from __future__ import annotations

import concurrent.futures
import ipaddress
import socket
from typing import Any

from penstock.threads import DaemonPool

__all__ = ["connect_to", "look_up"]

#: Family, kind, protocol and address, as :func:`socket.getaddrinfo` gives them.
_Found = list[tuple[Any, Any, int, str, Any]]


def look_up(host: str, port: int, seconds: float) -> _Found:
    """Where a host is.

    Args:
        host: Its name, or an address.
        port: Of TCP.
        seconds: How long to wait. A look-up that takes longer is left to itself.

    Raises:
        TimeoutError: It takes longer.
        OSError, UnicodeError: As :func:`socket.getaddrinfo` raises them.
    """
    if _is_address(host):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    pool = DaemonPool(1, "penstock-name", "NetworkOptions.connections")
    future = pool.submit(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    concurrent.futures.wait([future], seconds)
    pool.close(patience=0.0)
    if not future.done():
        raise TimeoutError(f"the name '{host}' was not found in time")
    return future.result()  # type: ignore[no-any-return]


def connect_to(found: _Found, seconds: float) -> socket.socket:
    """A connection to the first of some addresses that takes one; ``seconds`` are for each. Raises OSError."""
    failure: OSError | None = None
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(seconds)
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure or OSError("there is no address")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

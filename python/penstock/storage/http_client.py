"""GET requests by the standard library: connections that are kept, time limits, errors with a class of their own."""

from __future__ import annotations

import functools
import http.client
import socket
import ssl
import threading
import time
import weakref
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from penstock.errors import CertificateError, HostNotFoundError, StorageError
from penstock.storage.address import shown
from penstock.storage.certificates import fallback_certificates
from penstock.storage.forking import renewed_in_children
from penstock.storage.host_names import connect_to, look_up
from penstock.storage.network import NetworkOptions

__all__ = ["Answer", "HttpClient", "TransientError"]

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
#: Of what says why something failed, no more is read.
_MOST_WORDS = 1 << 16
_PIECE = 1 << 20


_Idle = dict[tuple[str, str], list[http.client.HTTPConnection]]


class TransientError(Exception):
    """What may go well the next time. Its text has nothing secret in it.

    Attributes:
        is_timeout: Whether the time was over.
        at_once: Whether a connection that had been kept was closed: there is no reason to wait.
        wait_seconds: How long the server asks to be left alone.
    """

    def __init__(
        self, reason: str, *, is_timeout: bool = False, at_once: bool = False, wait_seconds: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.is_timeout = is_timeout
        self.at_once = at_once
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Answer:
    """What a server answered: its status, its headers by names in lower case, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _close_all(idle: _Idle) -> None:
    for connections in idle.values():
        for connection in connections:
            connection.close()


class HttpClient:
    """Makes requests from any thread, each on a connection of its own, which is kept for later ones.

    A forked child begins without connections and without locks that are held.
    """

    def __init__(self, options: NetworkOptions) -> None:
        self.options = options
        self._begin()
        renewed_in_children(self)

    def after_fork(self) -> None:
        """Begins without connections: those of the parent are the parent's."""
        self._close_idle()
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._idle: _Idle = {}
        self._tls: ssl.SSLContext | None = None
        # By a finalizer: where a circle of references is collected, sockets may go before __del__ is called.
        self._close_idle = weakref.finalize(self, _close_all, self._idle)

    def get(self, url: str, headers: Mapping[str, str], deadline: float) -> Answer:
        """The answer to a GET request, whatever its status; redirects are followed.

        Args:
            url: With ``http`` or ``https``.
            headers: Sent along; not to another host than that of ``url``.
            deadline: Of ``time.monotonic()``.

        Raises:
            TransientError: No answer, or a part of one.
            HostNotFoundError, CertificateError: There is no such host, or it does not prove who it is.
            StorageError: It does not speak HTTP, or sends from one address to the next.
        """
        first = urlsplit(url)
        for _ in range(_MOST_REDIRECTS):
            parts = urlsplit(url)
            if (parts.scheme, parts.netloc) != (first.scheme, first.netloc):
                headers = {name: value for name, value in headers.items() if name == "Range"}
            answer = self._get_once(parts, headers, deadline)
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or target is None or "x-amz-bucket-region" in answer.headers:
                return answer
            url = urljoin(url, target)
            if urlsplit(url).scheme not in ("http", "https") or (first.scheme == "https" and url[:5] != "https"):
                raise StorageError("the server sends to an address that is not as safe", path=shown(url))
        raise StorageError(f"the server sends from one address to the next {_MOST_REDIRECTS} times", path=shown(url))

    def _get_once(self, parts: SplitResult, headers: Mapping[str, str], deadline: float) -> Answer:
        place = (parts.scheme, parts.netloc)
        proxy = _proxy_of(parts)
        with self._lock:
            idle = self._idle.get(place)
            connection = idle.pop() if idle else None
        was_kept = connection is not None
        if connection is None:
            connection = self._connected(parts, proxy)
        keep = False
        try:
            target = parts.path or "/"
            if parts.query:
                target += f"?{parts.query}"
            sent = {**headers, "Accept-Encoding": "identity", "User-Agent": "penstock"}
            if proxy is not None and parts.scheme == "http":
                target = f"http://{parts.netloc}{target}"
                sent.update(_proxy_headers(proxy))
            connection.request("GET", target, headers=sent)
            response = connection.getresponse()
            with response:
                answer = _read(response, deadline)
                keep = not response.will_close and not response.length
            return answer
        except TimeoutError:
            raise TransientError(
                f"no byte came for {self.options.stall_seconds:g} seconds", is_timeout=True
            ) from None
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            raise TransientError("the server closed the connection", at_once=was_kept) from None
        except http.client.IncompleteRead as error:
            raise TransientError(f"the server sent {len(error.partial)} bytes and closed the connection") from None
        except (http.client.HTTPException, OSError) as error:
            raise TransientError(f"the answer cannot be read: {type(error).__name__}") from None
        finally:
            if keep:
                with self._lock:
                    self._idle.setdefault(place, []).append(connection)
            else:
                connection.close()

    def _connected(self, parts: SplitResult, proxy: SplitResult | None) -> http.client.HTTPConnection:
        options = self.options
        host, port = parts.hostname or "", parts.port
        through = parts if proxy is None else proxy
        at, at_port = through.hostname or "", through.port
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                at, at_port, timeout=options.connect_seconds, context=self._tls_context()
            )
            if proxy is not None:
                connection.set_tunnel(host, port, _proxy_headers(proxy))
        else:
            connection = http.client.HTTPConnection(at, at_port, timeout=options.connect_seconds)
        # Its own way would have to wait for as long as a name server takes. Without this client: connections that are
        # kept would hold it, and it would never let go of them.
        connection._create_connection = functools.partial(_connect, options.connect_seconds)  # type: ignore[attr-defined]
        try:
            connection.connect()
        except BaseException as error:
            connection.close()
            if isinstance(error, (OSError, UnicodeError)):
                raise _why_not_connected(error, at, parts.scheme) from None
            raise
        connection.sock.settimeout(options.stall_seconds)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context()
                if (otherwise := fallback_certificates()) is not None:
                    self._tls.load_verify_locations(otherwise)
                if self.options.ca_file is not None:
                    self._tls.load_verify_locations(self.options.ca_file)
                if not self.options.verify:
                    self._tls.check_hostname = False
                    self._tls.verify_mode = ssl.CERT_NONE
            return self._tls


def _connect(seconds: float, address: tuple[str, int], *_: object) -> socket.socket:
    return connect_to(look_up(address[0], address[1], seconds), seconds)


def _read(response: http.client.HTTPResponse, deadline: float) -> Answer:
    """The whole body where it is what was asked for, else the beginning of what the server says."""
    is_file = response.status in (200, 206)
    if is_file and response.length is None and not response.chunked:
        # Headers that were cut off look like this, and so does any part of a file.
        raise TransientError("the server does not say how much it sends")
    body = bytearray()
    while piece := response.read1(_PIECE if is_file else _MOST_WORDS):
        body += piece
        if not is_file and len(body) >= _MOST_WORDS:
            break
        if time.monotonic() > deadline:
            raise TransientError("the body did not come in time", is_timeout=True)
    missing = response.length
    if missing and is_file:
        # read1() takes the end of the connection for that of the body.
        raise http.client.IncompleteRead(bytes(body), missing)
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, bytes(body))


def _why_not_connected(error: OSError | UnicodeError, host: str, scheme: str) -> Exception:
    if isinstance(error, UnicodeError):
        return HostNotFoundError(f"'{host}' is no host's name", hint="Correct the address or the endpoint")
    if isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN:
        return HostNotFoundError(
            f"there is no host '{host}'", hint="Correct the address, the endpoint or the region, or see to the network"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(
            f"the certificate of '{host}' cannot be trusted: {error.verify_message}",
            hint="Where its authority is a private one, name its certificates: NetworkOptions(ca_file=...)",
        )
    if isinstance(error, ssl.SSLError) and error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return StorageError(
            f"'{host}' does not speak TLS at this port", hint="Write http:// where that is what is meant"
        )
    if isinstance(error, TimeoutError):
        return TransientError(f"no connection to '{host}' came about in time", is_timeout=True)
    what = "TLS" if isinstance(error, ssl.SSLError) else error.strerror or type(error).__name__
    return TransientError(f"no connection to '{host}' ({what})")


def _proxy_of(parts: SplitResult) -> SplitResult | None:
    """The proxy that the environment names for a URL."""
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(words.encode()).decode()}"}

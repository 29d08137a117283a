"""The objects of a bucket, and the files of a web server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from penstock.errors import DatasetNotFoundError, PenstockError, StorageError, StorageTimeoutError
from penstock.storage.address import Address
from penstock.storage.answers import backoff, may_have_expired, other_region, piece_of, refused
from penstock.storage.certificates import fallback_certificates
from penstock.storage.clouds.azure import azure_signer
from penstock.storage.clouds.gcs import gcs_signer
from penstock.storage.clouds.s3 import s3_signer
from penstock.storage.clouds.web import web_signer
from penstock.storage.forking import renewed_in_children
from penstock.storage.http_client import Answer, HttpClient, TransientError
from penstock.storage.listing import StoredFile, list_files
from penstock.storage.network import NetworkOptions
from penstock.storage.secrets import Secret
from penstock.storage.signing import Signed, Signer
from penstock.threads import DaemonPool

__all__ = ["RemoteStore"]

_logger = logging.getLogger("penstock")

_SIGNERS: dict[str, Callable[[Address, Any], Signer]] = {
    "s3": s3_signer,
    "gs": gcs_signer,
    "az": azure_signer,
    "http": web_signer,
    "https": web_signer,
}
#: Seconds between two warnings that requests are repeated.
_QUIET_SECONDS = 30.0
#: So many times as many connections as for chunks.
_SMALL_FILES = 4
#: So many objects' sizes and versions are kept.
_MOST_KNOWN = 10_000


class RemoteStore:
    """The objects under a folder of a bucket, or the files under one of a web server. Reads from any thread, also in
    forked children.

    Args:
        address: The folder.
        creds: Credentials as :func:`penstock.open` takes them, or a :class:`Secret` of such.
        options: How requests are made.
        signer: Makes addresses; default: what the cloud's is, with ``creds``.
        client: Makes requests; default: one of this store's own.

    Raises:
        ConfigError: Credentials that make no sense.
        MissingExtraError: What signs is not installed, and needed.
    """

    def __init__(
        self,
        address: Address,
        creds: Any = None,
        options: NetworkOptions | None = None,
        *,
        signer: Signer | None = None,
        client: HttpClient | None = None,
    ) -> None:
        self._address = address
        self._secret = creds if isinstance(creds, Secret) else Secret(creds)
        #: How requests are made.
        self.options = options or NetworkOptions()
        signer = signer or _SIGNERS[address.scheme](address, self._secret.reveal())
        self._shared = _Shared(signer, client or HttpClient(self.options))

    @property
    def remote(self) -> bool:
        """It is."""
        return True

    @property
    def root(self) -> str:
        """The folder's address."""
        return self._address.text

    @property
    def fallback_ca_file(self) -> str | None:
        """The certificates for a core that makes requests itself to trust where the system has none."""
        return fallback_certificates()

    def within(self, folder: str) -> RemoteStore:
        """The objects under a folder."""
        inner = object.__new__(RemoteStore)
        inner.__dict__.update(self.__dict__)
        inner._address = self._address.within(folder)
        return inner

    def for_core(self) -> RemoteStore:
        """This object: a core that makes requests itself has it sign addresses, another one calls it to read."""
        return self

    def sign(self, keys: Sequence[str], fresh: bool = False) -> list[Signed]:
        """Addresses to GET keys by, for a core that makes requests itself as :attr:`options` say.

        Args:
            keys: As those of :meth:`read`.
            fresh: With credentials that are asked for anew, after those before were refused.

        Returns:
            For each key its address, headers to send along, and for how many seconds both are good.

        Raises:
            AccessDeniedError, StorageError, ConfigError: There are no credentials, or none that make sense.
        """
        try:
            with self._shared.lock:
                return self._shared.signer.sign([self._full(key) for key in keys], fresh)
        except PenstockError as error:
            error.path = error.path or self.root
            raise

    def report(self, text: str) -> None:
        """Says what a core that makes requests itself has met: a burst of repetitions."""
        _logger.warning("%s: %s", self.root, text)

    def exists(self, key: str) -> bool:
        """Whether there is an object of this key."""
        try:
            self._fetch(key, 0, 1)
        except DatasetNotFoundError:
            raise
        except FileNotFoundError:
            return False
        return True

    def size(self, key: str) -> int:
        """Size of an object in bytes. Raises FileNotFoundError or StorageError."""
        known = self._shared.known.get(self._full(key))
        return self._fetch(key, 0, 1)[1] if known is None else known[0]

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object from ``offset`` on, at most ``length`` of them: fewer where it ends before.

        Raises:
            FileNotFoundError: There is no such object.
            StorageError: It cannot be read. AccessDeniedError, HostNotFoundError, CertificateError and
                StorageTimeoutError are such.
        """
        return b"" if length == 0 else self._fetch(key, offset, length)[0]

    def read_start(self, key: str, length: int) -> tuple[bytes, int]:
        """The first bytes of an object and the size of the whole, by one request. Raises as :meth:`read`."""
        data, size, _ = self._fetch(key, 0, length)
        return data, size

    def read_versioned(self, key: str, offset: int = 0, length: int | None = None) -> tuple[bytes, int, str]:
        """As :meth:`read`, with what the same answer says of the whole object: its size in bytes, and its version (a
        strong ETag), which is "" where the server names none.
        """
        return self._fetch(key, offset, length)

    def read_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Whole objects, read side by side; None for what is not there. Raises as :meth:`read`."""
        # Of many small files, it is the way there and back that takes time: all that are wanted leave at once.
        threads = min(len(keys), _SMALL_FILES * self.options.connections)
        pool = DaemonPool(threads, "penstock-read", "NetworkOptions.connections")
        try:
            futures: list[Future[bytes | None]] = [pool.submit(self._read_or_none, key) for key in keys]
            return [future.result() for future in futures]
        finally:
            pool.close(patience=0.0)

    def list_files(self) -> list[StoredFile]:
        """All objects under the folder, by its bucket's own list.

        Raises:
            UnsupportedError: A web server, which has no such list.
            AccessDeniedError, StorageError: The list may not or cannot be read.
        """
        try:
            with self._shared.lock:
                lister = self._shared.signer.lister()
            return list_files(lister, self._address)
        except PenstockError as error:
            error.path = error.path or self.root
            raise

    def __repr__(self) -> str:
        return f"RemoteStore({self.root!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (RemoteStore, (self._address, self._secret, self.options))

    def _read_or_none(self, key: str) -> bytes | None:
        try:
            return self.read(key)
        except DatasetNotFoundError:
            raise
        except FileNotFoundError:
            return None

    def _full(self, key: str) -> str:
        return f"{self._address.key}/{key}" if self._address.key else key

    def _fetch(self, key: str, offset: int, length: int | None) -> tuple[bytes, int, str]:
        """A part of an object, and size and version of the whole, asked for until it comes or cannot come."""
        deadline = time.monotonic() + self.options.deadline_seconds
        attempts, has_renewed = 0, False
        while True:
            try:
                renewals = self._shared.renewals
                answer = self._ask(key, offset, length, deadline)
                if self._goes_on_elsewhere(answer):
                    continue
                if may_have_expired(answer) and not has_renewed:
                    has_renewed = True
                    self._renew(renewals)
                    continue
                return self._taken(key, answer, offset, length)
            except TransientError as failure:
                attempts += not failure.at_once
                wait = backoff(self.options, attempts, failure)
                is_over = time.monotonic() + wait > deadline
                given_up = self._given_up(key, attempts, failure, is_over)
            except PenstockError as error:
                error.path = error.path or self.root
                raise
            if is_over or attempts >= self.options.attempts:
                raise given_up
            self._shared.note(self.root, str(given_up.cause))
            time.sleep(wait)

    def _renew(self, renewals: int) -> None:
        """Asks for credentials anew, unless that was done since there had been so many renewals: of many requests that
        are refused at a time, one is enough.
        """
        with self._shared.lock:
            if self._shared.renewals == renewals:
                self._shared.signer.sign([], fresh=True)
                self._shared.renewals += 1

    def _ask(self, key: str, offset: int, length: int | None, deadline: float) -> Answer:
        ((url, headers, _),) = self.sign([key])
        if offset or length is not None:
            end = "" if length is None else str(offset + length - 1)
            headers["Range"] = f"bytes={offset}-{end}"
            known = self._shared.known.get(self._full(key))
            if offset and known is not None and known[1]:
                headers["If-Match"] = known[1]
        return self._shared.client.get(url, headers, deadline)

    def _goes_on_elsewhere(self, answer: Answer) -> bool:
        """Whether the bucket lies in another region than it was asked for in, and is asked for there from now on."""
        region = other_region(answer)
        with self._shared.lock:
            if region is None or region in self._shared.regions:
                return False
            self._shared.regions.add(region)
            return self._shared.signer.use_region(region)

    def _taken(self, key: str, answer: Answer, offset: int, length: int | None) -> tuple[bytes, int, str]:
        piece = piece_of(key, answer, offset, length)
        if piece is None:
            raise refused(key, answer, self._address)
        etag = answer.headers.get("etag", "")
        # Weak ones are for what is shown, not for bytes.
        version = etag if etag.startswith('"') else ""
        self._shared.remember(self._full(key), piece[1], version)
        return (*piece, version)

    def _given_up(self, key: str, attempts: int, failure: TransientError, is_over: bool) -> StorageError:
        kind = StorageTimeoutError if failure.is_timeout or is_over else StorageError
        times = "once" if attempts <= 1 else f"{attempts} times"
        return kind(
            f"'{key}' cannot be read, tried {times}: {failure}",
            path=self.root,
            hint="See whether the storage and the network work; NetworkOptions says how long to try",
        )


class _Shared:
    """What the stores of one dataset have in common."""

    def __init__(self, signer: Signer, client: HttpClient) -> None:
        self.signer = signer
        self.client = client
        self.lock = threading.Lock()
        #: Key -> size, and the version where the server names it.
        self.known: dict[str, tuple[int, str]] = {}
        self.regions: set[str] = set()
        #: How often credentials were asked for anew.
        self.renewals = 0
        self._repeated = 0
        self._last_note = float("-inf")
        renewed_in_children(self)

    def after_fork(self) -> None:
        """Another thread of the parent may have held the lock."""
        self.lock = threading.Lock()

    def remember(self, key: str, size: int, version: str) -> None:
        """Keeps what is known of an object."""
        if len(self.known) >= _MOST_KNOWN:
            self.known.clear()
        self.known[key] = (size, version)

    def note(self, root: str, failure: str) -> None:
        """Says once a while that requests are repeated."""
        self._repeated += 1
        if time.monotonic() - self._last_note > _QUIET_SECONDS:
            self._last_note = time.monotonic()
            _logger.warning("%s: %d requests repeated so far, the last since %s", root, self._repeated, failure)

"""Single files elsewhere, by their URLs."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from penstock.errors import StorageError, UnsupportedError
from penstock.storage.address import Address, parse_address, scheme_of, shown
from penstock.storage.http_client import HttpClient
from penstock.storage.network import NetworkOptions
from penstock.storage.remote import RemoteStore
from penstock.storage.signing import SIGNED_SECONDS, Signed

__all__ = ["read_url"]


@dataclass(frozen=True)
class _AsWritten:
    """Of a file's whole address, which may be signed already."""

    url: str

    def sign(self, keys: Sequence[str], fresh: bool = False) -> list[Signed]:
        return [(self.url, {}, SIGNED_SECONDS) for _ in keys]

    def use_region(self, region: str) -> bool:
        return False

    def lister(self) -> Any:
        raise UnsupportedError("a file's address lists nothing")


_lock = threading.Lock()
_clients: dict[int, HttpClient] = {}
_buckets: dict[tuple[int, str, str, str], RemoteStore] = {}


def read_url(url: str) -> bytes:
    """The file at a URL of a bucket or of a web server, with the credentials that the environment has.

    Raises:
        FileNotFoundError: There is no such file, or no such bucket.
        UnsupportedError: Of this scheme, nothing is known to read single files.
        StorageError: It cannot be read. Errors name the URL without its query, which may be a signature.
    """
    scheme = scheme_of(url)
    if scheme in ("http", "https"):
        parts = urlsplit(url)
        # What was written by hand may have spaces and umlauts in it, which a request must not have.
        written = parts._replace(path=quote(parts.path, safe="/%:@!$&'()*+,;=~"), fragment="").geturl()
        address = Address(scheme, parts.netloc.rpartition("@")[2], "", "", shown(url).rpartition("/")[0])
        store = RemoteStore(address, signer=_AsWritten(written), client=_client())
        return store.read(parts.path.rpartition("/")[2] or "/")
    folder, _, name = url.rpartition("/")
    found = parse_address(folder)
    if found is None:
        raise UnsupportedError(f"nothing is known to read links to {scheme}://")
    if not name:
        raise StorageError(f"the link '{shown(url)}' names a folder")
    return _bucket(found).read(f"{found.key}/{name}" if found.key else name)


def _client() -> HttpClient:
    # By process: what a parent made may be held by a thread that a child does not have.
    with _lock:
        return _clients.setdefault(os.getpid(), HttpClient(NetworkOptions()))


def _bucket(address: Address) -> RemoteStore:
    name = (os.getpid(), address.scheme, address.bucket, address.account)
    with _lock:
        if name not in _buckets:
            whole: Any = Address(address.scheme, address.bucket, "", address.account, _root_text(address))
            _buckets[name] = RemoteStore(whole)
        return _buckets[name]


def _root_text(address: Address) -> str:
    return address.text.removesuffix(address.key).rstrip("/") if address.key else address.text

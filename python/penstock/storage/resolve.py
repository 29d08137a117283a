"""From an address to what reads there."""

from __future__ import annotations

from typing import Any

from penstock.errors import UnsupportedError
from penstock.storage.address import Address, parse_address, scheme_of
from penstock.storage.fsspec_store import FsspecStore
from penstock.storage.gdrive import open_gdrive
from penstock.storage.hub import resolve_hub
from penstock.storage.network import NetworkOptions
from penstock.storage.prefetched import PrefetchedStore
from penstock.storage.remote import RemoteStore
from penstock.storage.secrets import Secret
from penstock.storage.store import Store

__all__ = ["store_at"]


def store_at(url: str, creds: Any = None, network: NetworkOptions | None = None) -> Store:
    """The files at a URL other than ``file://``.

    Args:
        url: See :func:`parse_address`; ``hub://organisation/dataset``, ``gdrive://folder``, or what fsspec knows.
        creds: Credentials, see :func:`penstock.open`, or a :class:`Secret` of such.
        network: How requests are made.

    Raises:
        DatasetNotFoundError: The URL names nothing.
        ConfigError: Credentials that make no sense.
        MissingExtraError: What reads there is not installed.
        UnsupportedError: Nothing is known to read there.
        StorageError: Deep Lake's servers refuse, or cannot be reached.
    """
    scheme = scheme_of(url)
    secret = creds if isinstance(creds, Secret) else Secret(creds)
    if scheme == "hub":
        url, given = resolve_hub(url, secret.reveal())
        secret = Secret(given)
    elif scheme == "gdrive":
        return open_gdrive(url, secret.reveal())
    elif scheme == "mem":
        raise UnsupportedError(
            "mem:// is the memory of a program that uses deeplake",
            path=url,
            hint="There, pass the object in place of the path",
        )
    address = parse_address(url)
    if isinstance(address, Address):
        return PrefetchedStore(RemoteStore(address, secret, network))
    return FsspecStore(url, secret)

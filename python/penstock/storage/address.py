"""Addresses of datasets: what they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from penstock.errors import DatasetNotFoundError

__all__ = ["Address", "is_url", "parse_address", "scheme_of", "shown"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
#: The names that a scheme goes by, and the one that is used for it here.
_SAME = {
    "s3a": "s3",
    "gcs": "gs",
    "gcp": "gs",
    "azure": "az",
    "abfss": "abfs",
}
_AZURE_HOST = re.compile(r"(?P<account>[a-z0-9]+)\.(?:dfs|blob)\.core\.windows\.net", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """What an address names.

    Attributes:
        scheme: "s3", "gs", "az", "http" or "https".
        bucket: The bucket; Azure's container; of http, the host with its port.
        key: The dataset's folder in it, without slashes at its ends; "" for the bucket itself.
        account: Azure's storage account; "" where the address does not name it.
        text: The address for messages: without a password, query or fragment.
    """

    scheme: str
    bucket: str
    key: str
    account: str
    text: str

    def within(self, folder: str) -> Address:
        """The address of a folder under this one."""
        key = f"{self.key}/{folder}" if self.key else folder
        return Address(self.scheme, self.bucket, key, self.account, f"{self.text}/{folder}")


def scheme_of(path: str) -> str | None:
    """The scheme of a URL in lower case; None of what is no URL."""
    found = _SCHEME.match(path)
    return found[1].lower() if found else None


def is_url(path: str) -> bool:
    """Whether it is a URL, and no path of this machine."""
    return scheme_of(path) is not None


def shown(url: str) -> str:
    """A URL for messages: without user, password, query and fragment, which may be secrets."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return re.split(r"[?#]", url, maxsplit=1)[0].rpartition("@")[2]


def parse_address(url: str) -> Address | None:
    """What a URL names; None of a scheme that is not one of the clouds' or http.

    ``s3://bucket/folder``; ``gs://``, ``gcs://``, ``gcp://bucket/folder``; ``az://``,
    ``azure://account/container/folder`` as in Deep Lake; ``abfs://``, ``abfss://container/folder`` or
    ``container@account.dfs.core.windows.net/folder`` as in fsspec; ``http://``, ``https://host/folder``. Keys of
    buckets are meant as they are written: percent signs, question marks and spaces are part of a name. Of http, what
    is percent-encoded is decoded.

    Raises:
        DatasetNotFoundError: It names nothing: there is no bucket, or "", "." or ".." between slashes.
    """
    written = scheme_of(url)
    if written is None:
        return None
    scheme = _SAME.get(written, written)
    rest = url.partition("://")[2]
    if scheme in ("http", "https"):
        return _http(scheme, url)
    if scheme not in ("s3", "gs", "az", "abfs"):
        return None
    bucket, _, key = rest.partition("/")
    account = ""
    if scheme == "az":
        account = bucket
        bucket, _, key = key.partition("/")
        if not account or not bucket:
            raise _nothing(url, "it names no container", "Deep Lake's form is az://account/container/folder")
    elif scheme == "abfs":
        bucket, _, host = bucket.partition("@")
        if host:
            found = _AZURE_HOST.fullmatch(host)
            if found is None:
                raise _nothing(url, "it names no storage account", _ABFS)
            account = found["account"]
        if not bucket:
            raise _nothing(url, "it names no container", _ABFS)
        scheme = "az"
    elif not bucket:
        raise _nothing(url, "it names no bucket", f"The form is {written}://bucket/folder")
    elif "@" in bucket or ":" in bucket:
        raise _nothing(
            shown(url), "a bucket's name has neither '@' nor ':'", "Give keys, ports and endpoints in creds"
        )
    return Address(scheme, bucket, _checked(key, url), account, f"{written}://{rest}".rstrip("/"))


_ABFS = "The form is abfs://container@account.dfs.core.windows.net/folder, or abfs://container/folder"


def _http(scheme: str, url: str) -> Address:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _nothing(shown(url), "host or port make no sense", "The form is https://host/folder") from None
    if not host:
        raise _nothing(shown(url), "it names no host", "The form is https://host/folder")
    if parts.username is not None or parts.password is not None:
        raise _nothing(
            shown(url),
            "it has a user or a password in it, which would be seen wherever the address is",
            "Give them in creds: {'headers': {'Authorization': ...}} or {'token': ...}",
        )
    if parts.query or parts.fragment:
        raise _nothing(
            shown(url),
            "it has a query or a fragment, and no file's address can be made of it",
            "Give Azure's signature in creds, {'sas_token': ...}, with an address that begins with az://",
        )
    key = _checked(unquote(parts.path.lstrip("/")), url)
    return Address(scheme, parts.netloc, key, "", url.rstrip("/"))


def _checked(key: str, url: str) -> str:
    """A key without slashes at its ends."""
    key = key.rstrip("/")
    if "\0" in key or any("\ud800" <= character <= "\udfff" for character in key):
        raise _nothing(url, "there is a character in it that no name has", "Correct the address")
    parts = key.split("/") if key else []
    if set(parts) & {"", ".", ".."}:
        raise _nothing(url, "there is an empty part, '.' or '..' between its slashes", "Write the path itself")
    return key


def _nothing(url: str, why: str, hint: str) -> DatasetNotFoundError:
    return DatasetNotFoundError(f"the address names no dataset: {why}", path=url, hint=hint)

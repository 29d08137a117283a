"""Azure's Blob Storage."""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from penstock.errors import ConfigError
from penstock.extras import import_extra
from penstock.storage.address import Address
from penstock.storage.clouds.keys import UNSIGNED, check_known, is_unsigned, text
from penstock.storage.signing import (
    SIGNED_SECONDS,
    Access,
    Credentials,
    ObstoreSigner,
    PlainSigner,
    Signer,
    seconds_left,
)

__all__ = ["azure_signer"]

_WHAT = "a dataset in Azure's storage"
#: Of the interface for which signatures are made.
_VERSION = "2020-12-06"
_SAS = ("sas_token", "sas_key")
_KNOWN = {
    *_SAS,
    *UNSIGNED,
    "account_name",
    "account_key",
    "client_id",
    "client_secret",
    "tenant_id",
    "token",
    "endpoint_url",
    "expiration",
    "expires_at",
}


def azure_signer(address: Address, given: Any) -> Signer:
    """Makes addresses of a container of Azure's.

    Args:
        address: The container, and the account where the address names it.
        given: A mapping with ``account_name`` and ``account_key``, ``sas_token``, or ``tenant_id``, ``client_id`` and
            ``client_secret``, as ``deeplake.load`` takes it; a callable that gives one; "ENV" or None for what the
            environment has.

    Raises:
        ConfigError: Keys that are not known, or no account.
        MissingExtraError: obstore is not installed, and needed.
    """
    credentials = Credentials(None if given == "ENV" else given)
    found = credentials()
    check_known(found, _KNOWN, "Azure")
    account = text(found, "account_name") or address.account or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    if not account:
        raise ConfigError(
            "no account of Azure's is named",
            path=address.text,
            hint="Write abfs://container@account.dfs.core.windows.net/folder, or creds={'account_name': ...}",
        )
    endpoint = text(found, "endpoint_url") or os.environ.get("AZURE_STORAGE_ENDPOINT")
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ConfigError("creds for Azure: endpoint_url must begin with http:// or https://")
    base = f"{(endpoint or f'https://{account}.blob.core.windows.net').rstrip('/')}/{address.bucket}"

    def stores(**config: Any) -> Any:
        return import_extra("obstore.store", _WHAT, "remote").AzureStore(
            address.bucket,
            config={"account_name": account, **({"endpoint": endpoint} if endpoint else {}), **config},
            client_options={"allow_http": True},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )

    if is_unsigned(found):
        return PlainSigner(base, make=lambda: stores(skip_signature=True))
    if _account_key(found):
        by_key = _by_key(credentials, account, address.bucket)
        return PlainSigner(base, by_key, lambda: stores(sas_key=by_key(False)[0]))
    if _signature(found):
        return PlainSigner(base, _by_signature(credentials), lambda: stores(sas_key=_signature(credentials())))
    config = {name: value for name in ("client_id", "client_secret", "tenant_id") if (value := text(found, name))}
    obstore = import_extra("obstore", _WHAT, "remote")
    return ObstoreSigner(obstore, lambda _: stores(**config), credentials.left, credentials.renew, asks=True)


def _account_key(found: Mapping[str, Any]) -> str | None:
    """The account's key that is given, or else, where nothing is, that of the environment."""
    given = text(found, "account_key")
    if given is None and not any(found.get(name) for name in (*_SAS, "client_secret")):
        given = os.environ.get("AZURE_STORAGE_ACCOUNT_KEY") or os.environ.get("AZURE_STORAGE_ACCESS_KEY")
    return given


def _by_key(credentials: Credentials, account: str, container: str) -> Access:
    """A signature for the whole container, made with the account's key: one for all addresses.

    "Create a service SAS" in the documentation of Azure's storage says how it is made. obstore would make one for each
    blob, of names as addresses have them, which Azure refuses where a name has a space or an umlaut in it.
    """

    def access(fresh: bool) -> tuple[str, dict[str, str], float]:
        if fresh:
            credentials.renew()
        key = None
        with contextlib.suppress(ValueError):
            key = base64.b64decode(_account_key(credentials()) or "", validate=True)
        if not key:
            raise ConfigError("creds for Azure: account_key is no base64")
        seconds = max(1.0, min(SIGNED_SECONDS, credentials.left()))
        # Clocks differ: Azure refuses what begins in its future.
        begin, end = (_written(datetime.now(timezone.utc) + timedelta(seconds=more)) for more in (-900.0, seconds))
        fields = ["rl", begin, end, f"/blob/{account}/{container}", "", "", "", _VERSION, "c", *[""] * 7]
        signature = base64.b64encode(hmac.digest(key, "\n".join(fields).encode(), "sha256")).decode()
        query = {"sp": "rl", "st": begin, "se": end, "sv": _VERSION, "sr": "c", "sig": signature}
        return urlencode(query), {}, seconds

    return access


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _signature(found: Mapping[str, Any]) -> str:
    """The signature that is given, or that the environment has; "" where there is none."""
    given = text(found, *_SAS)
    if given is None and not found.get("client_secret"):
        given = os.environ.get("AZURE_STORAGE_SAS_TOKEN") or os.environ.get("AZURE_STORAGE_SAS_KEY")
    return (given or "").lstrip("?")


def _by_signature(credentials: Credentials) -> Access:
    """A signature that is there already is appended to each address."""

    def access(fresh: bool) -> tuple[str, dict[str, str], float]:
        if fresh:
            credentials.renew()
        found = credentials()
        token = _signature(found)
        end = parse_qs(token).get("se", [""])[0]
        left = min(SIGNED_SECONDS, credentials.left(), seconds_left({"expiration": end}))
        return token, {}, max(1.0, left)

    return access

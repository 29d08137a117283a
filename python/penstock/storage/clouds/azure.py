"""Azure's Blob Storage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

from penstock.errors import ConfigError
from penstock.extras import import_extra
from penstock.storage.address import Address
from penstock.storage.clouds.keys import UNSIGNED, check_known, is_unsigned, text
from penstock.storage.signing import SIGNED_SECONDS, Credentials, ObstoreSigner, PlainSigner, Signer, seconds_left

__all__ = ["azure_signer"]

_WHAT = "a dataset in Azure's storage"
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

    def stores(provider: Any = None, **config: Any) -> Any:
        return import_extra("obstore.store", _WHAT, "remote").AzureStore(
            address.bucket,
            config={"account_name": account, **({"endpoint": endpoint} if endpoint else {}), **config},
            client_options={"allow_http": True},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
            credential_provider=provider,
        )

    if is_unsigned(found):
        return PlainSigner(base, make=lambda: stores(skip_signature=True))
    if text(found, "account_key") is None and _signature(found):
        return PlainSigner(base, _by_signature(credentials), lambda: stores(sas_key=_signature(credentials())))
    config = {name: value for name in ("client_id", "client_secret", "tenant_id") if (value := text(found, name))}

    def make(region: str | None) -> Any:
        has_key = text(credentials(), "account_key") is not None
        return stores((lambda: _for_obstore(credentials())) if has_key else None, **config)

    return ObstoreSigner(import_extra("obstore", _WHAT, "remote"), make, credentials.left, credentials.renew)


def _for_obstore(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "access_key": text(found, "account_key"),
        # Whoever holds the credentials knows when they end; obstore asks each time.
        "expires_at": datetime.now(timezone.utc) + timedelta(seconds=1),
    }


def _signature(found: Mapping[str, Any]) -> str:
    """The signature that is given, or that the environment has; "" where there is none, or a key goes before it."""
    given = text(found, *_SAS)
    if given is None and not found.get("client_secret") and not os.environ.get("AZURE_STORAGE_ACCOUNT_KEY"):
        given = os.environ.get("AZURE_STORAGE_SAS_TOKEN") or os.environ.get("AZURE_STORAGE_SAS_KEY")
    return (given or "").lstrip("?")


def _by_signature(credentials: Credentials) -> Any:
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

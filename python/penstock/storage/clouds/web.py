"""Files of a web server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from penstock.errors import ConfigError
from penstock.storage.address import Address
from penstock.storage.clouds.keys import UNSIGNED, check_known, text
from penstock.storage.signing import SIGNED_SECONDS, Credentials, PlainSigner, Signer

__all__ = ["web_signer"]

_KNOWN = {"headers", "token", "expiration", "expires_at", *UNSIGNED}


def web_signer(address: Address, given: Any) -> Signer:
    """Makes addresses of files of a web server.

    Args:
        address: The server.
        given: None, a mapping with ``token`` (sent as "Authorization: Bearer") or ``headers``, or a callable that gives
            one.

    Raises:
        ConfigError: Keys that are not known, or headers that are none.
    """
    credentials = Credentials(None if given == "ENV" else given)
    _headers(credentials())

    def access(fresh: bool) -> tuple[str, dict[str, str], float]:
        if fresh:
            credentials.renew()
        return "", _headers(credentials()), max(1.0, min(SIGNED_SECONDS, credentials.left()))

    return PlainSigner(f"{address.scheme}://{quote(address.bucket, safe=':[]')}", access)


def _headers(found: Mapping[str, Any]) -> dict[str, str]:
    check_known(found, _KNOWN, "a web server")
    headers = found.get("headers") or {}
    is_text = isinstance(headers, Mapping) and all(
        isinstance(word, str) and not set(word) & set("\r\n\0") for item in headers.items() for word in item
    )
    if not is_text:
        raise ConfigError("creds for a web server: 'headers' must be a dict of text, without line ends")
    token = text(found, "token")
    return {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}

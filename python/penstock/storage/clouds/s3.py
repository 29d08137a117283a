"""Amazon S3, and what speaks its language: MinIO, Ceph, R2, Wasabi, ..."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from penstock.errors import ConfigError, UnsupportedError
from penstock.extras import import_extra
from penstock.storage.address import Address
from penstock.storage.clouds.keys import UNSIGNED, check_known, flag, is_unsigned, text
from penstock.storage.clouds.profiles import read_profile
from penstock.storage.signing import SIGNED_SECONDS, Credentials, ObstoreSigner, PlainSigner, Signed, Signer

__all__ = ["s3_signer"]

_KEY = ("aws_access_key_id", "access_key_id")
_SECRET = ("aws_secret_access_key", "secret_access_key")
_TOKEN = ("aws_session_token", "session_token")
_REGION = ("aws_region", "region", "region_name")
_ENDPOINT = ("endpoint_url", "endpoint")
#: "token" is Deep Lake's own, and "config" is botocore's: nothing of them is needed.
_DEEP_LAKE = ("token", "config", "creds_key")
_OTHER = ("profile_name", "requester_pays", "addressing_style", "expiration", "expires_at")
_KNOWN = {*_KEY, *_SECRET, *_TOKEN, *_REGION, *_ENDPOINT, *_OTHER, *_DEEP_LAKE, *UNSIGNED}
_WHAT = "a dataset in an S3 bucket"
#: Session tokens of roles and callables may end at any time: addresses are signed for less than they are good.
_AMBIENT_SECONDS = 900.0


def s3_signer(address: Address, given: Any) -> Signer:
    """Makes addresses of an S3 bucket.

    Args:
        address: The bucket.
        given: A mapping or a callable that gives one; "ENV" and None stand for what the environment has.

    Raises:
        ConfigError: Keys that are not known or contradict each other.
        MissingExtraError: obstore is not installed.
    """
    credentials = Credentials(None if given == "ENV" else given)
    found = credentials()
    _check(found)
    profile = _profile(found)
    endpoint = text(found, *_ENDPOINT) or text(profile, *_ENDPOINT) or _endpoint_of_environment()
    region = text(found, *_REGION) or text(profile, *_REGION) or _region_of_environment()
    style = text(found, "addressing_style") or "auto"
    if style not in ("auto", "path", "virtual"):
        raise ConfigError(f"creds for S3: addressing_style must be 'auto', 'path' or 'virtual', got '{style}'")
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ConfigError("creds for S3: endpoint_url must begin with http:// or https://")
    unsigned = is_unsigned(found) or _is_true(os.environ.get("AWS_SKIP_SIGNATURE"))
    pays = flag(found, "requester_pays") or _is_true(os.environ.get("AWS_REQUEST_PAYER"), "requester")
    if unsigned and flag(found, "requester_pays"):
        raise ConfigError("creds for S3: who pays for requests has to sign them")
    is_explicit = any(text(mapping, *_KEY) for mapping in (found, profile))

    def make(other: str | None) -> Any:
        config: dict[str, Any] = {"region": other or region or "us-east-1", "skip_signature": unsigned}
        if endpoint is not None:
            config["endpoint"] = _with_bucket(endpoint, address.bucket) if style == "virtual" else endpoint
        provider = (lambda: _for_obstore(credentials(), profile)) if is_explicit and not unsigned else None
        return import_extra("obstore.store", _WHAT, "remote").S3Store(
            address.bucket,
            config={**config, "request_payer": pays, "virtual_hosted_style_request": style == "virtual"},
            client_options={"allow_http": True},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
            credential_provider=provider,
        )

    if unsigned:
        return _Unsigned(address.bucket, endpoint, region, style, make)

    def renew() -> None:
        credentials.renew()
        if not text(credentials(), *_KEY):
            # A role of SSO or a program may have other keys by now.
            profile.update(_profile(credentials()))

    def left() -> float:
        return min(credentials.left(), SIGNED_SECONDS if is_explicit else _AMBIENT_SECONDS)

    return ObstoreSigner(import_extra("obstore", _WHAT, "remote"), make, left, renew, asks=not is_explicit)


def _check(found: Mapping[str, Any]) -> None:
    check_known(found, _KNOWN, "S3")
    if text(found, "creds_key"):
        raise UnsupportedError(
            "creds with a 'creds_key' are kept by Deep Lake, and only its own client gets at them",
            hint="Open the dataset with deeplake and pass that object in place of the path, or give keys",
        )
    if bool(text(found, *_KEY)) != bool(text(found, *_SECRET)):
        raise ConfigError("creds for S3: aws_access_key_id and aws_secret_access_key belong together, one is missing")


def _profile(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the profile adds. Keys that are given, here or in the environment, come before those of a profile."""
    name = text(found, "profile_name")
    if text(found, *_KEY) or is_unsigned(found):
        return (read_profile(name) or {}) if name else {}
    if name is None and os.environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    return read_profile(name) or {}


def _for_obstore(found: Mapping[str, Any], profile: Mapping[str, Any]) -> dict[str, Any]:
    source = found if text(found, *_KEY) else profile
    return {
        "access_key_id": text(source, *_KEY),
        "secret_access_key": text(source, *_SECRET),
        "token": text(source, *_TOKEN),
        # Whoever holds the credentials knows when they end; obstore asks each time.
        "expires_at": datetime.now(timezone.utc) + timedelta(seconds=1),
    }


class _Unsigned:
    """Addresses of a bucket that anybody reads."""

    def __init__(
        self, bucket: str, endpoint: str | None, region: str | None, style: str, make: Callable[[str | None], Any]
    ) -> None:
        self._bucket = bucket
        self._endpoint = endpoint
        self._region = region
        self._style = style
        self._make = make

    def sign(self, keys: Sequence[str], fresh: bool = False) -> list[Signed]:
        endpoint = (self._endpoint or f"https://s3.{self._region or 'us-east-1'}.amazonaws.com").rstrip("/")
        is_virtual = self._style == "virtual"
        base = _with_bucket(endpoint, self._bucket) if is_virtual else f"{endpoint}/{self._bucket}"
        return PlainSigner(base).sign(keys)

    def use_region(self, region: str) -> bool:
        if self._endpoint is not None or self._region == region:
            return False
        self._region = region
        return True

    def lister(self) -> Any:
        return self._make(self._region)


def _with_bucket(endpoint: str, bucket: str) -> str:
    parts = urlsplit(endpoint)
    host = parts.netloc if parts.netloc.startswith(f"{bucket}.") else f"{bucket}.{parts.netloc}"
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def _endpoint_of_environment() -> str | None:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _region_of_environment() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None


def _is_true(value: str | None, *words: str) -> bool:
    return value is not None and value.lower() in ("1", "true", *words)

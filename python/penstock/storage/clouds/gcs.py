"""Google Cloud Storage."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from penstock.errors import AccessDeniedError, ConfigError, MissingExtraError, UnsupportedError
from penstock.extras import import_extra
from penstock.storage.address import Address
from penstock.storage.clouds.keys import UNSIGNED, check_known, is_unsigned, text
from penstock.storage.signing import SIGNED_SECONDS, Access, Credentials, ObstoreSigner, PlainSigner, Signer

__all__ = ["gcs_signer"]

_WHAT = "a dataset in a bucket of Google's"
_BASE = "https://storage.googleapis.com"
#: Access tokens are good for an hour; how much of it is over, they do not tell.
_TOKEN_SECONDS = 600.0
_TOKEN = ("gcs_oauth_token", "bearer_token", "access_token")
_OWN = {*_TOKEN, *UNSIGNED, "endpoint_url", "expiration", "expires_at", "project_id", "service_account", "token"}
#: What a file of a service account has in it.
_ACCOUNT = {"type", "private_key", "client_email"}


def gcs_signer(address: Address, given: Any) -> Signer:
    """Makes addresses of a bucket of Google's.

    Args:
        address: The bucket.
        given: As ``deeplake.load`` takes it: the path of a service account's JSON file or its content as a mapping,
            ``{"gcs_oauth_token": ...}``, "anon", or "google_default", "ENV" and None for what the environment has. A
            callable gives one of these.

    Raises:
        ConfigError: Credentials that make no sense.
        UnsupportedError: A kind that only Google's libraries know.
        MissingExtraError: obstore or google-auth is not installed, and needed.
    """
    ask = given if callable(given) else None
    if ask is None:
        given = _as_mapping(given)
    credentials = Credentials((lambda: _as_mapping(ask())) if ask is not None else given)
    found = credentials()
    is_account = "private_key" in found
    if not is_account:
        check_known(found, _OWN, "Google Cloud Storage")
    endpoint = (text(found, "endpoint_url") or os.environ.get("GOOGLE_BASE_URL") or _BASE).rstrip("/")
    base = f"{endpoint}/{address.bucket}"

    def stores(**config: Any) -> Any:
        return import_extra("obstore.store", _WHAT, "remote").GCSStore(
            address.bucket,
            config={**config, **({"base_url": endpoint} if endpoint != _BASE else {})},
            client_options={"allow_http": True},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )

    def by_token(credentials: Credentials) -> Signer:
        return PlainSigner(
            base, _access(credentials), lambda: stores(bearer_token=_access(credentials)(False)[1]["Authorization"][7:])
        )

    if is_unsigned(found):
        return PlainSigner(base, make=lambda: stores(skip_signature=True))
    if not is_account and text(found, *_TOKEN) is not None:
        return by_token(credentials)
    if not is_account:
        account = _account_of_environment()
        if account is None:
            return by_token(Credentials(_ask_google))
        credentials = Credentials(account)
    elif not set(found) >= _ACCOUNT:
        raise ConfigError("creds for Google Cloud Storage: what is given is no service account's JSON")

    def make(region: str | None) -> Any:
        account = {key: value for key, value in credentials().items() if key not in UNSIGNED and key != "endpoint_url"}
        return stores(service_account_key=json.dumps({"private_key_id": "", **account}, default=str))

    obstore = import_extra("obstore", _WHAT, "remote")
    signer = ObstoreSigner(obstore, make, credentials.left, credentials.renew)
    ((url, _, _),) = signer.sign(["%"])
    if "%25" in urlsplit(url).path:
        return signer
    # obstore 0.12 puts keys into addresses as they are, where "%" and "?" mean something else.
    return ObstoreSigner(obstore, make, credentials.left, credentials.renew, quote)


def _as_mapping(given: Any) -> Mapping[str, Any]:
    """Each form of credentials as one."""
    if given in (None, "", "ENV", "google_default"):
        return {}
    if given == "anon":
        return {"unsigned": True}
    if isinstance(given, Mapping):
        inner = given.get("service_account")
        if isinstance(inner, (str, Mapping)):
            return {**_as_mapping(inner), **{key: value for key, value in given.items() if key == "endpoint_url"}}
        if given.get("type") == "authorized_user":
            raise _user_credentials()
        return given
    if given in ("cache", "browser"):
        raise UnsupportedError(
            f"creds='{given}' asks for what Deep Lake keeps in a pickle or gets by a browser",
            hint="Use 'google_default' after: gcloud auth application-default login",
        )
    if isinstance(given, (str, os.PathLike)):
        return _read_account(Path(given))
    kind = type(given).__name__
    raise ConfigError(f"creds for Google Cloud Storage must be a path, a dict or a callable, not {kind}")


def _read_account(path: Path) -> Mapping[str, Any]:
    why: str | None = None
    account: Any = None
    try:
        account = json.loads(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror or type(error).__name__
    except ValueError:
        why = "it is no JSON"
    if why is not None:
        raise ConfigError("creds for Google Cloud Storage: the file that they name cannot be read: " + why)
    if not isinstance(account, Mapping):
        raise ConfigError("creds for Google Cloud Storage: the file that they name holds no JSON object")
    if account.get("type") == "authorized_user":
        raise _user_credentials()
    return account


def _user_credentials() -> UnsupportedError:
    return UnsupportedError(
        "creds for Google Cloud Storage: these are a user's, not a service account's",
        hint="Name their file in GOOGLE_APPLICATION_CREDENTIALS, leave creds out, and install google-auth",
    )


def _account_of_environment() -> Mapping[str, Any] | None:
    """The service account that the environment names; None where it names none."""
    if key := os.environ.get("GOOGLE_SERVICE_ACCOUNT_KEY"):
        found = None
        with contextlib.suppress(ValueError):
            found = json.loads(key)
        if not isinstance(found, Mapping):
            raise ConfigError("the environment variable GOOGLE_SERVICE_ACCOUNT_KEY holds no JSON object")
        return found
    for name in ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_APPLICATION_CREDENTIALS"):
        if path := os.environ.get(name):
            try:
                account = _read_account(Path(path))
            except UnsupportedError:
                continue
            if set(account) >= _ACCOUNT:
                return account
    return None


def _access(credentials: Credentials) -> Access:
    def access(fresh: bool) -> tuple[str, dict[str, str], float]:
        if fresh:
            credentials.renew()
        token = text(credentials(), *_TOKEN)
        if token is None:
            raise ConfigError("the callable that gives credentials gave no 'gcs_oauth_token'")
        return "", {"Authorization": f"Bearer {token}"}, max(1.0, min(SIGNED_SECONDS, credentials.left()))

    return access


def _ask_google() -> dict[str, Any]:
    """The token of a user or of this machine, which cannot sign, by Google's own library."""
    what = "reading with a user's or a machine's credentials of Google's"
    try:
        auth = import_extra("google.auth", what, "google")
        requests = import_extra("google.auth.transport.requests", what, "google")
    except MissingExtraError as error:
        error.hint = f"{error.hint}. A public bucket needs none: creds='anon'"
        raise
    failed = None
    try:
        found, _ = auth.default(scopes=["https://www.googleapis.com/auth/devstorage.read_only"])
        found.refresh(requests.Request())
    except Exception as error:
        failed = type(error).__name__
    if failed is not None:
        raise AccessDeniedError(
            f"Google's library gives no credentials: {failed}",
            hint="Try: gcloud auth application-default login. A public bucket needs none: creds='anon'",
        )
    return {"gcs_oauth_token": found.token, "expiration": found.expiry}

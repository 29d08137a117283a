"""Deep Lake's storage providers, read without them: by their own addresses and credentials."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

from penstock.errors import ConfigError, DatasetNotFoundError, MissingExtraError, UnsupportedError
from penstock.storage.resolve import store_at
from penstock.storage.store import Store

__all__ = ["remote_store_of"]

_logger = logging.getLogger("penstock")


def remote_store_of(provider: Any) -> Store | None:
    """The bucket that a provider of Deep Lake's reads, for S3, Google and Azure; None of another one, and where reading
    through the provider is what works: for want of an extra, or with credentials that only Google's library has.
    """
    # A class of a user's own that inherits from one of these may read otherwise.
    describe = _DESCRIBE.get(type(provider).__name__)
    storage = sys.modules.get("deeplake.core.storage")
    if describe is None or storage is None or type(provider) is not getattr(storage, type(provider).__name__, None):
        return None
    try:
        return store_at(str(provider.root), _Credentials(provider, describe))
    except (MissingExtraError, UnsupportedError, ConfigError, DatasetNotFoundError) as error:
        _logger.info("the dataset is read through Deep Lake's provider, which is slower: %s", error)
        return None


class _Credentials:
    """The credentials that a provider has, as it has them whenever they are asked for: it renews those of Deep Lake's
    own servers when they expire.
    """

    def __init__(self, provider: Any, describe: Any) -> None:
        self._provider = provider
        self._describe = describe

    def __call__(self) -> Mapping[str, Any]:
        if getattr(self._provider, "expiration", None):
            self._provider._check_update_creds()
        found: Mapping[str, Any] = self._describe(self._provider)
        return found


def _of_s3(provider: Any) -> Mapping[str, Any]:
    config = provider.client_config
    return {
        "aws_access_key_id": provider.aws_access_key_id,
        "aws_secret_access_key": provider.aws_secret_access_key,
        "aws_session_token": provider.aws_session_token,
        "aws_region": provider.aws_region,
        "endpoint_url": provider.endpoint_url,
        "profile_name": None if provider.aws_access_key_id else provider.profile_name,
        "expiration": provider.expiration,
        # botocore's mark for requests without a signature has no other name.
        "unsigned": type(getattr(config, "signature_version", None)).__name__ == "UNSIGNED",
        "addressing_style": (getattr(config, "s3", None) or {}).get("addressing_style"),
    }


def _of_google(provider: Any) -> Any:
    # A path, a mapping or a word, as the provider was made with it.
    return provider.token


def _of_azure(provider: Any) -> Mapping[str, Any]:
    return {
        "account_name": provider.account_name,
        "account_key": provider.account_key,
        "sas_token": provider.sas_token,
        "expiration": provider.expiration,
    }


_DESCRIBE = {"S3Provider": _of_s3, "GCSProvider": _of_google, "AzureProvider": _of_azure}

"""Datasets that Deep Lake's own servers keep: where they lie, and with which credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.errors import AccessDeniedError, DatasetNotFoundError
from penstock.extras import import_extra

__all__ = ["resolve_hub"]


def resolve_hub(url: str, creds: Any = None) -> tuple[str, Any]:
    """The bucket's address of a dataset of Deep Lake's, and credentials for it.

    Args:
        url: ``hub://organisation/dataset``, with a folder behind it where that is meant.
        creds: Credentials of one's own for the bucket, which come before Deep Lake's; "ENV" for those of the
            environment. ``{"token": ...}`` is Deep Lake's own, by default the environment's ``ACTIVELOOP_TOKEN`` or
            what ``activeloop login`` has kept.

    Returns:
        The address, and a callable that asks for credentials anew: Deep Lake's are good for some hours.

    Raises:
        MissingExtraError: deeplake 3, whose client asks, is not installed.
        DatasetNotFoundError: The address is of no dataset.
        AccessDeniedError: Deep Lake's servers refuse, or cannot be reached.
    """
    parts = url.partition("://")[2].strip("/").split("/")
    if len(parts) < 2 or not all(parts) or "@" in parts[1]:
        raise DatasetNotFoundError(
            "the address names no dataset",
            path=url,
            hint="The form is hub://organisation/dataset; a branch or a commit is named by commit=",
        )
    organisation, name = parts[0], parts[1]
    token = None
    if isinstance(creds, Mapping) and set(creds) <= {"token"}:
        token, creds = creds.get("token") or None, None
    client = import_extra("deeplake.client.client", "a dataset at hub://", "hub")
    ask = _Credentials(client.DeepLakeBackendClient, token, organisation, name)
    address = "/".join([ask.address, *parts[2:]])
    return address, ask if creds is None or creds == "" else creds


class _Credentials:
    """Asks Deep Lake's servers for an address and for credentials, the first time when it is made.

    Attributes:
        address: The bucket's.
    """

    def __init__(self, client: Any, token: str | None, organisation: str, name: str) -> None:
        self._arguments = (client, token, organisation, name)
        self.address, found = self._asked(fresh=False)
        self._unused: Mapping[str, Any] | None = found

    def __call__(self) -> Mapping[str, Any]:
        found, self._unused = self._unused, None
        return self._asked(fresh=True)[1] if found is None else found

    def _asked(self, fresh: bool) -> tuple[str, Mapping[str, Any]]:
        client, token, organisation, name = self._arguments
        failed = None
        try:
            address, found, _, expiration, _ = client(token=token).get_dataset_credentials(
                organisation, name, mode="r", db_engine={"enabled": False}, no_cache=fresh
            )
        except Exception as error:
            # Its text may hold what was sent.
            failed = type(error).__name__
        if failed is not None:
            raise AccessDeniedError(
                f"Deep Lake's servers give no credentials for the dataset: {failed}",
                path=f"hub://{organisation}/{name}",
                hint="Give its token, creds={'token': ...} or ACTIVELOOP_TOKEN, and see that there is such a dataset",
            )
        known = {key: value for key, value in (found or {}).items() if key in _KNOWN and value is not None}
        return str(address).rstrip("/"), {**known, **({"expiration": expiration} if expiration else {})}


#: What of it is of use; the servers send more.
_KNOWN = {
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_region",
    "region",
    "endpoint_url",
    "gcs_oauth_token",
    "account_name",
    "account_key",
    "sas_token",
}

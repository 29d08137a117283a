"""What ``deeplake_credentials`` means for opening."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.errors import ConfigError

__all__ = ["creds_of"]

#: Of Deep Lake's own integration: its account, and what it hands to ``deeplake.load`` as ``creds``.
_DEEP_LAKE = {"username", "password", "token", "creds"}


def creds_of(credentials: Any, path: Any, where: str) -> Any:
    """What :func:`penstock.open` takes as ``creds``.

    Args:
        credentials: ``deeplake_credentials``: a dict with ``creds`` and ``token``, as Deep Lake's integration has it,
            or what ``creds`` would be by itself.
        path: ``deeplake_path``. Only of ``hub://`` is the token of use.
        where: The split, for errors.

    Raises:
        ConfigError: A user's name and a password for ``hub://``: Deep Lake takes tokens alone.
    """
    if not isinstance(credentials, Mapping):
        return credentials
    if not any(credentials.values()):
        # As Deep Lake's examples have it.
        return None
    if not set(credentials) <= _DEEP_LAKE:
        return credentials
    if credentials.get("creds"):
        return credentials["creds"]
    if not str(path).startswith("hub://"):
        return None
    if credentials.get("token"):
        return {"token": credentials["token"]}
    if credentials.get("username"):
        raise ConfigError(
            f"{where}: deeplake_credentials has a user and a password, and Deep Lake takes tokens alone",
            hint="Make one at app.activeloop.ai, and give it as token=",
        )
    return None

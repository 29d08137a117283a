"""Google Drive, as Deep Lake reads it."""

from __future__ import annotations

from typing import Any

from penstock.errors import AccessDeniedError, MissingExtraError
from penstock.extras import import_extra
from penstock.storage.provider import ProviderStore

__all__ = ["open_gdrive"]


def open_gdrive(url: str, creds: Any = None) -> ProviderStore:
    """The files of a folder of Google Drive's, read by Deep Lake's provider.

    Args:
        url: ``gdrive://folder``.
        creds: A mapping, as ``deeplake.load`` takes it.

    Raises:
        MissingExtraError: deeplake 3, or what it needs for that, is not installed.
        AccessDeniedError: The provider cannot be made of these credentials.
    """
    storage = import_extra("deeplake.core.storage", "a dataset in Google Drive", "hub")
    failed = None
    try:
        provider = storage.GDriveProvider(url, creds or {})
    except ImportError as error:
        raise MissingExtraError(
            f"a dataset in Google Drive needs the module '{error.name or 'googleapiclient'}'",
            hint="Install it with: pip install 'deeplake[gdrive]<4'",
        ) from None
    except Exception as error:
        failed = type(error).__name__
    if failed is not None:
        raise AccessDeniedError(
            f"Deep Lake cannot open Google Drive: {failed}",
            path=url,
            hint="It needs deeplake[gdrive], and creds as deeplake.load takes them",
        )
    return ProviderStore(provider, url)

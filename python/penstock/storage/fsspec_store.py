"""The files of any file system that fsspec knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.errors import AccessDeniedError, ConfigError, MissingExtraError, StorageError, UnsupportedError
from penstock.extras import import_extra
from penstock.storage.address import scheme_of, shown
from penstock.storage.secrets import Secret

__all__ = ["FsspecStore"]


class FsspecStore:
    """The files under a folder of a file system of fsspec's, which reads them: slower than what is read natively.

    Args:
        url: The folder.
        secret: What the file system is made with, a mapping.

    Raises:
        ConfigError: Credentials that are no mapping.
        UnsupportedError: fsspec knows no such file system.
        MissingExtraError: fsspec, or what it needs for this one, is not installed.
    """

    def __init__(self, url: str, secret: Secret) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        creds = secret.reveal() or {}
        if not isinstance(creds, Mapping):
            raise ConfigError(f"creds for {scheme_of(url)}:// must be a dict, not {type(creds).__name__}")
        self._files, self._folder = _file_system(self._url, creds)

    @property
    def remote(self) -> bool:
        """It is."""
        return True

    @property
    def root(self) -> str:
        """The folder's URL."""
        return shown(self._url)

    def within(self, folder: str) -> FsspecStore:
        """The files under a folder."""
        return FsspecStore(f"{self._url}/{folder}", self._secret)

    def for_core(self) -> FsspecStore:
        """This object, which the core calls."""
        return self

    def exists(self, key: str) -> bool:
        """Whether there is a file of this key."""
        try:
            self.size(key)
        except FileNotFoundError:
            return False
        return True

    def size(self, key: str) -> int:
        """Size of a file in bytes. Raises FileNotFoundError or StorageError."""
        return int(self._asked(key, lambda path: self._files.size(path)))

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file from ``offset`` on, at most ``length`` of them: fewer where the file ends before.

        Raises:
            FileNotFoundError: There is no such file.
            StorageError: It cannot be read.
        """
        if length == 0:
            return b""
        end = None if length is None else offset + length
        return bytes(self._asked(key, lambda path: self._files.cat_file(path, start=offset, end=end)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (FsspecStore, (self._url, self._secret))

    def _asked(self, key: str, ask: Any) -> Any:
        try:
            return ask(f"{self._folder}/{key}")
        except FileNotFoundError:
            missing = True
        except Exception as error:
            # Its text may hold an address with a signature.
            missing, kind, name = False, type(error), type(error).__name__
        if missing:
            raise FileNotFoundError(key)
        raised = AccessDeniedError if issubclass(kind, PermissionError) else StorageError
        raise raised(f"cannot read '{key}' by fsspec: {name}", path=self.root)


def _file_system(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    scheme = scheme_of(url)
    try:
        core = import_extra("fsspec.core", f"a dataset at {scheme}://", "remote")
    except MissingExtraError as error:
        error.hint = "pip install fsspec, with what it needs for that; or copy the dataset to a directory"
        raise
    try:
        # What fsspec keeps of one file system is not to serve another one's credentials.
        files, folder = core.url_to_fs(url, skip_instance_cache=True, **options)
    except ValueError:
        raised: Exception = UnsupportedError(f"nothing is known to read {scheme}://", path=shown(url), hint=_HINT)
    except ImportError as error:
        raised = MissingExtraError(f"fsspec needs '{error.name or 'a module'}' for {scheme}://", path=shown(url))
    except Exception as error:
        raised = StorageError(f"fsspec cannot open {scheme}://: {type(error).__name__}", path=shown(url))
    else:
        return files, str(folder).rstrip("/")
    raise raised


_HINT = "Known are s3, gs, az, abfs, http, https, hub, gdrive, file, and what fsspec has a file system for"

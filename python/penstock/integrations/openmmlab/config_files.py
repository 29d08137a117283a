"""Configurations as files: MMCV's and MMEngine's are read alike."""

from __future__ import annotations

import os
from typing import Any

from penstock.errors import ConfigError

__all__ = ["config_from"]


def config_from(kind: Any, path: str | os.PathLike[str]) -> Any:
    """A configuration from its file.

    Args:
        kind: The class ``Config`` of MMCV or MMEngine.
        path: The file.

    Raises:
        ConfigError: The file is not there, or is no configuration.
    """
    try:
        return kind.fromfile(os.fspath(path))
    except Exception as error:
        # It runs the file, which may raise anything.
        raise ConfigError(
            f"the configuration '{os.fspath(path)}' cannot be read: {type(error).__name__}: {error}"
        ) from error

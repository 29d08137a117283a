"""The authorities by which servers are believed."""

from __future__ import annotations

import ssl
from pathlib import Path

from penstock.extras import import_if_installed

__all__ = ["fallback_certificates"]


def fallback_certificates() -> str | None:
    """The file of certificates (PEM) of the package certifi, where the system has none and certifi is installed.

    What the system has is what Python's ``ssl`` looks for: ``SSL_CERT_FILE``, ``SSL_CERT_DIR``, and the places that its
    OpenSSL knows. A slim container image has none of them.
    """
    paths = ssl.get_default_verify_paths()
    # Either is None where there is nothing, whatever their types say.
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return None
    certifi = import_if_installed("certifi", "Trusting servers on a system without certificates")
    return None if certifi is None else str(certifi.where())

"""Certificates that nobody but a test trusts."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


def write_certificate(directory: Path, names: list[str]) -> tuple[Path, Path]:
    """Writes a self-signed certificate for ``names`` (hosts, addresses) and its key; gives both paths."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    kinds = ["IP" if name.replace(".", "").isdigit() else "DNS" for name in names]
    alternatives = ",".join(f"{kind}:{name}" for kind, name in zip(kinds, names, strict=True))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=penstock test", "-addext", f"subjectAltName={alternatives}",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context

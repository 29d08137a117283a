"""Certificates that nobody but a test trusts."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

#: What `openssl ca` wants to be told, which alone can sign for days that are over.
_AUTHORITY = """
[ca]
default_ca = own
[own]
new_certs_dir = {directory}
database = {directory}/database
serial = {directory}/serial
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = {alternatives}
"""


def write_certificate(directory: Path, names: list[str], *, expired: bool = False) -> tuple[Path, Path]:
    """Writes a self-signed certificate for ``names`` (hosts, addresses) and its key; gives both paths. ``expired``: it
    was good until the second day of 2020.
    """
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    kinds = ["IP" if name.replace(".", "").isdigit() else "DNS" for name in names]
    alternatives = ",".join(f"{kind}:{name}" for kind, name in zip(kinds, names, strict=True))
    make_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    request = ["req", *make_key, "-subj", "/CN=penstock test"]
    if not expired:
        _openssl(*request, "-x509", "-days", "2", "-addext", f"subjectAltName={alternatives}", "-out", str(certificate))
        return certificate, key
    asked, settings = directory / "request.pem", directory / "authority.conf"
    settings.write_text(_AUTHORITY.format(directory=directory, alternatives=alternatives))
    (directory / "database").touch()
    (directory / "serial").write_text("01")
    _openssl(*request, "-out", str(asked))
    days = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
    sign = ["ca", "-selfsign", "-batch", "-notext", "-config", str(settings), "-keyfile", str(key)]
    _openssl(*sign, *days, "-in", str(asked), "-out", str(certificate))
    return certificate, key


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context

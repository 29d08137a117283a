"""A server with TLS, whose certificate it signed itself."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.file_server import FileServer

__all__ = ["certified_server"]


def certified_server(folder: Path, served: Path) -> tuple[FileServer, Path]:
    """Serves a folder at https://127.0.0.1, and tells the file of the certificate by which the server is believed."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Certificates of one name would be taken for each other.
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"penstock {x509.random_serial_number()}")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    shown = certificate.public_bytes(serialization.Encoding.PEM)
    folder.mkdir(parents=True)
    ours = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ours.write_bytes(private + shown)
    known = folder / "known.pem"
    known.write_bytes(shown)
    return FileServer(served, certificate=ours), known

"""Servers are believed by the system's certificates, by those that the user names beside them, and by certifi's where
the system has none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import CertificateError, StorageError
from penstock.storage.address import parse_address
from penstock.storage.network import NetworkOptions
from penstock.storage.remote import RemoteStore
from support.file_server import FileServer

DATA = bytes(range(256)) * 64

#: Reads a dataset by Python and by the core, and says how each ended.
SCRIPT = """
import json, sys
import penstock
from penstock import NetworkOptions

def ended(url, ca_file, loader_type):
    network = NetworkOptions(attempts=1, ca_file=ca_file or None)
    try:
        dataset = penstock.open(url, network=network)
        with penstock.DataLoader(dataset, 4, loader_type=loader_type, tensors={"array": "equal/raw"}) as loader:
            return sum(len(batch["array"]) for batch in loader)
    except penstock.errors.PenstockError as error:
        return type(error).__name__

url, ca_file, *loader_types = sys.argv[1:]
print(json.dumps([ended(url, ca_file, loader_type) for loader_type in loader_types]))
"""

Serve = Callable[[Path], tuple[FileServer, Path]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    pytest.importorskip("cryptography")
    from support.certified import certified_server

    servers: list[FileServer] = []

    def start(served: Path) -> tuple[FileServer, Path]:
        server, known = certified_server(tmp_path / f"server{len(servers)}", served)
        servers.append(server)
        return server, known

    yield start
    for server in servers:
        server.close()


def read(url: str, options: NetworkOptions) -> bytes:
    address = parse_address(url)
    assert address is not None
    return RemoteStore(address, None, options).read("file")


def test_of_one_server(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    server, known = serve(tmp_path)
    with pytest.raises(CertificateError, match="cannot be trusted"):
        read(server.url, NetworkOptions(attempts=1))
    assert read(server.url, NetworkOptions(ca_file=str(known))) == DATA
    assert read(server.url, NetworkOptions(verify=False)) == DATA
    with pytest.raises(StorageError, match="does not speak TLS"):
        other = FileServer(server.root)
        try:
            read(other.url.replace("http:", "https:"), NetworkOptions(attempts=1))
        finally:
            other.close()


def run(script: Path, url: str, ca_file: str, before: tuple[str, ...] = (), **variables: str) -> Any:
    script.write_text(SCRIPT)
    command = [*before, sys.executable, str(script), url, ca_file, "python", "c++"]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_those_of_the_user_stand_beside_the_systems(
    serve: Serve, lake: Callable[[str], Path], tmp_path: Path, native: Any
) -> None:
    (theirs, of_system), (ours, of_user) = serve(lake("many_chunks")), serve(lake("many_chunks"))
    stranger, _ = serve(lake("many_chunks"))
    ends = [
        run(tmp_path / "script.py", server.url, str(of_user), SSL_CERT_FILE=str(of_system))
        for server in (theirs, ours, stranger)
    ]
    assert ends[0] == ends[1] == [ends[0][0]] * 2 and ends[0][0] > 0
    assert ends[2] == ["CertificateError"] * 2


def test_certifi_where_the_system_has_none(
    serve: Serve, lake: Callable[[str], Path], tmp_path: Path, native: Any
) -> None:
    server, known = serve(lake("many_chunks"))
    empty = tmp_path / "empty"
    empty.mkdir()
    hide = " && ".join(f"mount --bind {empty} {at}" for at in ("/etc/ssl", "/etc/pki") if Path(at).is_dir())
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--mount", "sh", "-c", hide], capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    without = (unshare, "--mount", "sh", "-c", f'{hide} && exec "$0" "$@"')
    # A Python that was not built for this system may look elsewhere: what it finds there is hidden too.
    nowhere = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": str(empty)}
    package = tmp_path / "packages"
    package.mkdir()
    (package / "certifi.py").write_text(f"def where():\n    return {str(known)!r}\n")
    with_certifi = run(tmp_path / "script.py", server.url, "", without, PYTHONPATH=str(package), **nowhere)
    assert with_certifi == [with_certifi[0]] * 2 and with_certifi[0] > 0
    (package / "certifi.py").write_text("raise ModuleNotFoundError(name='certifi')\n")
    assert run(tmp_path / "script.py", server.url, "", without, PYTHONPATH=str(package), **nowhere) == [
        "CertificateError"
    ] * 2

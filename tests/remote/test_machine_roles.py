"""A machine or a container of a cloud has a role: its credentials come from the cloud's metadata service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from penstock.errors import AccessDeniedError
from penstock.storage.address import parse_address
from penstock.storage.remote import RemoteStore
from support.metadata_server import MetadataServer

Environment = pytest.MonkeyPatch


@pytest.fixture
def metadata(remote: Any, monkeypatch: Environment) -> Iterator[MetadataServer]:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    server = MetadataServer()
    yield server
    server.close()


def store_at(url: str, creds: Any = None) -> RemoteStore:
    address = parse_address(url)
    assert address is not None
    return RemoteStore(address, creds)


def key_of(store: RemoteStore, fresh: bool = False) -> tuple[str, str, float]:
    """Key and session token that an address of S3 is signed with, and for how long it is good."""
    ((url, _, seconds),) = store.sign(["x"], fresh)
    query = parse_qs(urlsplit(url).query)
    return query["X-Amz-Credential"][0].partition("/")[0], query["X-Amz-Security-Token"][0], seconds


def test_the_role_of_an_instance_of_amazon(metadata: MetadataServer, monkeypatch: Environment) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", metadata.url)
    store = store_at("s3://bucket/a")
    # Nobody says when the session ends: addresses are good for less than an hour.
    assert key_of(store) == ("instance1", "token1", 900)
    assert metadata.asked[0] == "PUT /latest/api/token" and metadata.asked[-1].endswith("/the-role")
    asked = len(metadata.asked)
    assert key_of(store)[0] == "instance1" and len(metadata.asked) == asked
    metadata.number = 2
    assert key_of(store, fresh=True)[:2] == ("instance2", "token2")


def test_the_role_of_a_container_of_amazon(metadata: MetadataServer, monkeypatch: Environment, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("the container's token")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{metadata.url}/container")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    assert key_of(store_at("s3://bucket/a"))[:2] == ("container1", "token1")
    assert metadata.asked == ["GET /container"]


def test_no_role_is_one_error(metadata: MetadataServer, monkeypatch: Environment) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"{metadata.url}/elsewhere")
    with pytest.raises(AccessDeniedError, match="no credentials were found") as raised:
        key_of(store_at("s3://bucket/a"))
    assert raised.value.path == "s3://bucket/a" and "elsewhere" not in str(raised.value)


def test_the_identity_of_a_machine_of_azure(metadata: MetadataServer, monkeypatch: Environment) -> None:
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", f"{metadata.url}/msi")
    creds = {"endpoint_url": metadata.url}
    store = store_at("az://account/container/a", creds)
    ((url, headers, _),) = store.sign(["x"])
    parts = urlsplit(url)
    assert parts.path == "/container/a/x" and parse_qs(parts.query)["skoid"] == ["o"] and headers == {}
    assert metadata.asked[0] == "GET /msi" and metadata.asked[1].startswith("POST /")


def test_the_service_account_of_a_machine_of_google(metadata: MetadataServer, monkeypatch: Environment) -> None:
    pytest.importorskip("google.auth")
    host = metadata.url.removeprefix("http://")
    for name in ("GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT"):
        monkeypatch.setenv(name, host)
    store = store_at("gs://bucket/a")
    ((url, headers, seconds),) = store.sign(["x"])
    assert url == "https://storage.googleapis.com/bucket/a/x" and 0 < seconds <= 3600
    assert headers == {"Authorization": "Bearer google1"}
    metadata.number = 2
    ((_, headers, _),) = store.sign(["x"], fresh=True)
    assert headers == {"Authorization": "Bearer google2"}

"""The emulators of Azure and of Google, and a web server that many have."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

import penstock
from penstock.errors import AccessDeniedError, DatasetNotFoundError
from penstock.storage.address import parse_address
from penstock.storage.copying import copy_dataset
from penstock.storage.remote import RemoteStore
from support.buckets import service_account
from support.emulators import free_port, running
from support.remote_batches import assert_same_batches
from support.require import require

Lakes = Callable[[str], Path]
PREFIX = "da ta/x+ä"


# Azure

ACCOUNT = "devstoreaccount1"
#: Azurite's own, which is published.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory, lake: Lakes) -> Iterator[str]:
    """Azurite, with a dataset in the container "container"."""
    program, folder, port = require("azurite"), tmp_path_factory.mktemp("azurite"), free_port()
    require("remote")
    command = [str(program), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    command += ["--location", str(folder), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with running(command, port, folder.with_suffix(".log")) as url:
        put_azure(url, "container?restype=container", b"")
        for file in sorted(lake("annotations").rglob("*")):
            if file.is_file():
                key = f"{PREFIX}/{file.relative_to(lake('annotations')).as_posix()}"
                put_azure(url, f"container/{quote(key)}", file.read_bytes())
        yield url


def put_azure(url: str, path: str, data: bytes) -> None:
    """A PUT as Azure's documentation of shared keys has it: an oracle that obstore has no part in."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    if "?" not in path:
        headers["x-ms-blob-type"] = "BlockBlob"
    name, _, query = path.partition("?")
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}" + "".join(f"\n{k}:{v[0]}" for k, v in sorted(parse_qs(query).items()))
    named = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    length = str(len(data)) if data else ""
    what = f"PUT\n\n\n{length}\n\napplication/octet-stream\n\n\n\n\n\n\n{named}{resource}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(ACCOUNT_KEY), what.encode(), hashlib.sha256)).decode()
    request = urllib.request.Request(f"{url}/{ACCOUNT}/{path}", data=data, method="PUT")
    for header, value in {**headers, "Content-Type": "application/octet-stream"}.items():
        request.add_header(header, value)
    request.add_header("Authorization", f"SharedKey {ACCOUNT}:{signature}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request):
        pass


def azure_creds(url: str, **other: Any) -> dict[str, Any]:
    return {"account_key": ACCOUNT_KEY, "endpoint_url": f"{url}/{ACCOUNT}", **other}


@pytest.mark.parametrize("form", ["az://{account}/container/{prefix}", "abfs://container/{prefix}"])
def test_azure(form: str, azure: str, lake: Lakes, native: Any) -> None:
    url = form.format(account=ACCOUNT, prefix=PREFIX)
    assert_same_batches(lake("annotations"), url, azure_creds(azure, account_name=ACCOUNT))


def test_azure_by_a_signature(azure: str, lake: Lakes) -> None:
    # One that permits to read and list the container, made as Azure's documentation has it.
    end = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    what = "\n".join(["rl", "", end, f"/blob/{ACCOUNT}/container", "", "", "", "2020-12-06", "c", *[""] * 7])
    signature = base64.b64encode(hmac.digest(base64.b64decode(ACCOUNT_KEY), what.encode(), hashlib.sha256)).decode()
    token = f"sp=rl&se={quote(end)}&sv=2020-12-06&sr=c&sig={quote(signature, safe='')}"
    creds = {"sas_token": token, "endpoint_url": f"{azure}/{ACCOUNT}"}
    url = f"az://{ACCOUNT}/container/{PREFIX}"
    assert penstock.open(url, creds=creds).fingerprint() == penstock.open(lake("annotations")).fingerprint()


def test_what_azure_refuses(azure: str) -> None:
    wrong = base64.b64encode(b"wrong").decode()
    with pytest.raises(AccessDeniedError, match=r"AuthenticationFailed|AuthorizationFailure") as raised:
        penstock.open(f"az://{ACCOUNT}/container/{PREFIX}", creds={**azure_creds(azure), "account_key": wrong})
    assert wrong not in str(raised.value)
    with pytest.raises(DatasetNotFoundError, match="no bucket 'other'"):
        penstock.open(f"az://{ACCOUNT}/other/x", creds=azure_creds(azure))
    with pytest.raises(DatasetNotFoundError, match="no Deep Lake dataset"):
        penstock.open(f"az://{ACCOUNT}/container/other", creds=azure_creds(azure))


def test_a_copy_from_azure(azure: str, lake: Lakes, tmp_path: Path) -> None:
    copy_dataset(f"az://{ACCOUNT}/container/{PREFIX}", tmp_path / "x", creds=azure_creds(azure))
    assert penstock.open(tmp_path / "x").fingerprint() == penstock.open(lake("annotations")).fingerprint()


# Google


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory, lake: Lakes) -> Iterator[str]:
    """gcp-storage-emulator, with a dataset in "bucket". It takes any signature."""
    require("remote")
    port, folder = free_port(), tmp_path_factory.mktemp("google")
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--in-memory", "--default-bucket", "bucket"]
    with running(command, port, folder / "log") as url:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for file in sorted(lake("annotations").rglob("*")):
            if file.is_file():
                key = f"{PREFIX}/{file.relative_to(lake('annotations')).as_posix()}"
                address = f"{url}/upload/storage/v1/b/bucket/o?uploadType=media&name={quote(key, safe='')}"
                opener.open(urllib.request.Request(address, data=file.read_bytes(), method="POST")).close()
        yield url


def test_google(google: str, lake: Lakes, native: Any, tmp_path: Path) -> None:
    account = service_account()
    file = tmp_path / "account.json"
    file.write_text(json.dumps(account))
    for creds in (
        {**account, "endpoint_url": google},
        {"service_account": str(file), "endpoint_url": google},
        {"gcs_oauth_token": "ya29", "endpoint_url": google},
        {"unsigned": True, "endpoint_url": google},
    ):
        assert_same_batches(lake("annotations"), f"gs://bucket/{PREFIX}", creds)
    with pytest.raises(DatasetNotFoundError):
        penstock.open("gs://bucket/none", creds={"unsigned": True, "endpoint_url": google})


def test_addresses_of_google_have_keys_quoted(google: str) -> None:
    address = parse_address(f"gs://bucket/{PREFIX}")
    assert address is not None
    store = RemoteStore(address, {"unsigned": True, "endpoint_url": google})
    ((url, _, _),) = store.sign(["a?b%c"])
    assert urlsplit(url).path.endswith("a%3Fb%25c")


# nginx


@pytest.fixture
def nginx(tmp_path: Path, lake: Lakes) -> Iterator[str]:
    """nginx, which serves the datasets' directory."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    shutil.copytree(lake("annotations"), tmp_path / "files" / PREFIX)
    (tmp_path / "nginx.conf").write_text(
        f"""
{"user root;" if os.geteuid() == 0 else ""} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;
events {{}}
http {{
  access_log off; default_type application/octet-stream; keepalive_requests 5;
  client_body_temp_path {tmp_path}/a; proxy_temp_path {tmp_path}/b; fastcgi_temp_path {tmp_path}/c;
  uwsgi_temp_path {tmp_path}/d; scgi_temp_path {tmp_path}/e;
  server {{ listen 127.0.0.1:{port}; root {tmp_path}/files; }}
}}
"""
    )
    # Its processes may belong to a user who must not read what pytest makes for another one.
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    with running([program, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)], port, tmp_path / "log") as url:
        yield url


def test_nginx(nginx: str, lake: Lakes, native: Any) -> None:
    # It closes each connection after five requests, under whoever keeps it.
    assert_same_batches(lake("annotations"), f"{nginx}/{quote(PREFIX)}", None)

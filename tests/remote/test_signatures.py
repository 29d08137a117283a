"""Signatures are right: botocore makes the same ones, and what expires is signed anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import AccessDeniedError, DatasetNotFoundError
from support.buckets import ACCESS_KEY, SECRET_KEY
from support.file_server import FileServer
from support.remote_batches import assert_same_batches
from support.require import require
from support.strict_s3 import StrictS3

TOKEN = "tO/ken+with=signs"


@pytest.fixture(scope="module")
def strict(lake: Callable[[str], Path]) -> Iterator[StrictS3]:
    require("remote")
    server = StrictS3({ACCESS_KEY: (SECRET_KEY, ""), "temporary": ("sEcReT", TOKEN)})
    server.put(lake("annotations"), PREFIX)
    yield server
    server.close()


PREFIX = "da ta/x+%20ä~'()"
ADDRESS = f"s3://penstock-tests/{PREFIX}"


def temporary(strict: StrictS3, token: str = TOKEN) -> dict[str, Any]:
    return {
        "aws_access_key_id": "temporary",
        "aws_secret_access_key": "sEcReT",
        "aws_session_token": token,
        "endpoint_url": strict.url,
    }


def test_signatures_are_those_of_botocore(strict: StrictS3, lake: Callable[[str], Path], native: Any) -> None:
    assert_same_batches(lake("annotations"), ADDRESS, strict.creds())
    assert_same_batches(lake("annotations"), ADDRESS, temporary(strict))
    assert len(penstock.open(ADDRESS, creds=strict.creds(aws_region="eu-west-3", requester_pays=True))) > 0


def test_what_is_wrong_is_said(strict: StrictS3) -> None:
    for creds, words in (
        (strict.creds(aws_secret_access_key="wrong"), "SignatureDoesNotMatch.*correct creds"),
        (strict.creds(aws_access_key_id="nobody"), "InvalidAccessKeyId.*correct creds"),
        (temporary(strict, "old"), "InvalidToken.*have expired"),
        ({"unsigned": True, "endpoint_url": strict.url}, "AccessDenied.*permission"),
    ):
        with pytest.raises(AccessDeniedError, match=words) as raised:
            penstock.open(ADDRESS, creds=creds)
        assert not {"wrong", "nobody", "old", "shown"} & set(str(raised.value).split())
    with pytest.raises(DatasetNotFoundError, match="no bucket"):
        penstock.open("s3://no-such-bucket/x", creds=strict.creds())


def test_credentials_that_have_expired_are_asked_for_once(strict: StrictS3) -> None:
    given = iter([temporary(strict, "old"), temporary(strict), temporary(strict)])
    dataset = penstock.open(ADDRESS, creds=lambda: next(given))
    assert len(dataset) > 0 and next(given), "asked twice, for all requests that were refused"


@pytest.mark.parametrize("loader_type", ["python", "c++"])
def test_credentials_may_expire_within_an_epoch(
    loader_type: str, strict: StrictS3, lake: Callable[[str], Path], native: Any
) -> None:
    def ask() -> dict[str, Any]:
        asked.append(strict.keys["temporary"][1])
        return temporary(strict, asked[-1])

    asked: list[str] = []
    try:
        dataset = penstock.open(strict.put(lake("many_chunks"), "many"), creds=ask)
        options: dict[str, Any] = {"loader_type": loader_type, "chunk_cache_bytes": 1, "read_ahead_bytes": 0}
        with penstock.DataLoader(dataset, batch_size=1, **options) as loader:
            # Once: the core has several requests under way, and asks for new credentials once for each of them.
            for batch, _ in enumerate(loader):
                if batch == len(loader) // 2:
                    strict.keys["temporary"] = ("sEcReT", "another")
        assert len(asked) >= 2
    finally:
        strict.keys["temporary"] = ("sEcReT", TOKEN)


def test_a_forked_child_does_not_wait_for_what_never_comes(strict: StrictS3, tmp_path: Path) -> None:
    """Credentials that obstore itself has to ask for: here those of a container, by an address."""
    code = """
import os, sys, time
import penstock.storage.signing as signing
from penstock.errors import StorageTimeoutError
from penstock.storage.address import parse_address
from penstock.storage.remote import RemoteStore

signing._FORKED_SECONDS = 1.0
store = RemoteStore(parse_address("s3://penstock-tests/x"))
assert "temporary" in store.sign(["x"])[0][0]
if (child := os.fork()) == 0:
    try:
        store.sign(["x"], fresh=True)
        os._exit(3)
    except StorageTimeoutError as error:
        os._exit(0 if "spawn" in str(error) else 4)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    (tmp_path / "keys").write_text(
        json.dumps(
            {
                "AccessKeyId": "temporary",
                "SecretAccessKey": "sEcReT",
                "Token": TOKEN,
                "Expiration": "2099-01-01T00:00:00Z",
            }
        )
    )
    server = FileServer(tmp_path)
    try:
        environment = {**os.environ, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/keys"}
        environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(tmp_path / "keys")
        ran = subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
    finally:
        server.close()


def test_a_signed_address_is_good_for_as_long_as_it_says(strict: StrictS3) -> None:
    import time
    import urllib.error
    import urllib.request

    from penstock.storage.address import parse_address
    from penstock.storage.remote import RemoteStore

    address = parse_address(ADDRESS)
    assert address is not None
    soon = {**temporary(strict), "expiration": time.time() + 2}
    ((url, headers, seconds),) = RemoteStore(address, lambda: soon).sign(["dataset_meta.json"])
    assert headers == {} and 1 <= seconds <= 2
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(url).close()
    time.sleep(2.5)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        opener.open(url)

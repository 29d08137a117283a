"""Each form of credentials makes the addresses that its cloud takes. No server is asked."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from penstock.errors import AccessDeniedError, ConfigError, MissingExtraError, UnsupportedError
from penstock.storage.address import parse_address
from penstock.storage.remote import RemoteStore
from support.buckets import ACCESS_KEY, SECRET_KEY, service_account

KEYS = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
Environment = pytest.MonkeyPatch


Made = tuple[Any, dict[str, list[str]], dict[str, str], float]


def signed(url: str, creds: Any = None, key: str = "k y/ä?%") -> Made:
    """The address that is made for a key: its parts, its query, the headers, and for how long they are good."""
    address = parse_address(url)
    assert address is not None
    ((made, headers, seconds),) = RemoteStore(address, creds).sign([key])
    parts = urlsplit(made)
    return parts, parse_qs(parts.query), headers, seconds


def test_keys_of_s3(remote: Any) -> None:
    parts, query, headers, seconds = signed("s3://bucket/a b", {**KEYS, "aws_region": "eu-west-3"})
    assert (parts.scheme, parts.netloc) == ("https", "s3.eu-west-3.amazonaws.com")
    assert parts.path == "/bucket/a%20b/k%20y/%C3%A4%3F%25"
    assert query["X-Amz-Credential"][0].startswith(f"{ACCESS_KEY}/") and "eu-west-3" in query["X-Amz-Credential"][0]
    assert "X-Amz-Security-Token" not in query and headers == {} and seconds == 3600


def test_keys_come_before_those_of_the_environment(remote: Any, monkeypatch: Environment) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    parts, query, *_ = signed("s3://bucket/a", KEYS)
    assert query["X-Amz-Credential"][0].startswith(ACCESS_KEY) and "X-Amz-Security-Token" not in query
    assert "eu-central-1" in parts.netloc
    _, query, *_ = signed("s3://bucket/a")
    assert query["X-Amz-Credential"][0].startswith("another/") and query["X-Amz-Security-Token"] == ["another"]
    assert signed("s3://bucket/a", "ENV")[1]["X-Amz-Credential"][0].startswith("another/")


def test_session_tokens_endpoints_and_styles(remote: Any) -> None:
    _, query, *_ = signed("s3://bucket/a", {**KEYS, "aws_session_token": "to/ken="})
    assert query["X-Amz-Security-Token"] == ["to/ken="]
    parts, *_ = signed("s3://bucket/a", {**KEYS, "endpoint_url": "http://minio:9000"})
    assert (parts.scheme, parts.netloc, parts.path.split("/")[1]) == ("http", "minio:9000", "bucket")
    parts, *_ = signed("s3://bucket/a", {**KEYS, "endpoint_url": "http://minio:9000", "addressing_style": "virtual"})
    assert (parts.netloc, parts.path.split("/")[1]) == ("bucket.minio:9000", "a")
    parts, *_ = signed("s3://bucket/a", {**KEYS, "addressing_style": "virtual", "region": "eu-west-1"})
    assert parts.netloc == "bucket.s3.eu-west-1.amazonaws.com"
    _, query, *_ = signed("s3://bucket/a", {**KEYS, "requester_pays": True})
    assert query["x-amz-request-payer"] == ["requester"]


@pytest.mark.parametrize("word", ["unsigned", "anon", "skip_signature"])
def test_public_buckets(word: str) -> None:
    parts, query, headers, _ = signed("s3://bucket/a", {word: True, "aws_region": "eu-west-1"})
    assert (parts.netloc, parts.path) == ("s3.eu-west-1.amazonaws.com", "/bucket/a/k%20y/%C3%A4%3F%25")
    assert query == {} and headers == {}
    parts, query, headers, _ = signed("s3://bucket/a", {word: True, "endpoint_url": "http://minio:9000/"})
    assert parts.geturl() == "http://minio:9000/bucket/a/k%20y/%C3%A4%3F%25"
    assert signed("gs://bucket/a", {word: True})[0].geturl().startswith("https://storage.googleapis.com/bucket/a/")
    made = signed("az://account/container/a", {word: True})[0].geturl()
    assert made.startswith("https://account.blob.core.windows.net/container/a/") and "?" not in made


def test_profiles(remote: Any, monkeypatch: Environment, tmp_path: Path) -> None:
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = first\naws_secret_access_key = a%b\n"
        "[other]\naws_access_key_id = second\naws_secret_access_key = x\naws_session_token = token\n"
    )
    (folder / "config").write_text("[profile other]\nregion = eu-north-1\nendpoint_url = http://minio:9000\n")
    assert signed("s3://bucket/a")[1]["X-Amz-Credential"][0].startswith("first/")
    parts, query, *_ = signed("s3://bucket/a", {"profile_name": "other"})
    assert query["X-Amz-Credential"][0].startswith("second/") and query["X-Amz-Security-Token"] == ["token"]
    assert "eu-north-1" in query["X-Amz-Credential"][0] and parts.netloc == "minio:9000"
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert signed("s3://bucket/a")[1]["X-Amz-Credential"][0].startswith("second/")
    assert signed("s3://bucket/a", KEYS)[1]["X-Amz-Credential"][0].startswith(ACCESS_KEY)
    with pytest.raises(ConfigError, match="no AWS profile 'third'"):
        signed("s3://bucket/a", {"profile_name": "third"})
    (folder / "credentials").write_text("aws_secret_access_key = sEcReT\n")
    with pytest.raises(ConfigError, match="cannot be read") as raised:
        signed("s3://bucket/a")
    assert "sEcReT" not in str(raised.value)


def test_a_profile_that_runs_a_program(remote: Any, tmp_path: Path) -> None:
    folder = tmp_path / ".aws"
    folder.mkdir()
    program = tmp_path / "program"
    keys = {"Version": 1, "AccessKeyId": "made", "SecretAccessKey": "x", "SessionToken": "t"}
    program.write_text(f"#!/bin/sh\necho '{json.dumps(keys)}'\n")
    program.chmod(0o755)
    (folder / "config").write_text(f"[profile made]\ncredential_process = {program}\n")
    _, query, *_ = signed("s3://bucket/a", {"profile_name": "made"})
    assert query["X-Amz-Credential"][0].startswith("made/") and query["X-Amz-Security-Token"] == ["t"]


def test_a_callable_is_asked_again(remote: Any) -> None:
    asked: list[float] = []

    def ask() -> dict[str, Any]:
        asked.append(time.time())
        return {**KEYS, "aws_session_token": f"token{len(asked)}", "expiration": ends}

    address = parse_address("s3://bucket/a")
    assert address is not None
    ends: Any
    ends = datetime.now(timezone.utc) + timedelta(hours=2)
    store = RemoteStore(address, ask)
    for _ in range(3):
        ((url, _, seconds),) = store.sign(["x"])
        assert "token1" in url and seconds == 3600
    ((url, _, _),) = store.sign(["x"], fresh=True)
    assert "token2" in url and len(asked) == 2
    # What ends soon is asked for again, and addresses are not good for longer than what signed them.
    soon = time.time() + 30
    for end in (soon, str(soon), datetime.fromtimestamp(soon, timezone.utc)):
        ends = end
        store = RemoteStore(address, ask)
        before = len(asked)
        ((url, _, seconds),) = store.sign(["x"])
        assert f"token{before + 1}" in url and 1 <= seconds <= 30


def test_a_callable_that_fails(remote: Any) -> None:
    def fails() -> dict[str, str]:
        raise RuntimeError("it knows sEcReT")

    for given, error in ((fails, AccessDeniedError), (lambda: "text", ConfigError)):
        with pytest.raises(error) as raised:
            signed("s3://bucket/a", given)
        assert "sEcReT" not in str(raised.value) and raised.value.__context__ is None


def test_wrong_credentials_are_refused_by_name(remote: Any) -> None:
    wrong: list[tuple[str, Any, str]] = [
        ("s3://b/a", {"aws_acces_key_id": "sEcReT"}, "aws_acces_key_id.*Did you mean 'aws_access_key_id'"),
        ("s3://b/a", {"aws_access_key_id": "sEcReT"}, "belong together"),
        ("s3://b/a", {**KEYS, "endpoint_url": "minio:9000"}, "must begin with http"),
        ("s3://b/a", {**KEYS, "addressing_style": "dns"}, "'auto', 'path' or 'virtual'"),
        ("s3://b/a", {**KEYS, "requester_pays": "yes"}, "True or False"),
        ("s3://b/a", {"unsigned": True, "requester_pays": True}, "has to sign"),
        ("s3://b/a", {"aws_access_key_id": b"sEcReT", "aws_secret_access_key": "x"}, "must be text"),
        ("s3://b/a", {**KEYS, "expiration": "sEcReT"}, "no time"),
        ("gs://b/a", {"private_key": "sEcReT"}, "no service account"),
        ("gs://b/a", "/no/such/file", "cannot be read: No such file"),
        ("gs://b/a", 7, "not int"),
        ("az://acc/c/a", {"acount_key": "sEcReT"}, "account_key"),
        ("abfs://c/a", {"account_key": "sEcReT"}, "no account"),
        ("https://h/a", {"headers": {"A": "sEcReT\r\n"}}, "without line ends"),
    ]
    for url, creds, words in wrong:
        with pytest.raises(ConfigError, match=words) as raised:
            signed(url, creds)
        assert "sEcReT" not in str(raised.value), (url, words)
    for url, creds in (("s3://b/a", {"creds_key": "k"}), ("gs://b/a", "browser"), ("gs://b/a", "cache")):
        with pytest.raises(UnsupportedError):
            signed(url, creds)


def test_forms_of_google(remote: Any, monkeypatch: Environment, tmp_path: Path) -> None:
    account = service_account()
    file = tmp_path / "account.json"
    file.write_text(json.dumps(account))
    for given in (account, str(file), file, {"service_account": str(file)}, lambda: account):
        parts, query, headers, _ = signed("gcs://bucket/a b", given)
        assert (parts.netloc, parts.path) == ("storage.googleapis.com", "/bucket/a%20b/k%20y/%C3%A4%3F%25")
        assert query["X-Goog-Credential"][0].startswith("a@b.example") and headers == {}
    for given in (None, "google_default", "ENV"):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert "X-Goog-Signature" in signed("gs://bucket/a", given)[1]
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    parts, query, headers, _ = signed("gs://bucket/a", {"gcs_oauth_token": "ya29"})
    assert query == {} and headers == {"Authorization": "Bearer ya29"}
    assert signed("gs://bucket/a", "anon")[1:3] == ({}, {})
    file.write_text(json.dumps({"type": "authorized_user", "refresh_token": "x"}))
    with pytest.raises(UnsupportedError, match="a user's"):
        signed("gs://bucket/a", str(file))


def test_forms_of_azure(remote: Any, monkeypatch: Environment) -> None:
    key = "c2VjcmV0LWtleQ=="
    for url, creds in (
        ("az://account/container/a b", {"account_key": key}),
        ("abfs://container/a b", {"account_key": key, "account_name": "account"}),
        ("abfss://container@account.dfs.core.windows.net/a b", {"account_key": key}),
    ):
        parts, query, *_ = signed(url, creds)
        assert parts.netloc == "account.blob.core.windows.net"
        assert parts.path == "/container/a%20b/k%20y/%C3%A4%3F%25" and query["sp"] == ["rl"] and query["sr"] == ["c"]
    end = (datetime.now(timezone.utc) + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for creds in ({"sas_token": f"?se={end}&sig=a%2Bb"}, {"sas_token": f"se={end}&sig=a%2Bb"}):
        parts, query, _, seconds = signed("az://account/container/a", creds)
        assert query["sig"] == ["a+b"] and 500 < seconds <= 600
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sig=fromthere")
    assert signed("az://account/container/a")[1]["sig"] == ["fromthere"]


def test_headers_of_web_servers() -> None:
    assert signed("https://host/a")[1:3] == ({}, {})
    assert signed("https://host/a", {"token": "t"})[2] == {"Authorization": "Bearer t"}
    assert signed("https://host/a", {"headers": {"X-Key": "t"}})[2] == {"X-Key": "t"}


def test_without_obstore_the_extra_is_named(monkeypatch: Environment) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'penstock\[remote\]'"):
        signed("s3://bucket/a", KEYS)
    # What needs no signature needs no obstore.
    assert signed("s3://bucket/a", {"unsigned": True})[1] == {}
    assert signed("https://host/a")[1] == {}

"""What addresses name, and which name nothing."""

from __future__ import annotations

import pytest

from penstock.errors import DatasetNotFoundError
from penstock.storage.address import parse_address, scheme_of, shown

NAMED = [
    ("s3://bucket/a/b", ("s3", "bucket", "a/b", "")),
    ("s3://bucket/a/b/", ("s3", "bucket", "a/b", "")),
    ("S3://bucket", ("s3", "bucket", "", "")),
    ("s3a://bucket/x y/%20?#+ä", ("s3", "bucket", "x y/%20?#+ä", "")),
    ("gs://bucket/a", ("gs", "bucket", "a", "")),
    ("gcs://bucket/a", ("gs", "bucket", "a", "")),
    ("gcp://bucket/a", ("gs", "bucket", "a", "")),
    ("az://account/container/a/b", ("az", "container", "a/b", "account")),
    ("azure://account/container", ("az", "container", "", "account")),
    ("abfs://container/a", ("az", "container", "a", "")),
    ("abfss://container@account.dfs.core.windows.net/a", ("az", "container", "a", "account")),
    ("https://host:8080/a%20b/c", ("https", "host:8080", "a b/c", "")),
    ("http://host/", ("http", "host", "", "")),
]
NAMELESS = [
    *("s3://", "s3:///a", "gs:///a", "az://account", "az://account//a", "abfs:///a", "https:///a", "http://host:port/"),
    *("s3://bucket/a//b", "s3://bucket/../b", "s3://bucket/./b", "s3://bucket/a/..", "https://host/a/%2e%2e/b"),
    *("s3://key:secret@bucket/a", "s3://bucket:9000/a", "abfs://container@elsewhere.example/a", "s3://bucket/\0"),
    *("https://user:secret@host/a", "https://host/a?sig=secret", "https://host/a#secret", "s3://bucket/\ud800"),
]


@pytest.mark.parametrize(("url", "parts"), NAMED, ids=[url for url, _ in NAMED])
def test_what_an_address_names(url: str, parts: tuple[str, ...]) -> None:
    found = parse_address(url)
    assert found is not None
    assert (found.scheme, found.bucket, found.key, found.account) == parts
    assert found.within("x").key == f"{found.key}/x".lstrip("/") and found.within("x").text == f"{found.text}/x"
    assert not found.text.endswith("/")


@pytest.mark.parametrize("url", NAMELESS, ids=ascii)
def test_an_address_that_names_nothing_is_refused(url: str) -> None:
    with pytest.raises(DatasetNotFoundError, match="names no dataset") as raised:
        parse_address(url)
    assert raised.value.hint and "secret" not in str(raised.value)


def test_other_schemes_are_those_of_others() -> None:
    for url in ("hub://a/b", "gdrive://a", "ftp://host/a"):
        assert parse_address(url) is None and scheme_of(url) == url.partition(":")[0]
    assert scheme_of("/a/b") is None and scheme_of("C:\\a") is None


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert shown("https://user:secret@host/a%20b?sig=secret#secret") == "https://host/a%20b"
    assert "secret" not in shown("https://[user:secret@host/a?secret")

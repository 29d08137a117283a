"""Web servers, links to URLs, objects of deeplake's, hub:// and what fsspec reads."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import (
    AccessDeniedError,
    DatasetNotFoundError,
    LinkNotFoundError,
    MissingExtraError,
    UnsupportedError,
)
from penstock.storage.prefetched import PrefetchedStore
from penstock.storage.remote import RemoteStore
from support.buckets import ACCESS_KEY, BUCKET, S3, SECRET_KEY
from support.file_server import FileServer, Handler
from support.images import jpeg, picture
from support.lake import new_lake
from support.same import assert_same

Lakes = Callable[[str], Path]
Buckets = Callable[[str], str]


def assert_same_samples(ours: penstock.Dataset, theirs: penstock.Dataset) -> None:
    assert list(ours.tensors) == list(theirs.tensors) and len(ours) == len(theirs)
    for name, tensor in theirs.tensors.items():
        for index in range(len(tensor)):
            assert_same(ours[name][index], tensor[index], (name, index))


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_web_server(knows_ranges: bool, web: FileServer, lake: Lakes, native: Any) -> None:
    shutil.copytree(lake("annotations"), web.root / "a b" / "d%")
    web.knows_ranges = knows_ranges
    url = f"{web.url}/a%20b/d%25/"
    assert_same_samples(penstock.open(url), penstock.open(lake("annotations")))
    for loader_type in ("python", "c++"):
        with penstock.DataLoader(url, batch_size=3, loader_type=loader_type) as loader:
            assert len(list(loader)) == len(loader)
    with pytest.raises(DatasetNotFoundError, match="no Deep Lake dataset"):
        penstock.open(f"{web.url}/elsewhere")


def test_a_web_server_that_asks_for_a_token(web: FileServer, lake: Lakes) -> None:
    shutil.copytree(lake("scalars"), web.root / "d")

    def check(request: Handler) -> bool:
        if request.headers.get("Authorization") == "Bearer t2":
            return False
        request.answer(401, b"")
        return True

    web.fault = check
    with pytest.raises(AccessDeniedError, match="401"):
        penstock.open(f"{web.url}/d", creds={"token": "t1"})
    tokens = iter(["t1", "t2"])
    # The first one has expired on its way, and a second one is asked for.
    assert len(penstock.open(f"{web.url}/d", creds=lambda: {"token": next(tokens)})) > 0


def test_links_to_urls(web: FileServer, s3: S3, native: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = jpeg(picture(8, 9))
    (web.root / "a b.jpg").write_bytes(image)
    s3.client.put_object(Bucket=BUCKET, Key="links/ä b%.jpg", Body=image)
    signed = s3.client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "links/ä b%.jpg"})
    targets = [f"{web.url}/a b.jpg", f"{web.url}/a%20b.jpg?x=1", f"s3://{BUCKET}/links/ä b%.jpg", signed]
    missing = [f"{web.url}/none.jpg?sig=sEcReT", "s3://no-such-bucket/x.jpg", "nothing://host/x.jpg"]
    with new_lake(tmp_path / "lake") as lake:
        lake.add_creds_key("here")
        lake.populate_creds("here", from_environment=True)
        lake.create_tensor("x", htype="link[image]", sample_compression="jpeg", verify=False)
        lake.x.extend([linked(target) for target in [*targets, *missing]])
    for name, value in (
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_ENDPOINT_URL", s3.url),
    ):
        monkeypatch.setenv(name, value)
    tensor = penstock.open(tmp_path / "lake")["x"]
    for index in range(len(targets)):
        assert tensor.bytes(index) == image and tensor[index].shape == (8, 9, 3)
    for index, (error, words) in enumerate(
        ((LinkNotFoundError, "none.jpg' is not there"), (LinkNotFoundError, "no bucket"), (UnsupportedError, "nothing://"))
    ):
        with pytest.raises(error, match=words) as raised:
            tensor.bytes(len(targets) + index)
        assert raised.value.index == len(targets) + index and "sEcReT" not in str(raised.value)
    with penstock.DataLoader(tmp_path / "lake", 2, loader_type="c++") as loader:
        assert next(iter(loader))["x"].shape == (2, 8, 9, 3)


def linked(target: str) -> Any:
    """Of what is in a bucket, Deep Lake wants the name of credentials."""
    import deeplake

    return deeplake.link(target, None if target.startswith("http") else "here")


def load_by_deeplake(address: str, creds: Any) -> Any:
    import deeplake

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return deeplake.load(address, creds=creds, read_only=True, verbose=False, check_integrity=False)


def test_an_object_of_deeplake_is_read_by_its_own_address(s3: S3, deeplake: Any, lake: Lakes) -> None:
    address = s3.put(lake("annotations"), "plain/annotations")
    theirs = load_by_deeplake(address, s3.creds(aws_region="us-east-1"))
    ours = penstock.open(theirs)
    assert isinstance(ours.store, PrefetchedStore) and isinstance(ours.store.whole, RemoteStore)
    assert_same_samples(ours, penstock.open(lake("annotations")))
    assert SECRET_KEY.encode() not in pickle.dumps(ours)
    assert len(penstock.open(theirs[1:3])) == 2
    with penstock.DataLoader(theirs[[4, 2]], batch_size=2) as loader:
        (batch,) = list(loader)
    assert_same(batch["labels"][0].numpy(), theirs.labels[4].numpy(), 4)


def test_without_the_extra_it_is_read_through_its_provider(
    s3: S3, deeplake: Any, lake: Lakes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address = s3.put(lake("scalars"), "plain/scalars")
    theirs = load_by_deeplake(address, s3.creds(aws_region="us-east-1"))
    monkeypatch.setitem(sys.modules, "obstore", None)
    caplog.set_level(logging.INFO, "penstock")
    ours = penstock.open(theirs)
    assert "penstock[remote]" in caplog.text and not isinstance(ours.store, PrefetchedStore)
    assert_same_samples(ours, penstock.open(lake("scalars")))


def test_hub(s3: S3, deeplake: Any, lake: Lakes, web: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import deeplake.client.client as client

    address = s3.put(lake("annotations"), "hub/annotations")
    asked: list[str] = []

    def backend(request: Handler) -> bool:
        asked.append(request.path)
        if request.headers.get("Authorization") != "Bearer right":
            request.answer(403, b'{"description": "no"}')
            return True
        answer: dict[str, Any] = {"_id": "user", "organizations": ["org"]}
        if "/creds" in request.path:
            creds = {**s3.creds(aws_session_token=f"token{len(asked)}"), "expiration": "4000000000", "more": "x"}
            answer = {"path": address, "creds": creds, "mode": "r", "repository": "x"}
        request.answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})
        return True

    web.fault = backend
    monkeypatch.setattr(client, "HUB_REST_ENDPOINT", web.url)
    ours = penstock.open("hub://org/annotations", creds={"token": "right"})
    assert ours.path == address and any("/api/org/org/ds/annotations/creds" in path for path in asked)
    assert_same_samples(ours, penstock.open(lake("annotations")))
    before = len(asked)
    assert isinstance(ours.store, PrefetchedStore) and isinstance(ours.store.whole, RemoteStore)
    ((url, _, _),) = ours.store.whole.sign(["x"], fresh=True)
    assert len(asked) > before and f"token{len(asked)}" in url
    assert b"right" not in pickle.dumps(ours)
    # Credentials of one's own come before those of Deep Lake.
    with pytest.raises(AccessDeniedError):
        penstock.open("hub://org/annotations", creds={"token": "wrong"})
    for wrong in ("hub://org", "hub:///x", "hub://org/name@branch"):
        with pytest.raises(DatasetNotFoundError, match="hub://organisation/dataset"):
            penstock.open(wrong)


def test_hub_without_deeplake(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "deeplake"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "deeplake", None)
    for url in ("hub://org/name", "gdrive://folder"):
        with pytest.raises(MissingExtraError, match=r"penstock\[hub\]"):
            penstock.open(url)


def test_what_fsspec_reads(lake: Lakes) -> None:
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.put(str(lake("scalars")), "/folder/scalars", recursive=True)
    ours = penstock.open("memory://folder/scalars")
    assert_same_samples(ours, penstock.open(lake("scalars")))
    with penstock.DataLoader(ours, batch_size=2) as loader:
        assert len(list(loader)) == len(loader)
    with pytest.raises(DatasetNotFoundError):
        penstock.open("memory://folder/none")
    with pytest.raises(UnsupportedError, match="nothing is known to read nonsense://"):
        penstock.open("nonsense://x/y")


def test_file_urls_are_paths(lake: Lakes) -> None:
    assert penstock.open(f"file://{lake('scalars')}").path == str(lake("scalars"))

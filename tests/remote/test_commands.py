"""The commands read buckets, and ``copy`` brings a dataset to a disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.cli import main
from penstock.errors import ConfigError, PenstockError, StorageError
from penstock.storage.copying import copy_dataset
from penstock.storage.network import NetworkOptions
from support.buckets import BUCKET, S3, SECRET_KEY

Lakes = Callable[[str], Path]
Buckets = Callable[[str], str]


@pytest.fixture
def creds_file(s3: S3, tmp_path: Path) -> Path:
    file = tmp_path / "creds.json"
    file.write_text(json.dumps(s3.creds()))
    return file


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_info_verify_bench_and_show(
    native: Any, lake: Lakes, in_bucket: Buckets, creds_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = in_bucket("jpeg_images")
    assert run("info", address, "--creds", creds_file, "--json") == 0
    assert json.loads(capsys.readouterr().out)["path"] == address
    assert run("verify", lake("jpeg_images")) == 1, "its tensors differ in length"
    here = capsys.readouterr().out
    assert run("verify", address, "--creds", creds_file) == 1
    assert capsys.readouterr().out == here.replace(str(lake("jpeg_images")), address)
    settings = ("--tensors", "images", "--batch-size", 2, "--epochs", 1, "--json")
    assert run("bench", address, "--creds", creds_file, *settings) == 0
    assert json.loads(capsys.readouterr().out)["path"] == address
    assert run("show", address, "--creds", creds_file, "-n", 1, "--images", "images", "--out", tmp_path / "x.png") == 0
    assert (tmp_path / "x.png").exists()


def test_the_environment_serves_too(
    s3: S3, in_bucket: Buckets, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET_KEY)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    assert run("info", in_bucket("annotations")) == 0


def test_a_file_of_credentials_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.json"
    for content, why in (("{'sEcReT'", "it is no JSON"), ("[]", "no JSON object"), (None, "No such file")):
        wrong.unlink(missing_ok=True)
        if content is not None:
            wrong.write_text(content)
        assert run("info", "s3://b/x", "--creds", wrong) == 1
        said = capsys.readouterr().err
        assert why in said and "sEcReT" not in said


def contents(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def without_locks(root: Path) -> dict[str, bytes]:
    """A lock is that of whoever writes the source."""
    return {name: data for name, data in contents(root).items() if not name.endswith(".lock")}


def test_copy(
    s3: S3, lake: Lakes, in_bucket: Buckets, creds_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "copies" / "viewed"
    assert run("copy", in_bucket("viewed"), target, "--creds", creds_file, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    there = without_locks(lake("viewed"))
    assert contents(target) == there
    assert said == {"files": len(there), "data_bytes": sum(map(len, there.values())), "kept": 0}
    for options in ({}, {"view": "slice"}):
        assert penstock.open(target, **options).fingerprint() == penstock.open(lake("viewed"), **options).fingerprint()
    assert run("copy", in_bucket("viewed"), target, "--creds", creds_file) == 1
    assert "is not empty" in capsys.readouterr().err


def test_a_copy_goes_on_where_it_ended(s3: S3, lake: Lakes, in_bucket: Buckets, tmp_path: Path) -> None:
    address, target = in_bucket("annotations"), tmp_path / "copy"
    told: list[tuple[int, int]] = []

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 5:
            raise Stopped

    one_by_one = NetworkOptions(connections=1)
    with pytest.raises(Stopped):
        copy_dataset(address, target, creds=s3.creds(), network=one_by_one, progress=stop)
    # The dataset cannot be opened before all of it is there.
    assert not (target / "dataset_meta.json").exists()
    with pytest.raises(PenstockError):
        penstock.open(target)
    part = next(target.rglob("*.penstock-part"), None)
    with pytest.raises(ConfigError, match="a part of a copy of"):
        copy_dataset(in_bucket("scalars"), target, creds=s3.creds())
    # What was changed on the disk meanwhile is copied again.
    damaged = next(file for file in target.rglob("*") if file.is_file() and file.suffix == "" and file != part)
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    s3.forget()
    copied = copy_dataset(address, target, creds=s3.creds(), progress=lambda done, total: told.append((done, total)))
    there = without_locks(lake("annotations"))
    assert contents(target) == there and copied.kept >= 3 and copied.files + copied.kept == len(there)
    assert told[-1] == (sum(map(len, there.values())),) * 2
    asked = [request.path for request in s3.seen if "/chunks/" in request.path]
    assert len(asked) == len(set(asked)) < len([name for name in there if "/chunks/" in name]) + 1


def test_what_cannot_be_copied_is_said(s3: S3, tmp_path: Path, lake: Lakes) -> None:
    with pytest.raises(ConfigError, match="a copy is a URL"):
        copy_dataset(str(lake("scalars")), tmp_path / "x")
    with pytest.raises(ConfigError, match="nothing at the source"):
        copy_dataset(f"s3://{BUCKET}/none", tmp_path / "x", creds=s3.creds())
    with pytest.raises(penstock.errors.DatasetNotFoundError, match="no bucket"):
        copy_dataset("s3://no-such-bucket/none", tmp_path / "x", creds=s3.creds())
    with pytest.raises(penstock.errors.UnsupportedError, match="does not list"):
        copy_dataset(f"{s3.url}/x", tmp_path / "x")
    (tmp_path / "file").write_text("x")
    address = s3.put(lake("scalars"), "plain/copied")
    with pytest.raises((ConfigError, StorageError), match="is a file"):
        copy_dataset(address, tmp_path / "file", creds=s3.creds())
    assert not (tmp_path / "x").exists()

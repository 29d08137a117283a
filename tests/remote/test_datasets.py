"""Datasets in a bucket have the samples of those in a directory."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from support.buckets import BUCKET, S3, upload
from support.lake import open_lake
from support.same import assert_same

Lakes = Callable[[str], Path]
Buckets = Callable[[str], str]

KINDS = ("jpeg_images", "texts", "committed", "tiled", "sequences")
LOADERS = ("python", "c++")


def test_the_samples_are_those_of_the_directory(s3: S3, lake: Lakes, in_bucket: Buckets) -> None:
    for name in KINDS:
        here, there = penstock.open(lake(name)), penstock.open(in_bucket(name), creds=s3.creds())
        assert list(there.tensors) == list(here.tensors) and there.commit_id == here.commit_id
        assert there.fingerprint() == here.fingerprint()
        for tensor in here.tensors:
            if here[tensor].unsupported() is None:
                assert len(there[tensor]) == len(here[tensor])
                for index in range(len(here[tensor])):
                    assert_same(there[tensor][index], here[tensor][index], (name, tensor, index))


@pytest.mark.parametrize("loader_type", LOADERS)
def test_both_loaders_give_the_batches_of_the_directory(
    loader_type: str, native: Any, s3: S3, lake: Lakes, in_bucket: Buckets
) -> None:
    options: dict[str, Any] = {"batch_size": 4, "shuffle": "full", "seed": 3, "loader_type": loader_type}
    with (
        penstock.DataLoader(lake("jpeg_images"), **options) as here,
        penstock.DataLoader(in_bucket("jpeg_images"), creds=s3.creds(), **options) as there,
    ):
        for ours, theirs in zip(there, here, strict=True):
            assert_same(as_arrays(ours), as_arrays(theirs), loader_type)


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.parametrize("loader_type", LOADERS)
def test_worker_processes_read_the_bucket(
    loader_type: str, start: str, native: Any, s3: S3, lake: Lakes, in_bucket: Buckets
) -> None:
    address = in_bucket("annotations")
    # The parent has made requests, so that children of a fork inherit what it has made for that.
    dataset = penstock.open(address, creds=s3.creds())
    assert len(dataset) == len(penstock.open(lake("annotations")))
    options: dict[str, Any] = {"batch_size": 4, "loader_type": loader_type, "num_workers": 2}
    with (
        penstock.DataLoader(lake("annotations"), batch_size=4, loader_type="python") as here,
        penstock.DataLoader(dataset, multiprocessing_context=start, transform=unchanged, **options) as there,
    ):
        for ours, theirs in zip(there, here, strict=True):
            assert_same(as_arrays(ours), as_arrays(theirs), loader_type)


def as_arrays(batch: dict[str, Any]) -> dict[str, Any]:
    """Tensors of torch as arrays, which are what ``assert_same`` compares."""

    def turned(value: Any) -> Any:
        if isinstance(value, list):
            return [turned(item) for item in value]
        return value.numpy() if isinstance(value, torch.Tensor) else value

    return {name: turned(value) for name, value in batch.items()}


def unchanged(sample: dict[str, Any]) -> dict[str, Any]:
    return sample


def test_commits_branches_and_views(s3: S3, lake: Lakes, in_bucket: Buckets) -> None:
    path, address = lake("viewed"), in_bucket("viewed")
    with open_lake(path) as theirs:
        first = theirs.commits[-1]["commit"]
    for options in ({"commit": first}, {"view": "slice"}, {"view": "single"}):
        here, there = penstock.open(path, **options), penstock.open(address, creds=s3.creds(), **options)
        assert len(here) == len(there) and here.fingerprint() == there.fingerprint()
        for tensor in here.tensors:
            assert_same(there[tensor][0], here[tensor][0], (options, tensor))
    branched = penstock.open(in_bucket("branched"), creds=s3.creds())
    assert penstock.open(branched, commit=branched.branch).commit_id == branched.commit_id
    with pytest.raises(penstock.errors.CommitNotFoundError):
        penstock.open(address, commit="nonsense", creds=s3.creds())
    with pytest.raises(penstock.errors.ViewNotFoundError, match="slice"):
        penstock.open(address, view="slise", creds=s3.creds())


def test_a_large_chunk_is_read_by_its_samples(s3: S3, tmp_path: Path, deeplake: Any) -> None:
    from support.lake import new_lake

    with new_lake(tmp_path / "large") as theirs:
        theirs.create_tensor("x", dtype="uint8", max_chunk_size=8 << 20)
        theirs.x.extend(np.random.default_rng(0).integers(0, 255, (6, 700_000), dtype=np.uint8))
    address = s3.put(tmp_path / "large", "large")
    tensor = penstock.open(address, creds=s3.creds())["x"]
    here = penstock.open(tmp_path / "large")["x"]
    s3.forget()
    for index in (5, 0, 3):
        assert_same(tensor[index], here[index], index)
    chunk_requests = [request for request in s3.seen if "/chunks/" in request.path]
    # One of the chunk's beginning, and one for each sample.
    assert len(chunk_requests) == 4 and all(request.status == 206 for request in chunk_requests)


def test_a_small_chunk_costs_one_request(s3: S3, in_bucket: Buckets) -> None:
    dataset = penstock.open(in_bucket("annotations"), creds=s3.creds())
    s3.forget()
    for tensor in dataset.tensors.values():
        _ = tensor[0], tensor[len(tensor) - 1]
    assert len(s3.seen) == len({request.path for request in s3.seen})


def test_a_dataset_in_the_bucket_itself(s3: S3, lake: Lakes) -> None:
    s3.client.create_bucket(Bucket="whole-bucket")
    upload(s3.client, lake("scalars"), "whole-bucket")
    for address in ("s3://whole-bucket", "s3://whole-bucket/"):
        assert len(penstock.open(address, creds=s3.creds())) == len(penstock.open(lake("scalars")))


def test_what_is_no_dataset_is_named(s3: S3) -> None:
    s3.client.put_object(Bucket=BUCKET, Key="other/file", Body=b"x")
    with pytest.raises(penstock.errors.DatasetNotFoundError, match="no Deep Lake dataset"):
        penstock.open(f"s3://{BUCKET}/other", creds=s3.creds())
    with pytest.raises(penstock.errors.DatasetNotFoundError, match="there is no bucket 'no-such-bucket'"):
        penstock.open("s3://no-such-bucket/x", creds=s3.creds())


def test_a_dataset_pickles_where_its_credentials_are_known(s3: S3, in_bucket: Buckets) -> None:
    dataset = penstock.open(in_bucket("annotations"), creds=s3.creds())
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.fingerprint() == dataset.fingerprint()


def test_deeplake_4_in_a_bucket_is_recognised(s3: S3, deeplake: Any) -> None:
    s3.client.put_object(Bucket=BUCKET, Key="four/_deeplake_log/_meta/next_base", Body=b"")
    with pytest.raises(penstock.errors.UnsupportedError, match="this is a Deep Lake 4 dataset"):
        penstock.open(f"s3://{BUCKET}/four", creds=s3.creds())

"""A Deep Lake 4 dataset in a bucket: its package gets the address and the credentials."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import PenstockError
from support.buckets import S3, SECRET_KEY
from support.require import require


@pytest.fixture(scope="module")
def s3(deeplake4: Any) -> Iterator[S3]:
    require("remote")
    server = S3()
    yield server
    server.close()


def test_a_dataset_in_a_bucket(s3: S3, lake4: Callable[[str], Path]) -> None:
    path = lake4("every_type")
    address = s3.put(path, "four")
    # The package takes no endpoint without a region.
    creds = s3.creds(aws_region="us-east-1")
    here, there = penstock.open(path), penstock.open(address, creds=creds)
    assert list(there.tensors) == list(here.tensors) and len(there) == len(here)
    for index in range(len(here)):
        assert np.array_equal(there["label"][index], here["label"][index])
        assert there["jpegs"].bytes(index) == here["jpegs"].bytes(index)
    copy = pickle.loads(pickle.dumps(there))
    assert copy.fingerprint() == there.fingerprint()
    assert SECRET_KEY.encode() not in pickle.dumps(there) and SECRET_KEY not in repr(there)


def test_what_the_package_says_of_credentials_is_kept_back(s3: S3, lake4: Callable[[str], Path]) -> None:
    address = s3.put(lake4("every_type"), "four")
    creds = s3.creds(aws_region="us-east-1")
    with pytest.raises(PenstockError) as raised:
        penstock.open(address, commit="no-such-commit", creds=creds)
    assert SECRET_KEY not in str(raised.value)

"""A dataset in a bucket, read through the network and then from the disk cache."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from support.buckets import ACCESS_KEY, S3, SECRET_KEY
from support.require import require
from support.tutorials import run_tutorial

require("remote")

KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def s3() -> Iterator[S3]:
    server = S3()
    yield server
    server.close()


def image_requests(server: S3) -> list[Any]:
    return [seen for seen in server.seen if "/images/chunks/" in seen.path and seen.method == "GET"]


def test_a_second_run_reads_from_the_disk(s3: S3, classified: tuple[Path, str], tmp_path: Path) -> None:
    """With keys from the environment."""
    dataset = classified[0] / "train"
    url = s3.put(dataset, "shapes")
    arguments = ["--url", url, "--endpoint-url", s3.url, "--out", tmp_path]
    written = [run_tutorial("streaming", *arguments, environment=KEYS)]
    first = image_requests(s3)
    s3.forget()
    written.append(run_tutorial("streaming", *arguments, environment=KEYS))
    second = image_requests(s3)
    assert first and {seen.status for seen in first} <= {200, 206}
    # A byte of each chunk tells whether it has changed.
    assert second and {seen.range for seen in second} == {"bytes=0-0"}
    for text, from_disk in zip(written, (False, True), strict=True):
        assert re.search(r"epoch 2: 601 samples", text)
        assert (int(re.findall(r"(\d+) chunks from the disk", text)[0]) > 0) == from_disk
        assert not any(key in text for key in KEYS.values() if key != "true")
    images = penstock.open(dataset)["images"]
    total = sum(images[index].sum((0, 1), dtype=np.int64) for index in range(len(images)))
    pixels = sum(images[index].shape[0] * images[index].shape[1] for index in range(len(images)))
    for text in written:
        assert f"mean color: {np.round(total / pixels, 1).tolist()}" in text


def test_the_pretended_bucket(deeplake: Any, native: Any, tmp_path: Path) -> None:
    """What a reader without a bucket runs."""
    written = run_tutorial("streaming", "--out", tmp_path)
    assert "s3://pretended/shapes: 600 samples" in written
    assert len(re.findall(r"epoch [12]: 600 samples", written)) == 2
    assert "GET " not in written

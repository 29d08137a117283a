"""Datasets for the pages' blocks, and a bucket on the loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.buckets import S3
from support.doc_world import Lakes
from support.require import require


@pytest.fixture(scope="session")
def doc_lakes(tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    return Lakes.written(tmp_path_factory.mktemp("lakes"))


@pytest.fixture(scope="session")
def bucket() -> Iterator[Callable[[], S3]]:
    """Gives moto's S3 with a bucket named "bucket", started when it is asked for first."""
    servers: list[S3] = []

    def get() -> S3:
        if not servers:
            require("remote")
            servers.append(S3())
            servers[0].client.create_bucket(Bucket="bucket")
        return servers[0]

    yield get
    for server in servers:
        server.close()

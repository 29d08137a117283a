"""penstock view of a dataset in a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import penstock
from support.buckets import S3
from support.seen_lakes import write_seen_lake
from support.view_clients import ask, viewing


def test_a_bucket_looks_like_a_directory(s3: S3, deeplake: Any, tmp_path: Path) -> None:
    path = write_seen_lake(tmp_path / "lake", 6)
    url = s3.put(path, "seen")
    with viewing(path) as local, viewing(penstock.open(url, creds=s3.creds())) as remote:
        for place in ("api/samples", "api/samples?label=2", "api/classes", "api/sample?index=1"):
            assert ask(remote.url, place).json == ask(local.url, place).json
        assert ask(remote.url, "image?index=5").body == ask(local.url, "image?index=5").body
        head = ask(remote.url, "api/dataset")
        assert head.json["path"] == url
        assert b"sEcReT" not in head.body and b"Signature" not in head.body

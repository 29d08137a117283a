"""``deeplake_path`` with a URL, and ``deeplake_credentials``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.file_server import FileServer, Handler, serving
from support.require import require

require("mmdet")

from penstock.integrations.mmdet.building import build_dataset  # noqa: E402
from penstock.integrations.openmmlab.credentials import creds_of  # noqa: E402

STEPS = [
    {"type": "LoadImageFromFile"},
    {"type": "LoadAnnotations", "with_bbox": True},
    {"type": "DefaultFormatBundle"},
    {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels"], "meta_keys": ["filename"]},
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    with serving(tmp_path / "web") as server:
        yield server


def test_a_dataset_at_a_url(awkward: CocoPair, server: FileServer) -> None:
    shutil.copytree(awkward.lake, server.root / "lake")

    def check(request: Handler) -> bool:
        if request.headers.get("Authorization") == "Bearer t":
            return False
        request.answer(401, b"")
        return True

    server.fault = check
    here = build_dataset({"pipeline": STEPS, "deeplake_path": str(awkward.lake)})
    there = build_dataset(
        {
            "pipeline": STEPS,
            "deeplake_path": f"{server.url}/lake",
            "deeplake_credentials": {"username": None, "token": None, "creds": {"token": "t"}},
        }
    )
    assert len(there) == len(here) and there.CLASSES == here.CLASSES
    one, other = here[0], there[0]
    assert (one["img"].data == other["img"].data).all()
    assert (one["gt_bboxes"].data == other["gt_bboxes"].data).all()


def test_what_credentials_mean() -> None:
    nothing = {"username": None, "password": None, "token": None, "creds": None}
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    for given, path, wanted in (
        (None, "s3://b/x", None),
        (nothing, "s3://b/x", None),
        ({**nothing, "creds": keys}, "s3://b/x", keys),
        (keys, "s3://b/x", keys),
        ({**nothing, "token": "t"}, "s3://b/x", None),
        ({**nothing, "token": "t"}, "hub://o/x", {"token": "t"}),
        ({**nothing, "token": "t", "creds": keys}, "hub://o/x", keys),
        ("ENV", "s3://b/x", "ENV"),
    ):
        assert creds_of(given, path, "data.train") == wanted
    with pytest.raises(ConfigError, match=r"data.train: .* tokens alone"):
        creds_of({"username": "u", "password": "sEcReT"}, "hub://o/x", "data.train")


def test_keys_of_credentials_are_checked_by_name() -> None:
    wrong: dict[str, Any] = {"creds": {"aws_acces_key_id": "sEcReT"}}
    with pytest.raises(ConfigError, match="aws_acces_key_id") as raised:
        build_dataset({"pipeline": STEPS, "deeplake_path": "s3://b/x", "deeplake_credentials": wrong})
    assert "sEcReT" not in str(raised.value)

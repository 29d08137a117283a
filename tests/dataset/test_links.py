"""Links that cannot be followed: an error that names tensor, sample and link, with either loader type."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.dataset.lake3.links import read_link
from penstock.errors import DecodeError, LinkNotFoundError, PenstockError, UnsupportedError
from support.images import jpeg, picture
from support.lake import link as linked_to
from support.lake import new_lake

Lakes = Callable[[str], Path]


@pytest.fixture
def path(deeplake: Any, tmp_path: Path) -> Path:
    """A sound link, and one that cannot be followed in each tensor."""
    (tmp_path / "sound.jpg").write_bytes(jpeg(picture(8, 9)))
    (tmp_path / "text.jpg").write_bytes(b"no image at all")
    targets = {
        "missing": str(tmp_path / "missing.jpg"),
        "relative": "somewhere/else.jpg",
        "remote": "nothing://example.com/a.jpg",
        "text": str(tmp_path / "text.jpg"),
    }
    with new_lake(tmp_path / "lake") as lake:
        for name, target in targets.items():
            lake.create_tensor(name, htype="link[image]", sample_compression="jpeg", verify=False)
            lake[name].extend([linked_to(str(tmp_path / "sound.jpg")), linked_to(target)])
    return tmp_path / "lake"


EXPECTED: dict[str, tuple[type[PenstockError], str]] = {
    "missing": (LinkNotFoundError, "the linked file '/.*missing.jpg' is not there"),
    "relative": (LinkNotFoundError, "'somewhere/else.jpg' is not there in the working directory, '/"),
    "remote": (UnsupportedError, "'nothing://example.com/a.jpg': nothing is known to read links to nothing://"),
    "text": (DecodeError, "the linked file '/.*text.jpg': the file is no image that can be read"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_links_that_cannot_be_followed_are_named(name: str, path: Path, native: Any) -> None:
    kind, message = EXPECTED[name]
    for loader_type in ("c++", "python"):
        with penstock.DataLoader(path, 1, tensors=[name], loader_type=loader_type) as loader:
            batches = iter(loader)
            assert next(batches)[name].shape == (1, 8, 9, 3)
            with pytest.raises(kind, match=message) as caught:
                next(batches)
            assert (caught.value.tensor, caught.value.index, caught.value.path) == (name, 1, str(path))
    with pytest.raises(kind, match=message):
        penstock.open(path)[name].shape(1)


@pytest.mark.parametrize("link", ["nothing://host/a.jpg", "hub://org/a"])
def test_urls_are_refused_by_name(link: str) -> None:
    with pytest.raises(UnsupportedError, match=f"'{link}': nothing is known to read links to {link.partition('/')[0]}"):
        read_link(link.encode())


@pytest.mark.parametrize("stored", [b"\xff", b"a\0b"])
def test_bytes_that_are_no_path(stored: bytes) -> None:
    with pytest.raises(DecodeError, match="the link"):
        read_link(stored)


def test_relative_links_count_from_the_working_directory(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "somewhere").mkdir()
    (tmp_path / "somewhere/else.jpg").write_bytes(jpeg(picture(5, 6)))
    monkeypatch.chdir(tmp_path)
    assert penstock.open(path)["relative"][1].shape == (5, 6, 3)


def test_colors_of_linked_images(lake: Lakes) -> None:
    tensor = penstock.open(lake("linked"))["unverified"]
    rgb, bgr = tensor.read(0, "rgb"), tensor.read(0, "bgr")
    assert tensor[0].shape == (25, 14, 4)
    assert (tensor[0][:, :, :3] == rgb).all()
    assert (rgb[:, :, ::-1] == bgr).all()


def test_links_and_arrays_share_batches(lake: Lakes, native: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="penstock"):
        found = {}
        for loader_type in ("c++", "python"):
            options: dict[str, Any] = {"tensors": ["images", "beside"], "shuffle": True, "seed": 3}
            with penstock.DataLoader(lake("linked"), 2, loader_type=loader_type, **options) as loader:
                found[loader_type] = [batch for _ in range(2) for batch in loader]
    for ours, theirs in zip(found["c++"], found["python"], strict=True):
        assert list(ours) == list(theirs) == ["images", "beside"]
        assert ours["beside"].tolist() == theirs["beside"].tolist()
        for our, their in zip(ours["images"], theirs["images"], strict=True):
            assert our.equal(their)
    assert [record.message for record in caplog.records if "Python" in record.message] == [
        "penstock: images: read by Python threads"
    ]

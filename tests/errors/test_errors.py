"""Every class of penstock.errors: its parents, its text, its pickles, and the core's table of them."""

from __future__ import annotations

import pickle
import re

import pytest

from penstock import errors
from penstock.errors import PenstockError
from support.require import PROJECT_ROOT

CLASSES = [getattr(errors, name) for name in errors.__all__]
BUILTINS = {
    "AccessDeniedError": PermissionError,
    "CertificateError": ConnectionError,
    "ChunkNotFoundError": FileNotFoundError,
    "HostNotFoundError": ConnectionError,
    "StorageError": OSError,
    "StorageTimeoutError": TimeoutError,
}


def test_all_are_listed() -> None:
    classes = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    found = {name for name, value in classes.items() if issubclass(value, PenstockError)}
    assert found == set(errors.__all__)


@pytest.mark.parametrize("kind", CLASSES)
def test_each_keeps_what_it_is_given(kind: type[PenstockError]) -> None:
    said = {"path": "s3://bucket", "tensor": "images", "index": 3, "chunk": "images/chunks/1", "hint": "Do this"}
    error = kind("it failed", **said)
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert type(one) is kind
        assert {name: getattr(one, name) for name in said} == said
        assert one.cause == "it failed"
        assert str(one).startswith("it failed (tensor 'images', sample 3, chunk 'images/chunks/1', ")
        assert str(one).endswith(". Do this")


@pytest.mark.parametrize("name", BUILTINS)
def test_each_is_the_builtin_too(name: str) -> None:
    kind = getattr(errors, name)
    with pytest.raises(BUILTINS[name]):
        raise kind("it failed")
    # An error with one argument has no number of the system's.
    assert kind("it failed").errno is None


def test_what_storage_does_is_a_storage_error() -> None:
    for name in ("AccessDeniedError", "CertificateError", "HostNotFoundError", "StorageTimeoutError"):
        assert issubclass(getattr(errors, name), errors.StorageError)


def test_the_core_knows_its_classes() -> None:
    kinds = re.findall(r"^  k(\w+),", (PROJECT_ROOT / "csrc/base/error.h").read_text(), re.MULTILINE)
    table = dict(re.findall(r'::k(\w+):\s+return "(\w+)";', (PROJECT_ROOT / "csrc/bindings/errors.cpp").read_text()))
    assert kinds and set(table) == set(kinds)
    assert set(table.values()) <= set(errors.__all__)
    assert len(set(table.values())) == len(table)

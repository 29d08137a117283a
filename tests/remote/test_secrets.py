"""Credentials and signatures are seen nowhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import penstock
from penstock.storage.secrets import Secret
from support.buckets import ACCESS_KEY, BUCKET, S3, SECRET_KEY

TOKEN = "sEsSiOn+token/with=signs"
SECRETS = (ACCESS_KEY, SECRET_KEY, TOKEN, "X-Amz-Signature", "X-Amz-Credential", "AKIA", "sEcReT")


def all_creds(s3: S3) -> dict[str, Any]:
    return s3.creds(aws_session_token=TOKEN)


def leaks(text: str | bytes) -> list[str]:
    words = text.decode("latin-1") if isinstance(text, bytes) else text
    return [secret for secret in SECRETS if secret in words]


def test_the_test_would_find_them(s3: S3) -> None:
    assert leaks(str(all_creds(s3))) and leaks(pickle.dumps(all_creds(s3))) and leaks("?X-Amz-Signature=1")


@pytest.mark.parametrize("loader_type", ["python", "c++"])
def test_in_no_repr_pickle_state_or_log(
    loader_type: str, native: Any, s3: S3, in_bucket: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = in_bucket("annotations")
    caplog.clear()
    dataset = penstock.open(address, creds=all_creds(s3))
    with penstock.DataLoader(dataset, batch_size=4, loader_type=loader_type, shuffle=True) as loader:
        _ = list(loader)
        for thing in (dataset, dataset["labels"], dataset.store, loader, loader.dataset):
            assert not leaks(repr(thing)) and not leaks(str(thing))
        assert not leaks(json.dumps(loader.state_dict())) and not leaks(str(loader.stats()))
        assert not leaks(loader.explain())
    for thing in (dataset, dataset["labels"], dataset.store, copy.copy(dataset)):
        assert not leaks(pickle.dumps(thing))
    # What others log of their own requests is not ours.
    assert not leaks("\n".join(record.getMessage() for record in caplog.records if record.name == "penstock"))


def test_in_no_error(s3: S3, caplog: pytest.LogCaptureFixture) -> None:
    failures = [
        lambda: penstock.open(f"s3://{BUCKET}/nothing", creds=all_creds(s3)),
        lambda: penstock.open("s3://no-such-bucket/x", creds=all_creds(s3)),
        lambda: penstock.open("s3://b/x", creds={**all_creds(s3), "sEcReT2": "x", "endpoint_urll": SECRET_KEY}),
        lambda: penstock.open("s3://b/x", creds={**all_creds(s3), "endpoint_url": "http://no-such.invalid"}),
        lambda: penstock.open("s3://b/x", creds=lambda: all_creds(s3)["nothing"]),
        lambda: penstock.open(f"s3://{ACCESS_KEY}:sEcReT@b/x", creds=all_creds(s3)),
        lambda: penstock.open("https://user:sEcReT@host/x"),
        lambda: penstock.open("az://account/container/x?sig=1", creds={"account_key": "sEcReT, no base64"}),
        lambda: penstock.open("gs://b/x", creds={"type": "x", "client_email": "x", "private_key": "sEcReT"}),
        lambda: penstock.open("az://acc/c/x", creds={"sas_token": "sig=sEcReT", "endpoint_url": "http://x.invalid"}),
    ]
    for fails in failures:
        with pytest.raises(penstock.errors.PenstockError) as raised:
            fails()
        told = "".join(traceback.format_exception(raised.value))
        # The lines of this test itself are in it.
        told = "\n".join(line for line in told.splitlines() if not line.startswith("    "))
        known = [secret for secret in leaks(told) if secret != "sEcReT" or "sEcReT2" not in told]
        assert not known, told
        assert not leaks(pickle.dumps(raised.value)) or "sEcReT2" in told
        assert raised.value.__cause__ is None or not leaks(repr(raised.value.__cause__))
    assert not leaks("\n".join(record.getMessage() for record in caplog.records if record.name == "penstock"))


def test_a_pickle_does_not_bring_them_elsewhere(s3: S3, in_bucket: Callable[[str], str], tmp_path: Any) -> None:
    file = tmp_path / "pickle"
    file.write_bytes(pickle.dumps(penstock.open(in_bucket("annotations"), creds=all_creds(s3))))
    code = f"import pickle; pickle.loads(open({str(file)!r}, 'rb').read())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 1 and "AccessDeniedError: the credentials did not come along" in ran.stderr


def test_what_is_no_secret_pickles() -> None:
    for value in (None, "ENV", "anon", {"profile_name": "x"}, {"unsigned": True}, all_creds):
        found = pickle.loads(pickle.dumps(Secret(value)))
        assert found.reveal() == value
    secret = Secret({"aws_secret_access_key": "x"})
    assert pickle.loads(pickle.dumps(secret)) is secret is copy.deepcopy(secret)
    assert "x" not in repr(secret).replace("Secret(...)", "")

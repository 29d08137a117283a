"""Servers of buckets, and datasets in them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.recording import RecordingServer

__all__ = ["ACCESS_KEY", "BUCKET", "S3", "SECRET_KEY", "s3_client", "service_account", "upload"]

ACCESS_KEY = "AKIAPENSTOCKTEST0001"
#: With characters that are written otherwise in URLs.
SECRET_KEY = "sEcReT/0123456789+abcdefghijklmn=/opq"
BUCKET = "penstock-tests"


class S3(RecordingServer):
    """moto's S3. It takes any credentials."""

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app

        super().__init__(DomainDispatcherApplication(create_backend_app))
        self.client = s3_client(self.url)
        self.client.create_bucket(Bucket=BUCKET)
        self.forget()

    def creds(self, **other: Any) -> dict[str, Any]:
        """What ``penstock.open`` takes."""
        return {
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "endpoint_url": self.url,
            **other,
        }

    def put(self, folder: Path, prefix: str) -> str:
        """Uploads a directory, and gives its address."""
        upload(self.client, folder, BUCKET, f"{prefix}/")
        self.forget()
        return f"s3://{BUCKET}/{prefix}"


def s3_client(url: str, access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
        config=Config(
            s3={"addressing_style": "path"},
            max_pool_connections=16,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def upload(client: Any, folder: Path, bucket: str, prefix: str = "") -> None:
    """Uploads a directory by boto3."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]

    def put(file: Path) -> None:
        key = prefix + file.relative_to(folder).as_posix()
        client.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())

    # boto3 asks before it sends, and waits for the answer.
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, files))


def service_account() -> dict[str, str]:
    """What the file of a service account of Google's has in it."""
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    from cryptography.hazmat.primitives import serialization

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"type": "service_account", "client_email": "a@b.example", "private_key": key.decode(), "project_id": "p"}

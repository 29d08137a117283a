"""Where the datasets of benchmarks/remote.py lie: on the disk, and behind links to one server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["BUCKET", "Place"]

BUCKET = "bench"
#: Which nobody looks at.
_KEY = "benchmark"


@dataclass(frozen=True)
class Place:
    """A place that a contender reads from.

    Attributes:
        folder: The path of a directory with ``lake``, a dataset, and ``images``, its images as files. Behind a link,
            the bucket has both.
        endpoint: The server's address; None: the folder itself is read.
        certificate: Whom to trust.
    """

    folder: str
    endpoint: str | None = None
    certificate: str | None = None

    @property
    def lake(self) -> str:
        """The dataset's address."""
        return f"{self.folder}/lake" if self.endpoint is None else f"s3://{BUCKET}/lake"

    @property
    def creds(self) -> dict[str, Any] | None:
        """What Penstock and Deep Lake take as credentials; boto3 without ``endpoint_url``, too."""
        if self.endpoint is None:
            return None
        return {
            "aws_access_key_id": _KEY,
            "aws_secret_access_key": _KEY,
            "aws_region": "us-east-1",
            "endpoint_url": self.endpoint,
        }

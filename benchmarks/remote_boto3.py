"""What one writes without a loader: an object for each image, boto3, threads, and OpenCV (libjpeg-turbo)."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from remote_places import BUCKET, Place

__all__ = ["THREADS", "boto3_batches"]

THREADS = 32
#: Batches that are under way.
_AHEAD = 8


def boto3_batches(place: Place, setting: dict[str, Any], *, decode: bool) -> Generator[list[Any], None, None]:
    """Nothing, once there is a client, then the batches in the order of the dataset."""
    import boto3
    from botocore.config import Config

    creds = {key: value for key, value in (place.creds or {}).items() if key != "aws_region"}
    client = boto3.client("s3", region_name="us-east-1", config=Config(max_pool_connections=THREADS), **creds)
    keys = Path(setting["keys"]).read_text().splitlines()
    decoded = _pixels if decode else _as_it_is

    def load(key: str) -> Any:
        return decoded(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    pool = ThreadPoolExecutor(THREADS)
    try:
        yield []
        size = setting["batch_size"]
        under_way: deque[list[Future[Any]]] = deque()
        for first in range(0, len(keys), size):
            under_way.append([pool.submit(load, key) for key in keys[first : first + size]])
            if len(under_way) == _AHEAD:
                yield [future.result() for future in under_way.popleft()]
        for batch in under_way:
            yield [future.result() for future in batch]
    finally:
        pool.shutdown(cancel_futures=True)
        client.close()


def _pixels(data: bytes) -> Any:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _as_it_is(data: bytes) -> bytes:
    return data

"""Reads a dataset straight from a bucket, epoch after epoch, with a cache on this machine's disk.

python examples/tutorials/streaming.py                                            a bucket that this machine pretends
python examples/tutorials/streaming.py --url s3://bucket/folder [--endpoint-url URL]
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import penstock


def make_loader(url: str, creds: dict[str, Any] | None, cache_dir: Path) -> penstock.DataLoader:
    """A loader of the images of a dataset in a bucket."""
    return penstock.DataLoader(
        url,
        creds=creds,
        batch_size=16,
        shuffle="chunk",
        tensors=["images", "labels"],
        seed=0,
        cache_dir=cache_dir,
        cache_size="20GB",
    )


def mean_color(loader: penstock.DataLoader) -> torch.Tensor:
    """The mean of each channel over all pixels: what a training loop does with the batches comes here."""
    total, pixels = torch.zeros(3, dtype=torch.float64), 0
    for batch in loader:
        for image in batch["images"]:
            total += image.sum((0, 1), dtype=torch.float64)
            pixels += image.shape[0] * image.shape[1]
    return total / pixels


def report(epoch: int, loader: penstock.DataLoader, before: dict[str, float], seconds: float) -> dict[str, float]:
    """Prints what an epoch has read from the bucket and from the disk; returns the counts up to now."""
    counts = dict(loader.stats())
    new = {name: counts[name] - before.get(name, 0) for name in counts}
    print(
        f"epoch {epoch}: {new['samples']:.0f} samples in {seconds:.1f} s, {new['bytes_read'] / 1e6:.1f} MB read, "
        f"{new['cache_disk_hits']:.0f} chunks from the disk cache"
    )
    return counts


@contextlib.contextmanager
def pretended_bucket(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """A bucket with pictures of shapes, in moto, a server that answers as S3 does: its address and credentials."""
    import boto3
    from moto.server import ThreadedMotoServer

    from penstock.ingest import ingest_folder
    from sample_data import folders_of_shapes

    dataset = folder / "dataset"
    if not dataset.exists():
        pictures = folders_of_shapes(folder / "pictures", train=600, val=0)["train"]
        # Small chunks, so that there are several of so few pictures.
        ingest_folder(pictures, dataset, max_chunk_size=100_000)
    # It would write a line for each request.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        creds = {
            "endpoint_url": f"http://{host}:{port}",
            "aws_access_key_id": "pretended",
            "aws_secret_access_key": "pretended",
            "aws_region": "us-east-1",
        }
        client = boto3.client(
            "s3",
            endpoint_url=creds["endpoint_url"],
            aws_access_key_id=creds["aws_access_key_id"],
            aws_secret_access_key=creds["aws_secret_access_key"],
            region_name=creds["aws_region"],
        )
        client.create_bucket(Bucket="pretended")
        for file in dataset.rglob("*"):
            if file.is_file():
                client.upload_file(str(file), "pretended", f"shapes/{file.relative_to(dataset)}")
        yield "s3://pretended/shapes", creds
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="s3://, gs://, az:// or https://; default: a pretended bucket")
    parser.add_argument("--endpoint-url", help="of a store that is not Amazon's, but answers as S3 does")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("demo/streaming"), help="default: demo/streaming")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        url = arguments.url
        # Keys come from the environment, a profile or the machine's role. They stand in no script.
        creds = {"endpoint_url": arguments.endpoint_url} if arguments.endpoint_url else None
        if url is None:
            url, creds = stack.enter_context(pretended_bucket(arguments.out))
        started = time.perf_counter()
        loader = stack.enter_context(make_loader(url, creds, arguments.out / "cache"))
        print(f"{url}: {len(loader.dataset)} samples, opened in {time.perf_counter() - started:.1f} s")
        counts: dict[str, float] = {}
        for epoch in range(arguments.epochs):
            started = time.perf_counter()
            color = mean_color(loader)
            counts = report(epoch + 1, loader, counts, time.perf_counter() - started)
        print(f"mean color: {np.round(color.numpy(), 1).tolist()}")


if __name__ == "__main__":
    main()

"""Writes Deep Lake 3 datasets of any length whose metadata is real and whose samples are few: for benchmarks/open.py.

    python benchmarks/make_index.py OUT --samples 1000000

Deeplake writes the first chunks; the chunk id encoders and lengths are then made as long as if all chunks were there.
The samples of the real chunks, at the beginning, can be read. The other chunks are files of the usual size, without
content, which take no room on the disk.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

#: Samples of a chunk, as they come about: JPEGs of 150 KB in chunks of 16 MB; boxes and labels in chunks of 16 MB.
PER_CHUNK = {"images": 100, "boxes": 20_000, "labels": 100_000}
REAL = 200
CHUNK_BYTES = 16_000_000


def make(path: Path, samples: int) -> None:
    """Writes a dataset of that many samples."""
    _write_real(path)
    for tensor, per_chunk in PER_CHUNK.items():
        _stretch(path, tensor, per_chunk, samples)
    import deeplake

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lake = deeplake.load(str(path), read_only=True, verbose=False)
        if len(lake) != samples or lake.images[REAL - 1].numpy().shape != (120, 160, 3):
            raise RuntimeError(f"deeplake does not read {path} as it is meant")


def _write_real(path: Path) -> None:
    import deeplake

    rng = np.random.default_rng(0)
    plain: dict[str, Any] = dict.fromkeys(
        ("create_shape_tensor", "create_id_tensor", "create_sample_info_tensor"), False
    )
    with deeplake.empty(str(path), overwrite=True) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg", **plain)
        lake.create_tensor("boxes", htype="bbox", **plain)
        lake.create_tensor("labels", htype="class_label", **plain)
        for number in range(REAL):
            lake.images.append(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8))
            lake.boxes.append(rng.random((number % 5, 4), dtype=np.float32))
            lake.labels.append(np.zeros(number % 5, np.uint32))


def _stretch(path: Path, tensor: str, per_chunk: int, samples: int) -> None:
    """Makes the encoder and the length of a tensor those of a dataset of ``samples`` samples."""
    from deeplake.core.serialize import deserialize_chunkids, serialize_chunkids

    file = path / tensor / "chunks_index" / "unsharded"
    version, rows, _ = deserialize_chunkids(file.read_bytes())
    last = np.arange(REAL - 1 + per_chunk, samples + per_chunk - 1, per_chunk, dtype=np.uint64)
    last = np.minimum(last, np.uint64(samples - 1))
    ids = np.random.default_rng(1).integers(1, 2**63, len(last), dtype=np.uint64)
    # The real chunks first; then chunks that are not there.
    stretched = np.concatenate([np.asarray(rows, np.uint64), np.stack([ids, last], axis=1)])
    file.write_bytes(bytes(serialize_chunkids(version, stretched)))
    for chunk in ids.tolist():
        with (path / tensor / "chunks" / f"{chunk:x}").open("wb") as empty:
            empty.truncate(CHUNK_BYTES)
    meta = path / tensor / "tensor_meta.json"
    values = json.loads(meta.read_text())
    values["length"] = samples
    meta.write_text(json.dumps(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--samples", type=int, default=1_000_000)
    arguments = parser.parse_args()
    make(arguments.out, arguments.samples)


if __name__ == "__main__":
    main()

"""Writes JPEG files, as they are, into a Deep Lake 3 dataset with one tensor, "images".

    python benchmarks/make_dataset.py IMAGES_DIR OUT --repeat 10

A small set of images repeated keeps the mix of sizes and contents and gives runs long enough to time.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="directory, searched for *.jpg")
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeat", type=int, default=10)
    arguments = parser.parse_args()
    files = sorted(arguments.images.rglob("*.jpg"))
    if not files:
        parser.error(f"no *.jpg below {arguments.images}")

    import deeplake

    dataset = deeplake.empty(str(arguments.out), overwrite=True)
    with dataset:
        dataset.create_tensor("images", htype="image", sample_compression="jpeg")
        for file in tqdm(files * arguments.repeat, unit="images", disable=not sys.stderr.isatty()):
            dataset.images.append(deeplake.read(str(file)))


if __name__ == "__main__":
    main()

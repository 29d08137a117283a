"""What images cost as bytes and as floats: memory of a batch, time to decode it, and to copy and normalise it.

    python benchmarks/image_output.py IMAGES_DIR --out benchmarks/results/image_output.json

Batches of the same images, brought to one size, as the loader gives them with each layout and dtype. The device is a
GPU where there is one, else the CPU, where there is nothing to copy.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import harness

BATCH = 32
SIDE = 320
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CASES: dict[str, dict[str, Any]] = {
    "nhwc uint8": {},
    "nchw uint8": {"layout": "nchw"},
    "nchw float32": {"layout": "nchw", "dtype": "float32"},
    "nchw float16": {"layout": "nchw", "dtype": "float16"},
    "nchw bfloat16": {"layout": "nchw", "dtype": "bfloat16"},
}


def write_images(files: list[Path], path: Path, count: int) -> None:
    """So many of the files, cut to SIDE x SIDE, in a new dataset."""
    from io import BytesIO

    import deeplake
    from PIL import Image

    dataset = deeplake.empty(str(path), overwrite=True)
    with dataset:
        dataset.create_tensor("images", htype="image", sample_compression="jpeg")
        for number in range(count):
            file = BytesIO()
            image = Image.open(files[number % len(files)]).convert("RGB").resize((SIDE, SIDE))
            image.save(file, "JPEG", quality=90)
            dataset.images.append(deeplake.core.sample.Sample(buffer=file.getvalue(), compression="jpeg"))


def measure(path: Path, case: dict[str, Any], device: str, threads: int) -> dict[str, float]:
    """One epoch: bytes of a batch, images a second, and milliseconds until a batch is normalised on the device."""
    import torch

    import penstock

    floats = "dtype" in case
    normalize = penstock.normalize_on(device, MEAN, STD, layout=case.get("layout", "nhwc"))
    mean, std = (torch.tensor(numbers, device=device).view(3, 1, 1) for numbers in (MEAN, STD))
    pinned = device != "cpu"
    with penstock.DataLoader(
        path, BATCH, loader_type="c++", num_threads=threads, drop_last=True, pin_memory=pinned, **case
    ) as loader:
        images, taken, moved = 0, 0, []
        start = time.perf_counter()
        for batch in loader:
            pixels = batch["images"]
            images += len(pixels)
            taken = pixels.numel() * pixels.element_size()
        seconds = time.perf_counter() - start
        for batch in loader:
            begin = time.perf_counter()
            pixels = batch["images"]
            if floats:
                pixels.to(device, non_blocking=pinned).sub_(mean.to(pixels.dtype)).div_(std.to(pixels.dtype))
            else:
                normalize(pixels)
            if pinned:
                torch.cuda.synchronize()
            moved.append((time.perf_counter() - begin) * 1e3)
    return {"bytes": taken, "images_per_second": images / seconds, "to_device_ms": statistics.median(moved)}


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="directory, searched for *.jpg")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    files = sorted(arguments.images.rglob("*.jpg"))
    if not files:
        parser.error(f"no *.jpg below {arguments.images}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lake"
        write_images(files, path, arguments.batches * BATCH)
        names = list(CASES)
        for number in range(arguments.rounds + 1):
            start = number % len(names)
            for name in [*names[start:], *names[:start]]:
                figures = measure(path, CASES[name], device, arguments.threads)
                if number:  # the first round warms up
                    runs[name].append(figures)
    results = {
        name: {key: statistics.median(run[key] for run in own) for key in own[0]} for name, own in runs.items()
    }
    for name, figures in results.items():
        print(
            f"{name}: {figures['bytes'] / 1e6:.1f} MB a batch, {figures['images_per_second']:.0f} img/s, "
            f"{figures['to_device_ms']:.2f} ms a batch to {device}"
        )
    if arguments.out is not None:
        setting = {"batch": BATCH, "side": SIDE, "device": device, "threads": arguments.threads}
        command = "python benchmarks/image_output.py IMAGES_DIR"
        harness.write_record(arguments.out, command, setting, results, runs=runs)


if __name__ == "__main__":
    main()

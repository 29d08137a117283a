"""DALI on the CPU, as a contender of benchmarks/pipeline.py; run by the interpreter that has it.

    python benchmarks/pipeline_dali.py RECIPE DATA THREADS BATCH_SIZE [--no-flip]

Needs nvidia-dali and numpy alone. Recipes b and c; boxes are not carried along, which favours it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from nvidia.dali import fn, pipeline_def, types

from harness import CLOCK, serve
from recipes import IMAGE_MEAN, IMAGE_STD, RECIPES


class Dali:
    """Reads the files of the annotation file in order; gives float batches, channels first, padded to 32."""

    def __init__(self, recipe: str, data: Path, threads: int, batch_size: int, flip: bool) -> None:
        coco = json.loads((data / "annotations.json").read_text())
        annotated = {one["image_id"] for one in coco["annotations"] if not one["iscrowd"]}
        used = [image for image in coco["images"] if image["id"] in annotated]
        self.files = [str(data / "images" / image["file_name"]) for image in used]
        resize = next(step for step in RECIPES[recipe] if step["type"] == "Resize")
        self.batch_size = batch_size
        self.pipeline = _pipeline(
            self.files,
            resize["img_scale"],
            0.5 if flip else 0.0,
            batch_size=batch_size,
            num_threads=threads,
            device_id=None,
            seed=0,
        )
        self.pipeline.build()

    def _batches(self) -> Iterator[tuple[Any, Any]]:
        for start in range(0, len(self.files), self.batch_size):
            images, shapes = self.pipeline.run()
            size = min(self.batch_size, len(self.files) - start)
            yield images.as_array()[:size], shapes.as_array()[:size]

    def run(self) -> int:
        samples = 0
        for images, _ in self._batches():
            CLOCK.batch()
            samples += len(images)
        return samples

    def sums(self) -> list[float]:
        return [
            float(image[:, : int(height), : int(width)].astype(np.float64).mean())
            for images, shapes in self._batches()
            for image, (height, width) in zip(images, shapes, strict=True)
        ]


@pipeline_def
def _pipeline(files: list[str], scale: tuple[int, int], flip: float) -> Any:
    encoded, _ = fn.readers.file(files=files, pad_last_batch=True, name="files")
    images = fn.decoders.image(encoded, device="cpu", output_type=types.RGB)
    # As large as fits into long x short edge, by plain linear interpolation, as OpenCV has it.
    images = fn.resize(
        images,
        resize_shorter=min(scale),
        max_size=max(scale),
        interp_type=types.INTERP_LINEAR,
        antialias=False,
    )
    shapes = fn.shapes(images)[:2]
    images = fn.crop_mirror_normalize(
        images,
        dtype=types.FLOAT,
        output_layout="CHW",
        mean=IMAGE_MEAN,
        std=IMAGE_STD,
        mirror=fn.random.coin_flip(probability=flip),
    )
    return fn.pad(images, axes=(1, 2), align=(32, 32), fill_value=0), shapes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe")
    parser.add_argument("data", type=Path)
    parser.add_argument("threads", type=int)
    parser.add_argument("batch_size", type=int)
    parser.add_argument("--no-flip", action="store_true")
    arguments = parser.parse_args()
    serve(
        lambda: Dali(arguments.recipe, arguments.data, arguments.threads, arguments.batch_size, not arguments.no_flip)
    )


if __name__ == "__main__":
    main()

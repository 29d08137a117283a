"""What libjpeg-turbo alone makes of a dataset's JPEGs: the C++ program that others are measured against."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import penstock
from harness import Process

__all__ = ["CEILING", "Ceiling", "built_program", "encoded_images"]

ROOT = Path(__file__).resolve().parent.parent
CEILING = "libjpeg-turbo alone"


class Ceiling(Process):
    """The C++ program that decodes and does nothing else.

    Args:
        images: What :func:`encoded_images` has written.
        threads: That decode side by side.
        epochs: Passes over the images in each run.
        samples: Number of the images.
    """

    def __init__(self, images: Path, threads: int, epochs: int, samples: int) -> None:
        super().__init__(CEILING, [str(built_program("jpeg_ceiling")), str(images), str(threads)])
        self._epochs = epochs
        self._samples = samples * epochs

    def ask(self, command: str) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"go {self._epochs}\n" if command == "go" else f"{command}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().split()
        if command == "sums":
            return [int(word) for word in answer]
        if command != "go":
            return answer
        seconds, cpu_seconds = map(float, answer)
        return {"samples": self._samples, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": 0.0}


def built_program(name: str) -> Path:
    """A program of benchmarks/cpp, built and optimised."""
    options = ["-DPENSTOCK_BUILD_TESTS=OFF", "-DPENSTOCK_BUILD_BENCHMARKS=ON"]
    subprocess.run(["cmake", "--preset", "release", *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    build = ROOT / "build" / "release"
    subprocess.run(["cmake", "--build", str(build), "--target", name], check=True, stdout=subprocess.DEVNULL)
    return build / "benchmarks" / "cpp" / name


@contextmanager
def encoded_images(tensor: penstock.Tensor) -> Iterator[Path]:
    """A file with the tensor's JPEGs: their number, then the size and the bytes of each; numbers are little-endian, of
    8 bytes."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(struct.pack("<Q", len(tensor)))
        for index in range(len(tensor)):
            data = tensor.bytes(index)
            file.write(struct.pack("<Q", len(data)) + data)
        file.flush()
        yield Path(file.name)

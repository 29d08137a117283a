"""Decoders of others, as contenders of benchmarks/decode.py; run by the interpreter that has them.

    python benchmarks/decode_peers.py present IMAGES
    python benchmarks/decode_peers.py NAME IMAGES THREADS BATCH_SIZE EPOCHS

"present" prints, as JSON, what each lacks: null where it can run (requirements/decode-peers.txt names them). IMAGES is
what ``ceiling.encoded_images`` writes. All get the same bytes and give whole uint8 RGB images, in batches, in order.
Decoders that are but a function run in a pool of threads, two batches ahead: they let go of the GIL. Needs numpy beside
them.
"""

from __future__ import annotations

import io
import json
import struct
import sys
import tarfile
import tempfile
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import serve

Image = npt.NDArray[np.uint8]


def read_images(path: Path) -> list[bytes]:
    """The files that ``ceiling.encoded_images`` has written."""
    with path.open("rb") as file:
        (count,) = struct.unpack("<Q", file.read(8))
        return [file.read(struct.unpack("<Q", file.read(8))[0]) for _ in range(count)]


class Peer:
    """Base of the peers: subclasses give the batches of one epoch."""

    def __init__(self, files: list[bytes], threads: int, batch_size: int, epochs: int) -> None:
        self.files = files
        self.threads = threads
        self.batch_size = batch_size
        self.epochs = epochs

    def batches(self) -> Iterator[list[Any]]:
        """What it takes for images, by batches."""
        raise NotImplementedError

    def rgb(self, image: Any) -> Image:
        """One of these as uint8 [height, width, 3]."""
        return np.asarray(image)

    def images(self) -> Iterator[Image]:
        """Those of one epoch as uint8 [height, width, 3], in the order of the files."""
        return (self.rgb(image) for batch in self.batches() for image in batch)

    def run(self) -> int:
        return sum(len(batch) for _ in range(self.epochs) for batch in self.batches())

    def sums(self, *reference: str) -> list[float]:
        """CRC-32 of each image. With a file of the first images' pixels and their number: of each, the largest and the
        mean difference from these."""
        if not reference:
            return [zlib.crc32(np.ascontiguousarray(image)) for image in self.images()]
        differences: list[float] = []
        with Path(reference[0]).open("rb") as file:
            for image, _ in zip(self.images(), range(int(reference[1])), strict=False):
                expected = np.fromfile(file, np.uint8, image.size).reshape(image.shape)
                difference = np.abs(image.astype(np.int16) - expected)
                differences += [float(difference.max()), float(difference.mean())]
        return differences


class InThreads(Peer):
    """A function that decodes, in a pool of threads."""

    def __init__(self, files: list[bytes], threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(files, threads, batch_size, epochs)
        self.pool = ThreadPoolExecutor(threads)

    def decode(self, file: bytes) -> Any:
        raise NotImplementedError

    def batches(self) -> Iterator[list[Any]]:
        ahead: deque[list[Future[Any]]] = deque()
        for begin in range(0, len(self.files), self.batch_size):
            ahead.append([self.pool.submit(self.decode, file) for file in self.files[begin : begin + self.batch_size]])
            if len(ahead) > 2:
                yield [image.result() for image in ahead.popleft()]
        while ahead:
            yield [image.result() for image in ahead.popleft()]


class Pillow(InThreads):
    def decode(self, file: bytes) -> Any:
        from PIL import Image

        return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


class OpenCv(InThreads):
    def decode(self, file: bytes) -> Any:
        import cv2

        return cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)

    def rgb(self, image: Any) -> Image:
        return np.asarray(image)[:, :, ::-1]


class SimpleJpeg(InThreads):
    def decode(self, file: bytes) -> Any:
        import simplejpeg

        return simplejpeg.decode_jpeg(file, colorspace="RGB", fastdct=False, fastupsample=False)


class TorchCodec(InThreads):
    def __init__(self, files: list[bytes], threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(files, threads, batch_size, epochs)
        import torch

        torch.set_num_threads(1)

    def decode(self, file: bytes) -> Any:
        from torchcodec.decoders import decode_jpeg

        return decode_jpeg(file, mode="RGB")

    def rgb(self, image: Any) -> Image:
        return np.asarray(image.permute(1, 2, 0))


class Spdl(InThreads):
    """FFmpeg's decoder and its conversion to RGB."""

    def decode(self, file: bytes) -> Any:
        import spdl.io

        return spdl.io.to_numpy(spdl.io.load_image(file))


class Dali(Peer):
    """Its own threads, over bytes that Python hands to it; with the transform and the upsampling that libjpeg-turbo has
    by default."""

    def __init__(self, files: list[bytes], threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(files, threads, batch_size, epochs)
        from nvidia.dali import fn, pipeline_def, types

        self.encoded = [np.frombuffer(file, np.uint8) for file in files]
        self.next = 0

        @pipeline_def(batch_size=batch_size, num_threads=threads, device_id=None, prefetch_queue_depth=2)  # type: ignore[untyped-decorator,unused-ignore]
        def pipeline() -> Any:
            data = fn.external_source(source=self._feed, batch=True, dtype=types.UINT8, ndim=1)
            return fn.decoders.image(data, device="cpu", output_type=types.RGB, jpeg_fancy_upsampling=True)

        self.pipeline = pipeline()
        self.pipeline.build()

    def _feed(self) -> list[npt.NDArray[np.uint8]]:
        if self.next >= len(self.encoded):
            self.next = 0
        begin, self.next = self.next, self.next + self.batch_size
        return self.encoded[begin : self.next]

    def batches(self) -> Iterator[list[Any]]:
        for _ in range(0, len(self.files), self.batch_size):
            (images,) = self.pipeline.run()
            yield [images.at(i) for i in range(len(images))]


class TurboLoader(Peer):
    """Reads a tar file; each sample is a dict. Samples come in the order in which they are decoded."""

    def __init__(self, files: list[bytes], threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(files, threads, batch_size, epochs)
        import turboloader

        self.folder = tempfile.TemporaryDirectory()
        archive = Path(self.folder.name) / "images.tar"
        with tarfile.open(archive, "w") as tar:
            for number, file in enumerate(files):
                entry = tarfile.TarInfo(f"{number:08}.jpg")
                entry.size = len(file)
                tar.addfile(entry, io.BytesIO(file))
        self.loader = turboloader.DataLoader(str(archive), batch_size=batch_size, num_workers=threads)

    def batches(self) -> Iterator[list[Any]]:
        yield from self.loader

    def rgb(self, image: Any) -> Image:
        return np.asarray(image["image"])

    def images(self) -> Iterator[Image]:
        samples = [sample for batch in self.batches() for sample in batch]
        return (self.rgb(sample) for sample in sorted(samples, key=lambda sample: int(sample["index"])))


PEERS: dict[str, type[Peer]] = {
    "Pillow, threads": Pillow,
    "OpenCV, threads": OpenCv,
    "simplejpeg, threads": SimpleJpeg,
    "TorchCodec, threads": TorchCodec,
    "SPDL, threads": Spdl,
    "DALI": Dali,
    "TurboLoader": TurboLoader,
}


def present(file: bytes) -> dict[str, str | None]:
    """What each peer lacks, by its name; None where it can run: it is tried on a file."""
    lacks: dict[str, str | None] = {}
    for name, peer in PEERS.items():
        try:
            tried = peer([file], 1, 1, 1)
            tried.rgb(next(tried.batches())[0])
            lacks[name] = None
        except Exception as error:  # a wheel may lack a library, and say so in its own way
            lacks[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return lacks


def main() -> None:
    if sys.argv[1] == "present":
        print(json.dumps(present(read_images(Path(sys.argv[2]))[0])))
        return
    name, images, threads, batch_size, epochs = sys.argv[1:]
    serve(lambda: PEERS[name](read_images(Path(images)), int(threads), int(batch_size), int(epochs)))


if __name__ == "__main__":
    main()

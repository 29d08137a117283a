"""What ``cache="coefficients"`` would bring on a user's data, tried on some of its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.cli.bench_run import run_epoch
from penstock.dataset import Dataset
from penstock.loader import DataLoader

__all__ = ["Trial", "try_coefficients"]

#: Images of each tensor that are tried.
_IMAGES = 256
_ROUNDS = 3


@dataclass(frozen=True)
class Trial:
    """What the cache came to.

    Attributes:
        images: Tried, of all tensors of JPEGs.
        kept: Of these, whose coefficients were kept; the others are progressive, or unusual in another way.
        bytes_per_jpeg_byte: How much is kept of a byte of a file.
        bytes_for_all: What is kept of all images of these tensors, in bytes.
        speed: How many times as fast they are decoded from the second epoch on; reading is not in it.
    """

    images: int
    kept: int
    bytes_per_jpeg_byte: float
    bytes_for_all: int
    speed: float

    def text(self) -> str:
        """For reading."""
        if self.kept == 0:
            return "cache='coefficients' brings nothing: no image is of a kind whose coefficients are kept"
        share = "" if self.kept == self.images else f" of {self.kept / self.images:.0%} of the images"
        return (
            f"cache='coefficients' would keep {self.bytes_per_jpeg_byte:.2f} bytes for a byte of JPEG{share}, "
            f"{self.bytes_for_all / 1e9:.1f} GB in all, and decode {self.speed:.1f} times as fast from the second "
            f"epoch on (tried on {self.images} images)"
        )


def try_coefficients(dataset: Dataset, tensors: Sequence[str], threads: int) -> Trial | None:
    """Loads some images with the cache and without it; None where no tensor has JPEGs that the core decodes."""
    jpegs = [name for name in tensors if dataset[name].is_image and dataset[name].sample_compression == "jpeg"]
    if not jpegs or len(dataset) == 0:
        return None
    some = dataset[:_IMAGES]

    def loader(cache: str | None) -> DataLoader:
        # All chunks stay in memory: what is compared is decoding.
        return DataLoader(
            some, 8, loader_type="c++", tensors=jpegs, num_threads=threads, cache=cache, chunk_cache_bytes=1 << 30
        )

    def seconds(one: DataLoader) -> float:
        return run_epoch(one, most_seconds=60, most_batches=None).seconds

    with loader(None) as plain, loader("coefficients") as cached:
        for one in (plain, cached):
            seconds(one)
        before = cached.stats()
        rounds = [(seconds(plain), seconds(cached)) for _ in range(_ROUNDS)]
        images = len(some) * len(jpegs)
        encoded = plain.stats()["encoded_bytes"] / (_ROUNDS + 1)
    kept, size = int(before["coefficients_kept"]), before["coefficient_bytes"]
    return Trial(
        images=images,
        kept=kept,
        bytes_per_jpeg_byte=size / encoded,
        bytes_for_all=int(size / images * len(dataset) * len(jpegs)),
        speed=sorted(first / second for first, second in rounds)[_ROUNDS // 2],
    )

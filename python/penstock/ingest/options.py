"""What all kinds of ingesting have in common: options, and the files that are out of the ordinary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from penstock.errors import DatasetFormatError
from penstock.progress import notebook_progress

__all__ = ["IngestKeywords", "IngestOptions", "Odd", "OddFiles", "Progress"]

#: Wraps what is iterated over: called with the items, how many there are and what one is called.
Progress = Callable[[Iterable[Any], int, str], Iterator[Any]]


class IngestKeywords(TypedDict, total=False):
    """The fields of :class:`IngestOptions`, as keywords."""

    overwrite: bool
    limit: int | None
    max_chunk_size: int | None
    exif: Literal["apply", "keep"]
    convert: Literal["jpeg", "png"] | None
    quality: int
    check: bool
    skip_bad: bool
    resume: bool
    checkpoint_bytes: int
    progress: Progress


@dataclass(frozen=True)
class IngestOptions:
    """How images become a dataset.

    Attributes:
        overwrite: Replace a dataset that is there.
        limit: Take the first so many images only.
        max_chunk_size: Of the images' chunks, in bytes; None: Deep Lake's own.
        exif: "apply": files with an EXIF orientation are turned, as people, OpenCV and MMDetection see them, and lose
            their EXIF; see :func:`penstock.ingest.turning.upright`. "keep": their bytes stay, and so do the pixels that
            Penstock and Deep Lake read, which are not turned.
        convert: "jpeg" or "png": files of another format are converted to it, see
            :func:`penstock.ingest.converting.converted`. None: all files must have one format, and stay as they are.
        quality: Of files that are converted to JPEG, 1 to 100.
        check: Decode every image, so that a damaged one is found now and not in training.
        skip_bad: Leave out images that are missing or damaged, or whose annotations are; the result names them. Else
            the first one ends it all.
        resume: Work that is interrupted stays beside the dataset, and the same call goes on with it.
        checkpoint_bytes: With ``resume``: after so many bytes of images the work is safe.
        progress: Shows progress; by default a bar in a notebook, and nothing elsewhere.

    Raises:
        ValueError: A value that is none of these.
    """

    overwrite: bool = False
    limit: int | None = None
    max_chunk_size: int | None = None
    exif: Literal["apply", "keep"] = "apply"
    convert: Literal["jpeg", "png"] | None = None
    quality: int = 95
    check: bool = True
    skip_bad: bool = False
    resume: bool = False
    checkpoint_bytes: int = 64 << 20
    progress: Progress = notebook_progress

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit must be at least 1, got {self.limit}")
        if self.exif not in ("apply", "keep"):
            raise ValueError(f"exif must be 'apply' or 'keep', got {self.exif!r}")
        if self.convert not in (None, "jpeg", "png"):
            raise ValueError(f"convert must be 'jpeg', 'png' or None, got {self.convert!r}")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality must be 1 to 100, got {self.quality}")
        if self.checkpoint_bytes < 1:
            raise ValueError(f"checkpoint_bytes must be at least 1, got {self.checkpoint_bytes}")

    def decisive(self) -> str:
        """The options that decide what the dataset holds, as text."""
        return repr((self.limit, self.max_chunk_size, self.exif, self.convert, self.quality, self.check, self.skip_bad))


@dataclass(frozen=True)
class Odd:
    """A file that is out of the ordinary.

    Attributes:
        file: Its path.
        kind: What such files have in common, in a few words: "left out: damaged", "a label without an image".
        what: What is the matter with this one, one sentence.
    """

    file: str
    kind: str
    what: str


class OddFiles:
    """Collects what is out of the ordinary. Bad files end it all where they are not to be skipped."""

    def __init__(self, skip_bad: bool) -> None:
        self.skip_bad = skip_bad
        self.found: list[Odd] = []

    def note(self, file: object, kind: str, what: str) -> None:
        """A file that does no harm."""
        self.found.append(Odd(str(file), kind, what))

    def bad(self, file: object, kind: str, error: DatasetFormatError | OSError | str) -> None:
        """A file without which an image is left out.

        Raises:
            DatasetFormatError, StorageError: ``error``, where bad files are not skipped.
        """
        if self.skip_bad:
            self.found.append(Odd(str(file), f"left out: {kind}", str(error)))
            return
        if isinstance(error, str):
            hint = "Mend the file, or leave out all files that are bad (--skip-bad, skip_bad=True)"
            raise DatasetFormatError(error, hint=hint)
        raise error

    def counts(self) -> dict[str, int]:
        """How many there are of each kind, in the order in which they were found."""
        return dict(Counter(odd.kind for odd in self.found))

    def as_json(self) -> list[dict[str, str]]:
        return [{"file": odd.file, "kind": odd.kind, "what": odd.what} for odd in self.found]

    def replace(self, found: Sequence[Odd]) -> None:
        """Goes back to what was found before."""
        self.found = list(found)

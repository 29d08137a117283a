"""What a verification comes to."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.errors import PenstockError

__all__ = ["Finding", "Report"]


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: a sample, all samples of a chunk, or the metadata of a tensor.

    Attributes:
        tensor: Full name; None where the dataset's own metadata is concerned.
        index: The sample, or the first of those that a bad chunk holds; None where no sample is concerned.
        last_index: The last of them, inclusive; equal to ``index`` for a single sample.
        chunk: Key of the chunk, relative to the dataset.
        byte_range: Where the bytes concerned lie in the chunk's file, [begin, end): the sample's, or the whole file of
            a bad chunk. Of a sample in a chunk that is compressed as a whole, the compressed data. None where it is
            unknown, as that of a missing file.
        kind: Name of the class of :mod:`penstock.errors` that reading it raises.
        cause: What is wrong, one sentence without a full stop.
        path: Of joined datasets, the path of the part concerned; None where the dataset is not joined.
    """

    tensor: str | None
    index: int | None
    last_index: int | None
    chunk: str | None
    byte_range: tuple[int, int] | None
    kind: str
    cause: str
    path: str | None = None

    def __str__(self) -> str:
        where = [] if self.path is None else [f"dataset '{self.path}'"]
        where += [] if self.tensor is None else [f"tensor '{self.tensor}'"]
        if self.index is not None and self.index == self.last_index:
            where.append(f"sample {self.index}")
        elif self.index is not None:
            where.append(f"samples {self.index} to {self.last_index}")
        if self.chunk is not None:
            where.append(f"chunk '{self.chunk}'")
        if self.byte_range is not None:
            where.append(f"bytes {self.byte_range[0]} to {self.byte_range[1]}")
        place = ", ".join(where)
        return f"{place}: {self.cause}" if place else self.cause

    @classmethod
    def of(
        cls,
        error: PenstockError,
        *,
        tensor: str | None = None,
        last_index: int | None = None,
        byte_range: tuple[int, int] | None = None,
    ) -> Finding:
        """The finding that an error stands for; ``tensor`` where the error does not name one."""
        return cls(
            tensor=error.tensor or tensor,
            index=error.index,
            last_index=error.index if last_index is None else last_index,
            chunk=error.chunk,
            byte_range=byte_range,
            kind=type(error).__name__,
            cause=error.cause,
        )


@dataclass(frozen=True)
class Report:
    """The result of :func:`penstock.verify`.

    Attributes:
        path: The dataset's path.
        commit: The commit that was checked; None where the dataset could not be opened.
        fast: Whether only its structure was checked.
        samples: Number of samples checked, over all tensors; the bad ones count. Of sequences, their items.
        findings: What is wrong, by tensor in the dataset's order, then by sample. Empty where all is well.
        undecoded: Tensors whose samples Penstock cannot decode, with the reason: video, for example. Of them the
            structure was checked, as ``fast`` does of all, and their samples count.
        skipped: Tensors that Penstock cannot read at all, with the reason. They were not checked and count as neither.
    """

    path: str
    commit: str | None
    fast: bool
    samples: int = 0
    findings: tuple[Finding, ...] = ()
    undecoded: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what was checked."""
        return not self.findings

    @property
    def bad_samples(self) -> int:
        """Number of samples that cannot be read, over all tensors."""
        return sum(
            finding.last_index - finding.index + 1
            for finding in self.findings
            if finding.index is not None and finding.last_index is not None
        )

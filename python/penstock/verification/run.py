"""penstock.verify"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from penstock.dataset import Dataset, DatasetLike, Tensor, open_dataset
from penstock.errors import DatasetFormatError, PenstockError
from penstock.loading.options import LoaderOptions, default_threads, resolve_loader_type
from penstock.progress import notebook_progress_bar
from penstock.storage.network import NetworkOptions
from penstock.verification.checks import Checked, check_in_native_core, check_in_python, is_for_core
from penstock.verification.findings import Finding, Report

__all__ = ["verify"]


def verify(
    dataset: DatasetLike,
    *,
    commit: str | None = None,
    view: str | None = None,
    creds: Any = None,
    network: NetworkOptions | None = None,
    tensors: Sequence[str] | None = None,
    fast: bool = False,
    loader_type: str = "auto",
    num_threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Reads every chunk of a dataset and decodes every sample. Collects what is wrong instead of raising it: a bad
    sample hides no other.

    Args:
        dataset: As for :func:`penstock.open`. Of a view, its samples alone are checked. Of Deep Lake 4, findings name
            no chunks: only Deep Lake's own package sees them. Of joined datasets, each part is checked as a whole, and
            findings name its path.
        commit, view, creds, network: Likewise.
        tensors: Names of the tensors to check; None for all, the ones that Deep Lake hides included.
        fast: Checks the structure alone: metadata, chunk files and their sizes, headers, shapes and byte positions, and
            that all tensors have one length. Nothing is decoded, and uncompressed samples are not read; but of Deep
            Lake 4 everything is read, and of images the headers are checked.
        loader_type: "c++", "python", or "auto" for the native core where it is installed. The findings are the same,
            but for the words of causes that a decoder gives, and for damage of an image that one decoder can live with
            and the other cannot (of a PNG, libpng compares the checksums, Pillow does not).
        num_threads: Threads to decode with; None for one for each usable core.
        progress: Called with the number of samples checked so far and of all samples, now and then. None: a notebook
            shows a bar, and nothing is shown elsewhere.

    Returns:
        The findings, with what was checked; ``report.ok`` where nothing is wrong. Metadata that cannot be read is a
        finding too.

    Raises:
        DatasetNotFoundError, CommitNotFoundError, ViewNotFoundError, TensorNotFoundError, UnsupportedError: There is
            nothing to check.
        MissingExtraError: What decodes a tensor is not installed.
        TypeError, ValueError: Wrong arguments.
    """
    native = resolve_loader_type(loader_type) == "c++"
    threads = LoaderOptions(num_threads=default_threads(num_threads, 0)).num_threads
    try:
        opened = open_dataset(dataset, commit, view, creds, network)
        chosen = _chosen(opened, tensors)
    except DatasetFormatError as error:
        return Report(error.path or str(dataset), None, fast, findings=(Finding.of(error),))
    parts = [_Part.of(part, chosen) for part, chosen in opened.stored_in(chosen)]
    done, total = 0, sum(part.samples for part in parts)
    findings: list[Finding] = []
    with nullcontext(progress) if progress is not None else notebook_progress_bar("sample") as show:
        for part in parts:
            of_part = list(part.findings)
            with closing(_check(part, native, threads, not fast)) as checks:
                for checked in checks:
                    done += checked.samples
                    of_part += checked.findings
                    if show is not None:
                        show(done, total)
            findings += part.in_order(of_part, named=part.dataset is not opened)
    undecoded = {name: reason for part in parts for name, reason in part.undecoded.items()}
    skipped = {name: reason for part in parts for name, reason in part.skipped.items()}
    return Report(opened.path, opened.commit_id, fast, done, tuple(findings), {} if fast else undecoded, skipped)


@dataclass(frozen=True)
class _Part:
    """A dataset, of joined ones a part: what of it is checked, and what its metadata says already."""

    dataset: Dataset
    chosen: Sequence[Tensor]
    checkable: Sequence[Tensor]
    findings: Sequence[Finding]
    skipped: Mapping[str, str]
    undecoded: Mapping[str, str]
    samples: int

    @classmethod
    def of(cls, dataset: Dataset, chosen: Sequence[Tensor]) -> _Part:
        checkable, findings, skipped = _checkable(chosen)
        undecoded = {tensor.name: reason for tensor in checkable if (reason := tensor.unsupported()) is not None}
        findings += _uneven_lengths(
            [tensor for tensor in checkable if tensor.name in dataset.tensors and tensor.name not in undecoded]
        )
        samples = sum(len(block.items) for tensor in checkable for block in tensor.blocks())
        return cls(dataset, chosen, checkable, findings, skipped, undecoded, samples)

    def in_order(self, findings: Sequence[Finding], *, named: bool) -> list[Finding]:
        """Findings by tensor, then by sample; with the part's path where they are to be told from others'."""
        order = {tensor.name: position for position, tensor in enumerate(self.chosen)}
        found = sorted(
            findings,
            key=lambda finding: (
                -1 if finding.tensor is None else order[finding.tensor],
                -1 if finding.index is None else finding.index,
            ),
        )
        return [replace(finding, path=self.dataset.path) for finding in found] if named else found


def _chosen(dataset: Dataset, names: Sequence[str] | None) -> list[Tensor]:
    hidden = dataset.hidden_tensors
    if names is None:
        return [*dataset.tensors.values(), *hidden.values()]
    if isinstance(names, str):
        raise TypeError(f"tensors must be a list of names, got the string {names!r}")
    return [hidden[name] if name in hidden else dataset[name] for name in names]


def _checkable(tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Finding], dict[str, str]]:
    """The tensors whose samples, or at least their bytes, can be looked at; what is wrong with the metadata of others;
    why some are skipped.
    """
    checkable, findings, skipped = [], [], {}
    for tensor in tensors:
        try:
            reason = tensor.unsupported("bytes")
            if reason is not None:
                skipped[tensor.name] = reason
                continue
            _ = tensor.class_names
            tensor.check_index()
            checkable.append(tensor)
        except PenstockError as error:
            findings.append(Finding.of(error, tensor=tensor.name))
    return checkable, findings, skipped


def _uneven_lengths(tensors: Sequence[Tensor]) -> list[Finding]:
    if len({len(tensor) for tensor in tensors}) <= 1:
        return []
    shortest, longest = min(tensors, key=len), max(tensors, key=len)
    return [
        Finding.of(
            DatasetFormatError(
                f"the tensors differ in length: '{shortest.name}' has {len(shortest)} samples, '{longest.name}' has "
                f"{len(longest)}; the dataset ends with the shortest"
            )
        )
    ]


def _check(part: _Part, native: bool, threads: int, decode: bool) -> Generator[Checked, None, None]:
    decoded = {tensor.name: decode and tensor.name not in part.undecoded for tensor in part.checkable}
    in_core = {
        tensor.name: tensor
        for tensor in part.checkable
        if native and tensor.name not in part.undecoded and is_for_core(tensor, decode)
    }
    if in_core:
        yield from check_in_native_core(part.dataset, list(in_core.values()), threads, decode)
    others = {tensor.name: (tensor, decoded[tensor.name]) for tensor in part.checkable if tensor.name not in in_core}
    yield from check_in_python(others, threads, native=native)

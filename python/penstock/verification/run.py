"""penstock.verify"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from penstock.dataset import Dataset, DatasetLike, Tensor, open_dataset
from penstock.dataset.joined import JoinedDataset
from penstock.dataset.joined.tensor import JoinedTensor
from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.dataset.lake3.tensor import Lake3Tensor
from penstock.dataset.lake4 import Lake4Dataset, Lake4Tensor
from penstock.errors import DatasetFormatError, PenstockError, UnsupportedError
from penstock.loading.options import LoaderOptions, default_threads, resolve_loader_type
from penstock.loading.readings import Reading
from penstock.verification.checks import Checked, check_in_native_core, check_in_python, items_of
from penstock.verification.findings import Finding, Report
from penstock.verification.rows import check_rows

__all__ = ["verify"]


def verify(
    dataset: DatasetLike,
    *,
    commit: str | None = None,
    view: str | None = None,
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
        commit, view: Likewise.
        tensors: Names of the tensors to check; None for all, the ones that Deep Lake hides included.
        fast: Checks the structure alone: metadata, chunk files and their sizes, headers, shapes and byte positions, and
            that all tensors have one length. Nothing is decoded, and uncompressed samples are not read; but of Deep
            Lake 4 everything is read, and of images the headers are checked.
        loader_type: "c++", "python", or "auto" for the native core where it is installed. The findings are the same,
            but for the words of causes that a decoder gives, and for damage of an image that one decoder can live with
            and the other cannot (of a PNG, libpng compares the checksums, Pillow does not).
        num_threads: Threads to decode with; None for one for each usable core.
        progress: Called with the number of samples checked so far and of all samples, now and then.

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
        opened = open_dataset(dataset, commit, view)
        chosen = _chosen(opened, tensors)
    except DatasetFormatError as error:
        return Report(error.path or str(dataset), None, fast, findings=(Finding.of(error),))
    parts = [_Part.of(part, chosen) for part, chosen in _parts(opened, chosen)]
    done, total = 0, sum(part.samples for part in parts)
    findings: list[Finding] = []
    for part in parts:
        of_part = list(part.findings)
        with closing(_check(part, native, threads, not fast)) as checks:
            for checked in checks:
                done += checked.samples
                of_part += checked.findings
                if progress is not None:
                    progress(done, total)
        findings += part.in_order(of_part, named=isinstance(opened, JoinedDataset))
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
        samples = sum(
            len(items_of(tensor)) if isinstance(tensor, Lake3Tensor) else len(tensor) for tensor in checkable
        )
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


def _parts(dataset: Dataset, chosen: Sequence[Tensor]) -> list[tuple[Dataset, list[Tensor]]]:
    """The datasets that are checked, with their tensors: of joined datasets each part once, else the dataset.

    Raises:
        UnsupportedError: A kind of dataset that nothing here looks at.
    """
    if isinstance(dataset, JoinedDataset):
        found: dict[int, tuple[Dataset, list[Tensor]]] = {}
        for number, part in enumerate(dataset.parts):
            own = [tensor.parts[number] for tensor in chosen if isinstance(tensor, JoinedTensor)]
            for inner, tensors in _parts(part, own):
                known = found.setdefault(id(inner), (inner, []))[1]
                known += [tensor for tensor in tensors if all(tensor.name != other.name for other in known)]
        return list(found.values())
    if not isinstance(dataset, (Lake3Dataset, Lake4Dataset)):
        raise UnsupportedError(f"a dataset of the type {type(dataset).__name__} cannot be verified", path=dataset.path)
    return [(dataset, list(chosen))]


def _chosen(dataset: Dataset, names: Sequence[str] | None) -> list[Tensor]:
    hidden: Mapping[str, Tensor] = dataset.hidden_tensors if isinstance(dataset, Lake3Dataset) else {}
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
            reason = tensor.unsupported("bytes" if isinstance(tensor, Lake3Tensor) else "numpy")
            if reason is not None:
                skipped[tensor.name] = reason
                continue
            _ = tensor.class_names
            if isinstance(tensor, Lake3Tensor):
                _ = tensor.chunks, tensor.is_sequence and tensor.sequences
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
    tensors, undecoded = part.checkable, part.undecoded
    in_rows = [tensor for tensor in tensors if isinstance(tensor, Lake4Tensor)]
    in_chunks = [tensor for tensor in tensors if isinstance(tensor, Lake3Tensor) and tensor.name not in undecoded]
    as_stored = [tensor for tensor in tensors if isinstance(tensor, Lake3Tensor) and tensor.name in undecoded]
    in_core = [tensor for tensor in in_chunks if native and _is_for_core(tensor, decode)]
    if in_core:
        assert isinstance(part.dataset, Lake3Dataset)
        yield from check_in_native_core(part.dataset, in_core, threads, decode)
    yield from check_in_python([tensor for tensor in in_chunks if tensor not in in_core], threads, decode)
    yield from check_in_python(as_stored, threads, decode=False)
    yield from check_rows(in_rows, threads, native, decode)


def _is_for_core(tensor: Lake3Tensor, decode: bool) -> bool:
    """Whether the core checks all of a tensor. It goes by chunks, of which a view may have a part and a sample in tiles
    many; and text, JSON, polygons, rare image formats and links come of bytes that Python has to try.
    """
    if tensor.rows is not None or tensor.is_link or tensor.chunks.tiles:
        return False
    return Reading(tensor).route == "arrays" or (tensor.value_format is not None and not decode)

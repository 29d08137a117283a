"""penstock.verify"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing

from penstock.dataset import Dataset, DatasetLike, Tensor, open_dataset
from penstock.dataset.dataset import Dataset as ChunkedDataset
from penstock.dataset.lake4 import Lake4Tensor
from penstock.dataset.tensor import Tensor as ChunkedTensor
from penstock.errors import DatasetFormatError, PenstockError
from penstock.options import LoaderOptions, default_threads, resolve_loader_type
from penstock.readings import Reading
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
            no chunks: only Deep Lake's own package sees them.
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
    checkable, findings, skipped = _checkable(chosen)
    undecoded = {tensor.name: reason for tensor in checkable if (reason := tensor.unsupported()) is not None}
    findings += _uneven_lengths(
        [tensor for tensor in checkable if tensor.name in opened.tensors and tensor.name not in undecoded]
    )
    total = sum(len(items_of(tensor)) if isinstance(tensor, ChunkedTensor) else len(tensor) for tensor in checkable)
    done = 0
    with closing(_check(opened, checkable, set(undecoded), native, threads, not fast)) as checks:
        for checked in checks:
            done += checked.samples
            findings += checked.findings
            if progress is not None:
                progress(done, total)
    order = {tensor.name: position for position, tensor in enumerate(chosen)}
    findings.sort(
        key=lambda finding: (
            -1 if finding.tensor is None else order[finding.tensor],
            -1 if finding.index is None else finding.index,
        )
    )
    return Report(opened.path, opened.commit_id, fast, done, tuple(findings), {} if fast else undecoded, skipped)


def _chosen(dataset: Dataset, names: Sequence[str] | None) -> list[Tensor]:
    hidden: Mapping[str, Tensor] = dataset.hidden_tensors if isinstance(dataset, ChunkedDataset) else {}
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
            reason = tensor.unsupported("bytes" if isinstance(tensor, ChunkedTensor) else "numpy")
            if reason is not None:
                skipped[tensor.name] = reason
                continue
            _ = tensor.class_names
            if isinstance(tensor, ChunkedTensor):
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


def _check(
    dataset: Dataset, tensors: Sequence[Tensor], undecoded: set[str], native: bool, threads: int, decode: bool
) -> Generator[Checked, None, None]:
    in_rows = [tensor for tensor in tensors if isinstance(tensor, Lake4Tensor)]
    in_chunks = [tensor for tensor in tensors if isinstance(tensor, ChunkedTensor) and tensor.name not in undecoded]
    as_stored = [tensor for tensor in tensors if isinstance(tensor, ChunkedTensor) and tensor.name in undecoded]
    in_core = [tensor for tensor in in_chunks if native and _is_for_core(tensor, decode)]
    if in_core:
        assert isinstance(dataset, ChunkedDataset)
        yield from check_in_native_core(dataset, in_core, threads, decode)
    yield from check_in_python([tensor for tensor in in_chunks if tensor not in in_core], threads, decode)
    yield from check_in_python(as_stored, threads, decode=False)
    yield from check_rows(in_rows, threads, native, decode)


def _is_for_core(tensor: ChunkedTensor, decode: bool) -> bool:
    """Whether the core checks all of a tensor. It goes by chunks, of which a view may have a part and a sample in tiles
    many; and text, JSON, polygons, rare image formats and links come of bytes that Python has to try.
    """
    if tensor.rows is not None or tensor.is_link or tensor.chunks.tiles:
        return False
    return Reading(tensor).route == "arrays" or (tensor.value_format is not None and not decode)

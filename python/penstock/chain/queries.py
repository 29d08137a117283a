"""Queries in text, which deeplake's library runs: Penstock has no engine for them."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.chain.query_language import Kind, translate, translate_condition
from penstock.dataset import Dataset, open_dataset
from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.dataset.lake3.deeplake_object import is_deeplake_dataset
from penstock.dataset.lake3.rows import RowIndex
from penstock.dataset.lake4 import Lake4Dataset
from penstock.described import described, described_error
from penstock.errors import ConfigError, UnsupportedError
from penstock.extras import import_extra
from penstock.similar import similar

__all__ = ["query_rows", "weights_of_text"]

#: Deep Lake's query language; anything else is an expression for deeplake 3's ``ds.filter``.
_QUERY_LANGUAGE = re.compile(r"[\s(]*select\b", re.IGNORECASE)
_WEIGHTS = re.compile(r"(max|sum)_weight\s*\((.*)\)\s*", re.IGNORECASE | re.DOTALL)


def query_rows(dataset: Dataset, given: Any, text: str) -> Dataset:
    """The samples that a query finds.

    Args:
        dataset: The dataset, or a view of it.
        given: What it was opened as; an object of deeplake is asked itself.
        text: Deep Lake's query language ("select ..."), which its own engine runs where deeplake's filter cannot (see
            :mod:`penstock.chain.query_language`); or an expression as deeplake 3's ``ds.filter`` takes it
            ("labels == 5"). The filter keeps the samples' order.

    Raises:
        TypeError: No text.
        UnsupportedError: A dataset that deeplake 3 cannot open here, or the engine does not run the query.
        ConfigError: The expression is wrong.
        MissingExtraError: deeplake is not installed.
    """
    if not isinstance(text, str):
        raise TypeError(f"a query is text, got {described(text)}")
    if isinstance(dataset, Lake4Dataset):
        return open_dataset(_run_by_engine(dataset.handle, text, dataset.path))
    lake = _lake3(dataset)
    theirs = _deeplake_object(lake, given)
    if _QUERY_LANGUAGE.match(text) is None:
        return _with_rows(lake, _rows(lake)[_passes(lake, theirs, text)])
    selected = translate(text, _kinds(theirs))
    if selected is not None:
        found = _rows(lake)[_passes(lake, theirs, selected.expression)][selected.offset :]
        return _with_rows(lake, found[: selected.limit])
    if lake.is_view:
        theirs = theirs[_rows(lake).tolist()]
    return open_dataset(_run_by_engine(theirs, text, lake.path))


def weights_of_text(dataset: Dataset, given: Any, text: str) -> npt.NDArray[np.float64]:
    """A weight for each sample, float64 [samples].

    Args:
        dataset, given: As of :func:`query_rows`.
        text: The name of a tensor of single numbers; or "max_weight(condition: weight, ...)", the largest weight of the
            conditions that a sample meets, 0 where it meets none; "sum_weight" adds them.

    Raises:
        UnsupportedError: It is neither of the two.
        ConfigError: The tensor has other samples, or a condition or its weight is wrong.
        As :func:`query_rows`.
    """
    if text in dataset.tensors:
        return _numbers(dataset, text)
    found = _WEIGHTS.fullmatch(text.strip())
    if found is None:
        raise UnsupportedError(
            f"sample_by does not understand {described(text)}",
            path=dataset.path,
            hint="Give a number for each sample, a tensor's name, or 'max_weight(condition: weight, ...)'",
        )
    weights = np.zeros(len(dataset))
    for part in _parts(found[2]):
        condition, _, number = part.rpartition(":")
        try:
            weight = float(number)
        except ValueError:
            raise ConfigError(f"sample_by: {described(part.strip())} is not 'condition: weight'") from None
        raised = np.maximum(weights, weight) if found[1].lower() == "max" else weights + weight
        weights = np.where(_meets(dataset, given, condition.strip()), raised, weights)
    return weights


def _meets(dataset: Dataset, given: Any, condition: str) -> npt.NDArray[np.bool_]:
    if condition.lower() == "true":
        return np.ones(len(dataset), dtype=bool)
    lake = _lake3(dataset)
    theirs = _deeplake_object(lake, given)
    return _passes(lake, theirs, translate_condition(condition, _kinds(theirs)) or condition)


def _kinds(theirs: Any) -> dict[str, Kind]:
    """What the tensors hold that queries are translated for."""
    kinds: dict[str, Kind] = {}
    for name, tensor in theirs.tensors.items():
        single = all(extent <= 1 for extent in tensor.meta.max_shape or ())
        if tensor.is_sequence or tensor.is_link:
            continue
        if tensor.htype == "text":
            kinds[name] = ("text", True)
        elif tensor.htype == "class_label" and tensor.info.get("class_names"):
            kinds[name] = ("label", single)
        elif tensor.htype != "class_label" and tensor.dtype is not None and np.dtype(tensor.dtype).kind in "biuf":
            kinds[name] = ("number", single)
    return kinds


def _parts(text: str) -> list[str]:
    """What stands between the commas that are in no brackets and no quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _numbers(dataset: Dataset, name: str) -> npt.NDArray[np.float64]:
    samples = dataset[name].numpy_all()[: len(dataset)]
    for index, sample in enumerate(samples):
        if np.size(sample) != 1 or np.asarray(sample).dtype.kind not in "biuf":
            raise ConfigError("sample_by: a weight is a single number", path=dataset.path, tensor=name, index=index)
    return np.array([np.asarray(sample).item() for sample in samples], dtype=np.float64)


def _lake3(dataset: Dataset) -> Lake3Dataset:
    if not isinstance(dataset, Lake3Dataset):
        raise UnsupportedError(
            "datasets and views of Deep Lake can be queried, samples picked by number and joined datasets cannot",
            path=dataset.path,
            hint="Query the dataset that they are of",
        )
    return dataset


def _rows(dataset: Lake3Dataset) -> npt.NDArray[np.int64]:
    """The number in the dataset of each of a view's samples."""
    shortest = min(dataset.tensors.values(), key=len, default=None)
    if shortest is None:
        return np.zeros(0, dtype=np.int64)
    return np.asarray(range(len(shortest)) if shortest.rows is None else shortest.rows, dtype=np.int64)


def _with_rows(dataset: Lake3Dataset, rows: npt.NDArray[np.int64]) -> Lake3Dataset:
    return Lake3Dataset(dataset.store, dataset.commit_id, replace(dataset.selection, index=RowIndex(rows)))


def _passes(dataset: Lake3Dataset, theirs: Any, expression: str) -> npt.NDArray[np.bool_]:
    """Which of the samples meet an expression."""
    if not any(name.replace("/", ".") in expression for name in theirs.tensors):
        raise ConfigError(
            f"the query {described(expression)} names no tensor",
            path=dataset.path,
            hint=similar(described(expression), list(theirs.tensors), "The dataset has no tensors"),
        )
    try:
        # Of the whole dataset: deeplake's filter of a view takes numbers in the dataset for numbers in the view.
        with warnings.catch_warnings():
            # Its filter reads samples one by one, and warns that this is slow.
            warnings.filterwarnings("ignore", "Indexing by integer in a for loop", UserWarning)
            view = theirs.filter(expression, progressbar=False)
        found = list(view.index.values[0].indices(len(theirs)))
    except Exception as error:  # of the expression, which is Python
        raise ConfigError(
            f"deeplake cannot filter by {described(expression)}: {described_error(error)}",
            path=dataset.path,
            hint="Write an expression such as: labels == 'car' or labels.contains(3)",
        ) from error
    return np.isin(_rows(dataset), np.array(found, dtype=np.int64))


def _run_by_engine(theirs: Any, text: str, path: str) -> Any:
    try:
        return theirs.query(text)
    except Exception as error:  # of a closed library
        raise UnsupportedError(
            f"Deep Lake's own engine does not run the query: {described_error(error)}",
            path=path,
            hint="Write it for deeplake's filter, query(\"labels == 'car'\"), or choose samples by number: ds[[0, 5]]",
        ) from error


def _deeplake_object(dataset: Lake3Dataset, given: Any) -> Any:
    """The whole dataset, as deeplake 3 opens it, at the commit."""
    if is_deeplake_dataset(given):
        whole = given.root.no_view_dataset
        if whole.pending_commit_id == dataset.commit_id:
            return whole
    if dataset.is_remote:
        raise UnsupportedError(
            "queries of remote datasets need the dataset as deeplake opens it",
            path=dataset.path,
            hint="penstock.dataloader(deeplake.load(url, creds=...)).query(...)",
        )
    deeplake = import_extra("deeplake", "a query", "ingest")
    if not hasattr(deeplake, "load"):
        raise UnsupportedError("queries of this dataset need the library deeplake 3", path=dataset.path)
    theirs = deeplake.load(dataset.path, read_only=True, verbose=False)
    if theirs.pending_commit_id != dataset.commit_id:
        theirs.checkout(dataset.commit_id)
    return theirs

"""From what a user calls a dataset to the samples of a loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import ConcatDataset, Subset

from penstock.dataset import Dataset, DatasetLike, Tensor, open_dataset
from penstock.dataset.joined.dataset import joined, subset
from penstock.errors import ConfigError
from penstock.loading.compile import compile_transform
from penstock.loading.image_output import ImageOutput
from penstock.loading.options import check_decode, select_tensors
from penstock.loading.program import Program
from penstock.loading.samples import Samples
from penstock.loading.seed import LoaderSeed
from penstock.storage.network import NetworkOptions

__all__ = ["made_for", "selected_samples"]

#: Names of tensors, or {key in the sample: tensor name}.
Tensors = Sequence[str] | Mapping[str, str]
Transform = Program | Callable[[dict[str, Any]], Any] | Sequence[Mapping[str, Any]]


def made_for(dataset: Any) -> Samples | None:
    """The samples of another loader, where a dataset is made of such (``loader.dataset``, or torch's ``Subset``)."""
    base, _ = _within_subsets(dataset)
    return base if isinstance(base, Samples) else None


def selected_samples(
    dataset: DatasetLike,
    tensors: Tensors | None,
    decode: Mapping[str, str] | None,
    transform: Transform | None,
    *,
    seed: LoaderSeed,
    return_index: bool,
    creds: Any,
    network: NetworkOptions | None,
    images: ImageOutput | None = None,
) -> Samples:
    """The samples that a loader gives.

    Args:
        dataset: What :func:`penstock.open` takes; torch's ``Subset`` or ``ConcatDataset`` of such; or samples of
            another loader, which have their tensors and transform already.
        tensors, decode, transform, return_index, creds, network, images: As :class:`penstock.DataLoader` has them.
        seed: The loader's.

    Raises:
        ConfigError: Arguments that do not fit the dataset.
    """
    made = made_for(dataset)
    if made is not None:
        given = {
            "tensors": tensors,
            "decode": decode,
            "transform": transform,
            "return_index": return_index or None,
            "layout and dtype": images,
        }
        named = [name for name, value in given.items() if value is not None]
        if named:
            raise ConfigError(
                f"the samples of another loader have their {', '.join(named)} already",
                hint="Give the dataset that penstock.open gave",
            )
        _, indices = _within_subsets(dataset)
        return made if indices is None else made.of_dataset(_subset(made.source, indices))
    source = _opened(dataset, creds, network)
    selected = select_tensors(source, tensors, decode)
    program = compile_transform(transform, dataset=source, tensors=selected)
    if images is not None:
        _check_images(images, selected, transform, path=source.path)
    return Samples(
        source,
        selected,
        program,
        decode=check_decode(decode, selected, program.color),
        seed=seed,
        return_index=return_index,
        images=images,
    )


def _check_images(images: ImageOutput, tensors: Mapping[str, Tensor], transform: object, *, path: str) -> None:
    if transform is not None:
        raise ConfigError(
            "layout and dtype are for images that no transform takes: it says itself what becomes of them", path=path
        )
    chosen = [tensor for tensor in tensors.values() if tensor.is_image]
    if not chosen:
        raise ConfigError("layout and dtype are for images, and no tensor that is loaded has any", path=path)
    for tensor in chosen:
        images.check(tensor)


def _opened(dataset: Any, creds: Any, network: NetworkOptions | None) -> Dataset:
    base, indices = _within_subsets(dataset)
    if indices is not None:
        return _subset(_opened(base, creds, network), indices)
    if type(base) is ConcatDataset:
        return joined([_opened(part, creds, network) for part in base.datasets])
    return open_dataset(base, creds=creds, network=network)


def _within_subsets(dataset: Any) -> tuple[Any, np.ndarray[Any, np.dtype[np.int64]] | None]:
    """What torch's ``Subset``, or a ``Subset`` of such, is of, and which samples of that; None where it is none."""
    indices = None
    while type(dataset) is Subset:
        outer = np.asarray(list(dataset.indices), dtype=np.int64)
        indices = outer if indices is None else outer[indices]
        dataset = dataset.dataset
    return dataset, indices


def _subset(source: Dataset, indices: np.ndarray[Any, np.dtype[np.int64]]) -> Dataset:
    count = len(source)
    if len(indices) and not (-count <= indices.min() and indices.max() < count):
        raise IndexError(f"a Subset names sample {indices.max()}: there are {count}")
    return subset(source, indices % max(count, 1))

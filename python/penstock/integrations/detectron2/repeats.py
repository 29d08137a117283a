"""How often images come in an epoch, by Detectron2's rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.checks import did_you_mean
from penstock.errors import ConfigError
from penstock.integrations.detectron2.images import Images
from penstock.loading.streams import weighted_order_generator

__all__ = ["category_factors", "dataset_factors", "drawn_subset"]


def category_factors(images: Images, threshold: float, *, square_root: bool) -> npt.NDArray[np.float32]:
    """The factor of each image, float32 [images]: the largest of its classes', and 1 at least.

    A class that a share f of the images has, crowds included, has the factor threshold / f, or the square root of that.
    """
    items, labels = images.category_sets()
    share = np.bincount(labels) / len(images)
    with np.errstate(divide="ignore"):
        factors = threshold / share
    factors = np.maximum(1.0, np.sqrt(factors) if square_root else factors)
    found = np.ones(len(images))
    np.maximum.at(found, items, factors[labels])
    return found.astype(np.float32)


def dataset_factors(images: Images, names: Sequence[str], given: Sequence[Any]) -> npt.NDArray[np.float32]:
    """The factor of each image, float32 [images], by its dataset's; 1 where there is none.

    Args:
        images: Of the datasets of these names, in their order.
        names: The datasets.
        given: Pairs of a name and a factor.

    Raises:
        ConfigError: A name of none of the datasets, or a factor that is no positive number.
    """
    factors = dict.fromkeys(names, 1.0)
    for name, factor in given:
        if name not in factors:
            raise ConfigError(
                f"DATASETS.TRAIN_REPEAT_FACTOR: there is no dataset '{name}'", hint=did_you_mean(name, names)
            )
        if not float(factor) > 0:
            raise ConfigError(f"DATASETS.TRAIN_REPEAT_FACTOR: the factor of '{name}' is {factor}, and must exceed 0")
        factors[name] = float(factor)
    return np.array([factors[name] for name in names], np.float32)[images.part_of]


def drawn_subset(count: int, ratio: float, seed: int) -> npt.NDArray[np.int64]:
    """The places of a share of the images, drawn once, int64.

    Args:
        count: How many images there are.
        ratio: The share.
        seed: What the choice follows from, on all ranks; a negative one counts as 0.

    Raises:
        ConfigError: A share that leaves none, or of more than all.
    """
    kept = int(count * ratio)
    if not 0 < ratio <= 1 or kept == 0:
        raise ConfigError(f"DATALOADER.RANDOM_SUBSET_RATIO: {ratio} of {count} images is no subset")
    return weighted_order_generator(max(seed, 0), 0).permutation(count)[:kept]

"""What has come before a sample in an epoch, and how old that is which comes out of a cache."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.detection.epoch_places import EpochPlaces
from penstock.detection.reference import partner_indices
from penstock.detection.steps import MixUp, Mosaic
from penstock.loading.draws import Stream
from support.examples import examples


@examples(100)
@given(
    st.permutations(range(7)),
    st.integers(0, 6),
    st.integers(0, 40),
    st.none() | st.sets(st.integers(0, 6), min_size=1),
)
def test_what_comes_before(order: list[int], item: int, age: int, pool: set[int] | None) -> None:
    """As one finds it going back through many epochs, one item at a time."""
    counted = [other for other in order if pool is None or other in pool]
    before = [other for other in order[: order.index(item)] if other in counted]
    back = [item, *reversed(counted * 41 + before)]
    places = EpochPlaces(np.array(order, dtype=np.int64))
    members = None if pool is None else np.array(sorted(pool), dtype=np.int64)
    for _ in range(2):
        assert places.before(item, age, members) == back[age]


def test_two_pools_are_two() -> None:
    places = EpochPlaces(np.arange(6, dtype=np.int64))
    assert [places.before(4, 1, np.array(pool)) for pool in ([0, 1], [0, 2], [3], [0, 1])] == [1, 2, 3, 1]


def ages(step: Mosaic | MixUp, samples: int) -> Counter[int]:
    drawn: Counter[int] = Counter()
    for index in range(samples):
        drawn.update(partner_indices(step, Stream(3, 0, index).step(2), 9, lambda age: 1, lambda age: age))
    return drawn


def ages_in_a_cache(size: int, random_pop: bool, samples: int) -> Counter[int]:
    """MMDetection's own way: an image goes in, an older one goes out of a full cache, and an older one is taken."""
    generator, cache, drawn = random.Random(5), list[int](), Counter[int]()
    for now in range(samples + 40 * size):
        cache.append(now)
        if len(cache) > size:
            cache.pop(generator.randrange(len(cache) - 1) if random_pop else 0)
        if now >= 40 * size:
            drawn.update(now - generator.choice(cache[:-1]) for _ in range(3))
    return drawn


@pytest.mark.parametrize("random_pop", [False, True])
@pytest.mark.parametrize("kind", [Mosaic, MixUp])
def test_ages_are_distributed_as_those_in_a_cache(kind: Callable[..., Mosaic | MixUp], random_pop: bool) -> None:
    size, samples = 6, 12_000
    step = kind(cached=True, max_cached_images=size, random_pop=random_pop)
    ours, theirs = ages(step, samples), ages_in_a_cache(size, random_pop, samples)
    ours_of_all, theirs_of_all = ours.total(), theirs.total()
    for age in range(0, max(*ours, *theirs) + 1):
        share = (ours[age] + theirs[age]) / (ours_of_all + theirs_of_all)
        deviation = (share * (1 / ours_of_all + 3 / theirs_of_all)) ** 0.5  # three of one cache are not independent
        assert abs(ours[age] / ours_of_all - theirs[age] / theirs_of_all) <= 5 * deviation + 1e-9, age
    if not random_pop:
        assert sorted(ours) == sorted(theirs) == list(range(1, size))


def test_a_mix_up_looks_for_boxes_among_what_came_before() -> None:
    step = MixUp(cached=True, max_cached_images=4, random_pop=False, max_iters=50)
    for index in range(50):
        draws = Stream(0, 0, index).step(0)
        assert partner_indices(step, draws, 9, lambda age: age == 2, lambda age: age) == [2]


def test_a_cache_without_end_is_no_endless_draw() -> None:
    """An age is drawn in about as many rounds as there are images in the cache, 37 times as many at most."""
    step = Mosaic(cached=True, max_cached_images=1000, random_pop=True)
    assert max(ages(step, 300)) < 37_000

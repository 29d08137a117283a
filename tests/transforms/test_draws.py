"""The random numbers of steps: numpy's Philox, one stream a step, and numbers in the ranges that they state."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock.loading.draws import Draws, Stream
from support.statistics import chi_square, chi_square_limit

SEEDS = st.integers(0, 2**64 - 1)


class _Fixed(Draws):
    """Draws of one number alone."""

    def __init__(self, number: float) -> None:
        self._number = number

    def random(self) -> float:
        return self._number


UNITS = st.floats(0, 1, exclude_max=True) | st.just(math.nextafter(1, 0))
fixed = st.builds(_Fixed, UNITS)


@given(SEEDS, SEEDS, st.integers(0, 2**63), st.integers(0, 2**31), st.integers(0, 2**16 - 1), st.integers(-1, 2**15))
def test_a_stream_is_numpys_philox(seed: int, epoch: int, index: int, attempt: int, part: int, step: int) -> None:
    word = attempt * 2**32 + part * 2**16 + step + 1
    expected = np.random.Generator(
        # Of a list with numbers from 2**63 on numpy makes floats.
        np.random.Philox(key=np.array([seed, epoch], np.uint64), counter=np.array([0, word, index, 0], np.uint64))
    )
    draws = Stream(seed, epoch, index, attempt, part).step(step)
    assert [draws.random() for _ in range(9)] == expected.random(9).tolist()


def test_streams_of_other_steps_parts_attempts_and_samples_differ() -> None:
    streams = [
        Stream(seed, epoch, index, attempt, part).step(step)
        for seed, epoch, index, attempt, part, step in itertools.product(range(2), repeat=6)
    ]
    assert len({tuple(draws.random() for _ in range(3)) for draws in streams}) == 64


def test_parts_and_attempts_keep_what_else_a_stream_is() -> None:
    stream = Stream(1, 2, 3, 4, 5)
    assert stream.part(7).step(0).random() == Stream(1, 2, 3, 4, 7).step(0).random()
    assert stream.attempt(7).step(0).random() == Stream(1, 2, 3, 7, 5).step(0).random()


@given(fixed, st.integers(-(2**31), 2**31), st.integers(1, 2**31))
def test_randint_is_in_its_range(draws: Draws, low: int, extent: int) -> None:
    assert low <= draws.randint(low, low + extent) < low + extent


@given(fixed, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_uniform_is_between_its_bounds(draws: Draws, low: float, high: float) -> None:
    number = draws.uniform(low, high)
    assert min(low, high) <= number or math.isclose(number, min(low, high))
    assert number <= max(low, high) or math.isclose(number, max(low, high))


@given(fixed, st.lists(st.floats(0, 1), min_size=1).filter(lambda weights: sum(weights) > 1e-6))
def test_weighted_gives_what_has_a_weight(draws: Draws, weights: list[float]) -> None:
    position = draws.weighted(weights)
    assert weights[position] > 0
    below = sum(weights[:position]) / sum(weights)
    assert below <= draws.random() + 1e-9 and draws.random() <= below + weights[position] / sum(weights) + 1e-9


@given(SEEDS, st.integers(0, 50))
def test_a_permutation_has_each_number_once(seed: int, length: int) -> None:
    assert sorted(Stream(seed, 0, 0).step(0).permutation(length)) == list(range(length))


def test_permutations_are_equally_likely() -> None:
    counts = Counter(tuple(Stream(5, 0, index).step(0).permutation(4)) for index in range(24 * 100))
    assert chi_square([counts[order] for order in itertools.permutations(range(4))], [100] * 24) < chi_square_limit(23)


def test_choice_and_weighted_follow_their_shares() -> None:
    draws = Stream(6, 0, 0).step(0)
    chosen = Counter(draws.choice("abcde") for _ in range(5000))
    assert chi_square([chosen[letter] for letter in "abcde"], [1000] * 5) < chi_square_limit(4)
    drawn = Counter(draws.weighted([0.5, 1, 0, 2.5]) for _ in range(4000))
    assert drawn[2] == 0
    assert chi_square([drawn[0], drawn[1], drawn[3]], [500, 1000, 2500]) < chi_square_limit(2)

"""Whether two samples may come from one distribution, without scipy.

Every test here raises a false alarm in one of a million runs; with fixed seeds it does so always or never.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

__all__ = ["FALSE_ALARM", "assert_same_distribution", "chi_square", "chi_square_limit"]

FALSE_ALARM = 1e-6
#: Of the standard normal distribution, for FALSE_ALARM on one side.
_QUANTILE = 4.7534
#: More values than that are compared as numbers, by Kolmogorov and Smirnov's test.
_MOST_CATEGORIES = 40
#: Rarer values are taken together: the statistic is not one of chi-square otherwise.
_LEAST_EXPECTED = 10


def chi_square(observed: Sequence[float], expected: Sequence[float]) -> float:
    """The sum of squared differences, each divided by what was expected."""
    return sum((one - other) ** 2 / other for one, other in zip(observed, expected, strict=True))


def chi_square_limit(freedom: int) -> float:
    """What chi-square with so many degrees of freedom exceeds with FALSE_ALARM (Wilson and Hilferty's formula)."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + _QUANTILE * math.sqrt(part)) ** 3)


def assert_same_distribution(ours: Sequence[Hashable], theirs: Sequence[Hashable], what: str) -> None:
    """Chi-square's test of two samples where values are few, Kolmogorov and Smirnov's where they are many numbers."""
    if len({*ours, *theirs}) <= _MOST_CATEGORIES:
        _assert_same_counts(Counter(ours), Counter(theirs), what)
    else:
        _assert_same_numbers(np.sort(np.array(ours, float)), np.sort(np.array(theirs, float)), what)


def _assert_same_counts(ours: Counter[Hashable], theirs: Counter[Hashable], what: str) -> None:
    rows = [(ours[value], theirs[value]) for value in {*ours, *theirs}]
    share = ours.total() / (ours.total() + theirs.total())
    common = [row for row in rows if sum(row) * min(share, 1 - share) >= _LEAST_EXPECTED]
    rest = [row for row in rows if row not in common]
    if rest:
        common.append((sum(row[0] for row in rest), sum(row[1] for row in rest)))
    if len(common) == 1:
        return
    observed = [count for row in common for count in row]
    expected = [sum(row) * part for row in common for part in (share, 1 - share)]
    statistic, limit = chi_square(observed, expected), chi_square_limit(len(common) - 1)
    assert statistic < limit, f"{what}: chi-square {statistic:.1f} exceeds {limit:.1f}"


def _assert_same_numbers(ours: np.ndarray, theirs: np.ndarray, what: str) -> None:
    values = np.concatenate([ours, theirs])
    shares = [np.searchsorted(sample, values, side="right") / len(sample) for sample in (ours, theirs)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    limit = math.sqrt(-math.log(FALSE_ALARM / 2) / 2 * (1 / len(ours) + 1 / len(theirs)))
    assert distance < limit, f"{what}: distributions lie {distance:.3f} apart, more than {limit:.3f}"

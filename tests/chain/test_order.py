"""Which samples a chain of Deep Lake's gives, in which order: offset, shuffle, sample_by, and ranks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock import errors
from penstock.chain import Chain
from penstock.chain.order import ChainSampler, Weights
from support.chains import as_list, identity, write

Begin = Callable[..., Chain]


@pytest.fixture(scope="module")
def path(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = np.arange(10, dtype=np.uint16)
    return write(tmp_path_factory.mktemp("order") / "lake", abc=({"dtype": "uint16"}, labels), w=({}, labels % 5))


def order(chain: Chain) -> list[int]:
    return [int(index) for batch in chain for index in batch["index"]]


def test_an_offset_turns_the_order(begin: Begin, path: Path) -> None:
    chain = begin(path).offset(4).transform(identity).pytorch(collate_fn=as_list)
    for _ in range(2):
        assert [int(batch[0]["index"][0]) for batch in chain] == [4, 5, 6, 7, 8, 9, 0, 1, 2, 3]
    batched = begin(path).offset(8).batch(4, drop_last=True).pytorch()
    assert [batch["index"].flatten().tolist() for batch in batched] == [[8, 9, 0, 1], [2, 3, 4, 5]]
    assert len(batched) == 2


def test_an_offset_turns_a_shuffled_order(begin: Begin, path: Path) -> None:
    plain, turned = begin(path).shuffle().pytorch(), begin(path).shuffle().offset(3).pytorch()
    for _ in range(2):
        expected = order(plain)
        assert order(turned) == expected[3:] + expected[:3]


def test_samples_are_drawn_by_weight(begin: Begin, path: Path) -> None:
    weights = [0, 0, 1, 0, 0, 3, 0, 0, 0, 0]
    chain = begin(path).sample_by(weights, size=400).batch(50).pytorch()
    assert len(chain) == 8
    first, second = order(chain), order(chain)
    assert len(first) == len(second) == 400
    # Another draw each epoch, and the same for the same seed.
    assert first != second
    again = begin(path).sample_by(tuple(weights), size=400).batch(7).pytorch()
    assert (order(again), order(again)) == (first, second)
    assert order(begin(path, seed=4).sample_by(np.array(weights), size=400).pytorch()) != first
    for drawn in (first, second):
        counts = Counter(drawn)
        assert set(counts) == {2, 5}
        assert 250 < counts[5] < 350


def test_samples_are_drawn_once(begin: Begin, path: Path) -> None:
    weights = [0, 0, 1, 0, 0, 3, 0, 0, 2, 0]
    found = order(begin(path).sample_by(weights, replace=False).pytorch())
    assert set(found[:3]) == {2, 5, 8}
    # As with Deep Lake: what has no weight comes at the end.
    assert found[3:] == [0, 1, 3, 4, 6, 7, 9]
    assert set(order(begin(path).sample_by(weights, replace=False, size=3).pytorch())) == {2, 5, 8}
    assert len(order(begin(path).sample_by(weights, replace=False, size=30).pytorch())) == 10


def test_how_often_each_weight_is_drawn() -> None:
    generator = np.random.default_rng(0)
    found = np.bincount(Weights([1, 2, 0, 5], size=80_000).draw(generator), minlength=4) / 10_000
    np.testing.assert_allclose(found, [1, 2, 0, 5], atol=0.1)
    once = Weights([1, 2, 0, 5], replace=False, size=1)
    found = np.bincount([once.draw(generator)[0] for _ in range(8000)], minlength=4) / 1000
    np.testing.assert_allclose(found, [1, 2, 0, 5], atol=0.2)


@pytest.mark.parametrize(
    ("weights", "arguments", "error"),
    [
        ([1] * 9, {}, "a weight is needed for each of 10 samples, got 9"),
        ([[1] * 10], {}, r"one axis, got the shape \(1, 10\)"),
        ([-1] + [1] * 9, {}, "finite, not negative, and not all 0"),
        ([0] * 10, {}, "finite, not negative, and not all 0"),
        ([float("nan")] + [1] * 9, {}, "finite, not negative, and not all 0"),
        ([1] * 10, {"size": 0}, "size must be an int of at least 1, got 0"),
    ],
)
def test_wrong_weights(begin: Begin, path: Path, weights: Any, arguments: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        begin(path).sample_by(weights, **arguments)
    with pytest.raises(TypeError, match="weights must be numbers"):
        begin(path).sample_by(["a"] * 10)


def test_a_tensor_of_weights(begin: Begin, path: Path) -> None:
    found = Counter(order(begin(path).sample_by("w", size=500).pytorch()))
    assert set(found) == {1, 2, 3, 4, 6, 7, 8, 9}
    assert found[4] > 2 * found[1]


def test_text_that_is_no_weight(begin: Begin, path: Path) -> None:
    with pytest.raises(errors.UnsupportedError, match="sample_by does not understand 'square'"):
        begin(path).sample_by("square")
    with pytest.raises(errors.ConfigError, match=r"'w == 1' is not 'condition: weight'"):
        begin(path).sample_by("max_weight(w == 1)")


def test_states_of_other_orders_are_refused(begin: Begin, path: Path) -> None:
    chain = begin(path).sample_by([1] * 10).offset(2).pytorch()
    batches = iter(chain)
    seen = [next(batches)["index"].item() for _ in range(3)]
    state = chain.state_dict()
    rest = [batch["index"].item() for batch in batches]
    same = begin(path, seed=8).sample_by([1] * 10).offset(2).pytorch()
    same.load_state_dict(state)
    assert [batch["index"].item() for batch in same] == rest
    assert len(seen + rest) == 10
    for other in (begin(path).sample_by([2] * 10).offset(2), begin(path).sample_by([1] * 10).offset(3)):
        with pytest.raises(errors.ConfigError, match="its order is"):
            other.pytorch().load_state_dict(state)


def test_the_rest_of_an_epoch_in_other_batches(begin: Begin, path: Path) -> None:
    for link in (
        lambda chain: chain.sample_by(range(10), size=40),
        lambda chain: chain.shuffle().offset(7),
        lambda chain: chain.shuffle(),
    ):
        whole = order(link(begin(path)).pytorch())
        begun = link(begin(path)).batch(3).pytorch()
        batches = iter(begun)
        seen = [int(index) for _ in range(2) for index in next(batches)["index"]]
        other = link(begin(path, seed=9)).batch(4).pytorch()
        other.load_state_dict(begun.state_dict())
        assert seen + order(other) == whole


def test_torchs_seed_governs(path: Path, native: Any) -> None:
    found = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        found.append(order(penstock.dataloader(path).sample_by([1] * 10, size=30).pytorch()))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("weights", [None, [1, 2, 3, 4, 5]])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("drop_last", [True, False])
def test_ranks_share_the_order(weights: list[int] | None, shuffle: bool, drop_last: bool) -> None:
    length = 11 if weights is None else 5

    def sampler(rank: int, world: int) -> ChainSampler:
        made = None if weights is None else Weights(weights, size=11)
        sampler = ChainSampler(
            length, shuffle=shuffle, weights=made, offset=2, world=lambda: (rank, world), drop_last=drop_last
        )
        sampler.draw_from(lambda: 7)
        return sampler

    alone = list(sampler(0, 1))
    shares = [list(sampler(rank, 3)) for rank in range(3)]
    together = [index for step in zip(*shares, strict=True) for index in step]
    assert together == (alone[:9] if drop_last else alone + alone[:1])

"""The links of Deep Lake's chain: what each refuses, and that none changes the chain that it was called on."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock import errors
from penstock.chain import Chain
from support.chains import as_list, double, identity, squares, write
from support.lake import new_lake, open_lake

Begin = Callable[..., Chain]


@pytest.fixture(scope="module")
def path(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("links") / "lake", xyz=squares(), label=({}, list(range(8))))


@pytest.mark.parametrize(
    ("link", "again"),
    [
        (lambda chain: chain.batch(2), "batch size is already set"),
        (lambda chain: chain.offset(2), "offset is already set"),
        (lambda chain: chain.shuffle(False), "shuffle is already set"),
        (lambda chain: chain.transform(identity), "transform is already set"),
        (lambda chain: chain.transform({"xyz": None}), "transform is already set"),
        (lambda chain: chain.sample_by([1] * 8), "sample_by is already set"),
        (lambda chain: chain.pytorch(), r"already called \.pytorch\(\)"),
        (lambda chain: chain.numpy(), r"already called \.numpy\(\)"),
    ],
)
def test_each_link_is_called_once(begin: Begin, link: Callable[[Chain], Chain], again: str, path: Path) -> None:
    once = link(begin(path))
    with pytest.raises(ValueError, match=again):
        link(once)


def test_one_ending(begin: Begin, path: Path) -> None:
    with pytest.raises(ValueError, match=r"Can't call \.numpy\(\) after \.pytorch\(\)"):
        begin(path).pytorch().numpy()
    with pytest.raises(ValueError, match=r"Can't call \.pytorch\(\) after \.numpy\(\)"):
        begin(path).numpy().pytorch()
    with pytest.raises(errors.UnsupportedError, match=r"TensorFlow are not made\. Use \.numpy\(\)"):
        begin(path).tensorflow()


def test_tensors_are_named_once(begin: Begin, path: Path) -> None:
    with pytest.raises(ValueError, match=r"specified in the \.pytorch method"):
        begin(path).pytorch(tensors=["xyz"]).transform({"xyz": None})
    with pytest.raises(ValueError, match=r"by passing a dictionary to \.transform"):
        begin(path).transform({"xyz": None}).numpy(tensors=["xyz"])
    with pytest.raises(KeyError, match="there is no tensor 'xy'"):
        begin(path).transform({"xy": None})
    with pytest.raises(TypeError, match="got the string 'xyz'"):
        begin(path).pytorch(tensors="xyz")


def test_chains_do_not_change(begin: Begin, path: Path) -> None:
    first = begin(path).pytorch()
    second = first.batch(4)
    third = second.shuffle()
    assert [len(chain) for chain in (first, second, third)] == [8, 2, 2]
    labels = [[int(label) for batch in chain for label in batch["label"]] for chain in (first, second, third)]
    assert labels[0] == labels[1] == list(range(8)) == sorted(labels[2]) != labels[2]


def test_drop_last(begin: Begin, path: Path) -> None:
    for drop_last, sizes in ((False, [3, 3, 2]), (True, [3, 3])):
        chain = begin(path).batch(3, drop_last=drop_last).pytorch()
        assert len(chain) == len(sizes)
        assert [len(batch["label"]) for batch in chain] == sizes


def test_without_a_batch_size_batches_have_one_sample(begin: Begin, path: Path) -> None:
    # Deep Lake's chain keeps None, and says 1.
    for chain in (begin(path).pytorch(), begin(path).batch(None).pytorch()):  # type: ignore[arg-type]
        assert len(chain) == 8
        assert [len(batch["label"]) for batch in chain] == [1] * 8


@pytest.mark.parametrize("off", [-1, 1.5, True, "1"])
def test_wrong_offsets(begin: Begin, off: Any, path: Path) -> None:
    with pytest.raises(ValueError, match="offset must be an int of at least 0"):
        begin(path).offset(off)


def test_what_has_no_effect_is_said(begin: Begin, path: Path) -> None:
    with pytest.warns(UserWarning, match="verbose has no effect"):
        begin(path, verbose=True)
    with pytest.warns(UserWarning, match="buffer_size has no effect"):
        chain = begin(path).shuffle(buffer_size=10)
    assert len(list(chain.pytorch())) == 8


def test_distributed_needs_ranks(begin: Begin, path: Path) -> None:
    with pytest.raises(ValueError, match=r"distributed=True needs torch\.distributed\.init_process_group"):
        begin(path).pytorch(distributed=True)


@pytest.mark.parametrize("transform", ["xyz", 3, None])
def test_wrong_transforms(begin: Begin, transform: Any, path: Path) -> None:
    with pytest.raises(TypeError, match="transform must be a callable or a dict of such"):
        begin(path).transform(transform)


def test_what_workers_begin_with(begin: Begin, path: Path, tmp_path: Path) -> None:
    with new_lake(tmp_path / "empty"):
        pass
    chain = begin(tmp_path / "empty").pytorch()
    assert chain.worker_init_fn is None
    chain.worker_init_fn = partial("{} {}".format, "called with")
    assert chain.worker_init_fn(1024) == "called with 1024"

    made = begin(path).transform(identity).pytorch(num_workers=1)
    assert made.worker_init_fn is None
    assert len(list(made)) == 8
    made.worker_init_fn = _fail
    # Also of the links that follow.
    for after in (made, made.batch(4)):
        with pytest.raises(Exception, match="this worker does not begin"):
            list(after)


def test_workers_are_there_for_python_code_alone(begin: Begin, path: Path) -> None:
    chain = begin(path).batch(4)
    assert len(list(chain.numpy(persistent_workers=True))) == 2
    lazy = chain.numpy(num_workers=2)
    lazy.worker_init_fn = _fail
    if lazy.loader.loader_type == "c++":
        assert len(list(lazy)) == 2
        assert lazy.loader.options.num_threads == 2
    made = chain.transform(identity).pytorch(num_workers=2, persistent_workers=True, prefetch_factor=3)
    made.multiprocessing_context = "forkserver"
    options = made.loader.options
    assert (options.num_workers, options.persistent_workers, options.prefetch_factor) == (2, True, 3)
    assert options.multiprocessing_context == "forkserver"


def _fail(worker: int) -> None:
    raise ValueError("this worker does not begin")


def test_next_without_iter(begin: Begin, path: Path) -> None:
    chain = begin(path).batch(4).pytorch()
    assert [next(chain)["label"].tolist() for _ in range(2)] == [[[0], [1], [2], [3]], [[4], [5], [6], [7]]]
    with pytest.raises(StopIteration):
        next(chain)
    assert next(chain)["label"].tolist() == [[0], [1], [2], [3]]


def test_a_closed_chain_begins_afresh(begin: Begin, path: Path) -> None:
    chain = begin(path).pytorch()
    loader = chain.loader
    assert len(list(chain)) == 8
    chain.close()
    chain.close()
    with pytest.raises(errors.LoaderClosedError):
        list(loader)
    assert len(list(chain)) == 8


def test_the_loader_underneath(begin: Begin, path: Path) -> None:
    chain = begin(path).batch(2).pytorch()
    assert isinstance(chain.loader, penstock.DataLoader)
    batches = iter(chain)
    next(batches)
    state = chain.state_dict()
    rest = [batch["label"].tolist() for batch in batches]
    other = begin(path).batch(2).pytorch()
    other.load_state_dict(state)
    assert [batch["label"].tolist() for batch in other] == rest
    assert len(rest) == 3
    assert chain.stats()["batches"] == 4


@pytest.mark.parametrize("transform", [None, identity])
def test_torchs_loader_of_the_same_parts(begin: Begin, path: Path, transform: Any) -> None:
    """As frameworks build it."""
    chain = begin(path).batch(3).shuffle()
    chain = (chain if transform is None else chain.transform(transform)).pytorch()
    expected = list(chain)
    chain.set_epoch(0)
    parts = {"batch_sampler": chain.batch_sampler, "collate_fn": chain.collate_fn}
    found = list(torch.utils.data.DataLoader(chain.dataset, **parts))
    assert len(found) == len(expected) == 3
    for batch, their in zip(found, expected, strict=True):
        assert type(batch) is type(their)
        for value, same in zip(batch, their, strict=True):
            assert torch.equal(value, same)


def test_copies_make_loaders_of_their_own(begin: Begin, path: Path) -> None:
    with open_lake(path) as lake:
        for dataset in (path, lake[2:7]):
            chain = begin(dataset).transform(identity).shuffle().batch(4).pytorch()
            chain.worker_init_fn = identity
            expected = [batch["label"].tolist() for batch in chain]
            for copied in (copy.copy(chain), pickle.loads(pickle.dumps(chain))):
                assert copied.worker_init_fn is identity
                assert copied.loader is not chain.loader
                assert [batch["label"].tolist() for batch in copied] == expected


def test_states_know_the_transform(begin: Begin, path: Path) -> None:
    state = begin(path).transform(identity).pytorch().state_dict()
    begin(path).transform(identity).pytorch().load_state_dict(state)
    begin(path).transform(identity).batch(4).pytorch(collate_fn=as_list).load_state_dict(state)
    for other in (begin(path).transform(double), begin(path).transform({"xyz": identity}), begin(path)):
        with pytest.raises(errors.ConfigError, match="its pipeline is"):
            other.pytorch().load_state_dict(state)


def test_samples_are_batched_without_python_where_nothing_asks_for_it(path: Path, native: Any) -> None:
    chain = penstock.dataloader(path, loader_type="c++").batch(4).pytorch()
    assert len(list(chain)) == 2
    assert chain.stats()["python_seconds"] == 0
    np.testing.assert_array_equal(chain.dataset[3]["xyz"], 3 * np.ones((2, 2)))

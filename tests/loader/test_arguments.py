"""Wrong arguments are refused before anything starts, in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock import _native, errors
from penstock.loading import options

Lake = Callable[[str], Path]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an int"),
        ({"batch_size": np.int64(2)}, TypeError, r"batch_size must be an int, got .*2.*\(int64\)"),
        ({"num_workers": -1}, ValueError, "num_workers must be at least 0"),
        ({"num_threads": 0}, ValueError, "num_threads must be at least 1"),
        ({"prefetch_factor": 0}, ValueError, "prefetch_factor must be at least 1"),
        ({"loader_type": "rust"}, ValueError, "loader_type must be one of 'auto', 'c\\+\\+', 'cpp', 'python'"),
        ({"on_error": "ignore"}, ValueError, "on_error must be 'raise'"),
        ({"seed": -1}, ValueError, "seed must be in"),
        ({"seed": 1, "generator": torch.Generator()}, ValueError, "exclude each other"),
        ({"rank": 1}, ValueError, "rank and world_size belong together"),
        ({"shuffle": True, "sampler": [1]}, ValueError, "sampler option is mutually exclusive with shuffle"),
        ({"shuffle": "chunk", "sampler": [1]}, ValueError, "sampler option is mutually exclusive with shuffle"),
        ({"shuffle": "chunks"}, ValueError, "shuffle must be True, False or one of 'chunk', 'full', got 'chunks'"),
        ({"shuffle": 2}, ValueError, "shuffle must be True, False or one of 'chunk', 'full', got 2"),
        ({"shuffle": []}, ValueError, "shuffle must be True, False or one of"),
        ({"read_ahead_bytes": -1}, ValueError, "read_ahead_bytes must be at least 0, got -1"),
        ({"read_ahead_bytes": 1e8}, TypeError, "read_ahead_bytes must be an int"),
        ({"cache_dir": 3}, TypeError, "cache_dir must be a path, got 3"),
        ({"cache_dir": ""}, ValueError, "cache_dir must not be empty"),
        ({"cache_size": "50GB"}, ValueError, "there is no cache_dir"),
        ({"cache_dir": "c", "cache_size": "fifty"}, ValueError, "cache_size must be a number of bytes, or text"),
        ({"cache_dir": "c", "cache_size": 0}, ValueError, "cache_size must be at least 1 and below"),
        ({"cache_dir": "c", "cache_size": "0.1 B"}, ValueError, "cache_size must be at least 1 and below"),
        ({"cache_dir": "c", "cache_size": "9" * 400}, ValueError, "cache_size must be below"),
        ({"cache_dir": "c", "cache_size": 1.5}, TypeError, "cache_size must be a number of bytes, or text"),
        ({"cache_dir": "c", "cache_size": True}, TypeError, "cache_size must be a number of bytes, or text"),
        ({"shuffle_window": 0}, ValueError, "shuffle_window must be at least 1, got 0"),
        ({"shuffle_window": "16"}, TypeError, "shuffle_window must be an int"),
        ({"batch_size": 2, "batch_sampler": [[1]]}, ValueError, "batch_sampler option is mutually exclusive"),
        ({"transform": 3}, TypeError, "transform must be a callable or a list of dicts"),
        ({"tensors": "jpegs"}, TypeError, "tensors must be a list of names or a dict"),
        ({"tensors": 5}, TypeError, "tensors must be a list of names or a dict, got 5"),
        ({"tensors": []}, errors.ConfigError, "no tensors to load"),
        ({"tensors": ["jpgs"]}, errors.TensorNotFoundError, "jpegs"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], kind: type[Exception], words: str, lake: Lake, native: Any) -> None:
    with pytest.raises(kind, match=words):
        penstock.DataLoader(lake("equal_images"), **arguments)


def test_a_rank_beyond_the_world(lake: Lake) -> None:
    with pytest.raises(ValueError, match=r"rank must be in 0\.\.world_size-1"):
        penstock.DataLoader(lake("equal_images"), rank=2, world_size=2)


def test_a_sampler_that_leads_out_of_the_dataset(lake: Lake, native: Any) -> None:
    for loader_type in ("c++", "python"):
        for index in (12, -13):
            loader = penstock.DataLoader(lake("equal_images"), sampler=[0, index], loader_type=loader_type)
            with pytest.raises(IndexError, match=f"sample {index} is out of range: there are 12"):
                list(loader)


def test_tensors_that_cannot_be_read_are_refused_by_name(lake: Lake) -> None:
    with pytest.raises(errors.UnsupportedError, match=r"not supported yet \(tensor '") as caught:
        penstock.DataLoader(lake("unsupported"))
    assert caught.value.tensor in penstock.open(lake("unsupported")).tensors
    assert "tensors=[...]" in str(caught.value)


def test_a_path_that_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(errors.DatasetNotFoundError, match=str(tmp_path)):
        penstock.DataLoader(tmp_path)


def test_without_the_extension(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "_core", None)
    monkeypatch.setattr(_native, "_reason", "No module named 'penstock._core'")
    monkeypatch.setattr(options, "HAVE_NATIVE", False)
    with pytest.raises(errors.NativeUnavailableError, match=r"No module named.*PENSTOCK_NATIVE"):
        penstock.DataLoader(lake("equal_images"), loader_type="c++")
    assert penstock.DataLoader(lake("equal_images"), loader_type="auto").loader_type == "python"


def test_names_of_the_native_type(lake: Lake, native: Any) -> None:
    for name in ("auto", "c++", "cpp"):
        assert penstock.DataLoader(lake("equal_images"), loader_type=name).loader_type == "c++"


def test_pinning_without_a_gpu_has_no_effect(lake: Lake, native: Any) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    for loader_type in ("c++", "python"):
        loader = penstock.DataLoader(lake("equal_images"), loader_type=loader_type, pin_memory=True)
        assert not next(iter(loader))["jpegs"].is_pinned()


def test_threads_default_to_the_workers_asked_for(lake: Lake, native: Any) -> None:
    assert penstock.DataLoader(lake("equal_images"), num_workers=3).options.num_threads == 3
    assert penstock.DataLoader(lake("equal_images"), num_workers=3, num_threads=1).options.num_threads == 1


def test_repr_tells_the_settings(lake: Lake) -> None:
    text = repr(penstock.DataLoader(lake("equal_images"), 5, loader_type="python"))
    for part in (str(lake("equal_images")), "12 samples", "3 batches", "loader_type='python'", "batch_size=5"):
        assert part in text


def test_a_batch_without_samples(lake: Lake, native: Any) -> None:
    for loader_type in ("c++", "python"):
        loader = penstock.DataLoader(lake("equal_images"), batch_sampler=[[1], []], loader_type=loader_type)
        with pytest.raises(ValueError, match="a batch without samples"):
            list(loader)

"""penstock.tracing: what is recorded of loaders, and what it adds up to."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from support.chrome_traces import Trace, read_trace
from support.far import far_dataset

Lakes = Callable[[str], Path]


def traced(path: Path, loader: penstock.DataLoader, *, epochs: int = 1, consume: float = 0.0) -> Trace:
    """Takes all batches, for so long each."""
    with penstock.tracing(path):
        for _ in range(epochs):
            for _batch in loader:
                time.sleep(consume)
    return read_trace(path)


@pytest.mark.parametrize("threads", [1, 3])
def test_an_epoch_has_a_span_for_each_thing_that_was_done(
    threads: int, native: Any, lake: Lakes, tmp_path: Path
) -> None:
    with penstock.DataLoader(lake("equal_images"), 4, loader_type="c++", num_threads=threads, shuffle=True) as loader:
        trace = traced(tmp_path / "out.json", loader, epochs=2)
        stats, length, batches = loader.stats(), len(loader.dataset), len(loader)  # type: ignore[arg-type]
    for epoch in (0, 1):
        assert sorted(span["args"]["sample"] for span in trace.spans("decode", epoch=epoch)) == list(range(length))
        assert len(trace.spans("geometry", epoch=epoch)) == batches
        assert {span["args"]["batch"] for span in trace.spans("next", epoch=epoch)} >= set(range(batches))
    assert len(trace.spans("fetch")) == stats["reads"]
    assert sum(span["args"]["bytes"] for span in trace.spans("fetch")) == stats["bytes_read"]
    # The epoch after them is begun early.
    ready = [(one["args"]["epoch"], one["args"]["batch"]) for one in trace.of_kind("i") if one["args"]["epoch"] < 2]
    assert sorted(ready) == [(epoch, batch) for epoch in (0, 1) for batch in range(batches)]
    assert trace.dropped == 0
    assert set(trace.threads().values()) >= {*(f"penstock-dec-{number}" for number in range(threads)), "fetch 0"}


def test_sums_agree_with_what_the_loader_counts(native: Any, lake: Lakes, tmp_path: Path) -> None:
    with penstock.DataLoader(
        lake("equal_images"), 4, loader_type="c++", transform=lambda sample: sample, num_threads=2
    ) as loader:
        trace = traced(tmp_path / "out.json", loader, epochs=3)
        stats = loader.stats()
    # The same work, by clocks that are read a few microseconds apart, a few hundred times.
    close = {"rel": 0.1, "abs": 5e-3}
    decoding = sum(span["args"]["decode_us"] for span in trace.spans("decode")) / 1e6
    assert decoding == pytest.approx(stats["decode_seconds"], **close)
    assert trace.seconds("fetch") == pytest.approx(stats["fetch_seconds"], **close)
    assert trace.seconds("wait") == pytest.approx(stats["wait_seconds"], **close)
    assert trace.seconds("python") == pytest.approx(stats["python_seconds"], **close)


def test_a_slow_server_is_seen_in_the_fetches(native: Any, lake: Lakes, tmp_path: Path) -> None:
    far = far_dataset(lake("equal_images"), latency=0.05, bandwidth=1e9)
    with penstock.DataLoader(far, 4, loader_type="c++", tensors=["jpegs"], num_threads=2) as loader:
        trace = traced(tmp_path / "out.json", loader)
    assert all(span["dur"] >= 50_000 for span in trace.spans("fetch"))
    assert trace.seconds("wait") > trace.seconds("consume")
    assert trace.seconds("read") > trace.seconds("decode")
    # Python reads for this store, with its GIL.
    assert trace.seconds("gil held") > trace.seconds("decode")
    assert {span["args"]["key"].split("/")[0] for span in trace.spans("fetch")} == {"jpegs"}


def test_a_slow_program_is_seen_in_what_it_consumes(native: Any, lake: Lakes, tmp_path: Path) -> None:
    with penstock.DataLoader(lake("equal_images"), 2, loader_type="c++", num_threads=2) as loader:
        trace = traced(tmp_path / "out.json", loader, consume=0.03)
        batches = len(loader)
    assert len(trace.spans("consume")) == batches
    assert trace.seconds("consume") >= batches * 0.03
    # It lies between what was asked for, so all of it was of this thread.
    assert {span["tid"] for span in trace.spans("consume")} == {span["tid"] for span in trace.spans("next")}


def test_a_slow_transform_is_seen_in_python(native: Any, lake: Lakes, tmp_path: Path) -> None:
    def slow(sample: Any) -> Any:
        time.sleep(0.01)
        return sample

    with penstock.DataLoader(lake("equal_images"), 4, loader_type="c++", transform=slow) as loader:
        trace = traced(tmp_path / "out.json", loader)
        length = len(loader.dataset)  # type: ignore[arg-type]
    assert len(trace.spans("transform")) == length
    assert trace.seconds("python") >= trace.seconds("transform") >= length * 0.01
    assert trace.seconds("python") > trace.seconds("decode")


def test_flows_lead_from_a_request_to_the_samples_of_its_chunk(native: Any, lake: Lakes, tmp_path: Path) -> None:
    with penstock.DataLoader(lake("equal_images"), 4, loader_type="c++", tensors=["jpegs"]) as loader:
        trace = traced(tmp_path / "out.json", loader)
        length = len(loader.dataset)  # type: ignore[arg-type]
    assert len(trace.of_kind("f")) == length, "each sample's bytes came by one request"


def test_counters_rise_and_fall(native: Any, lake: Lakes, tmp_path: Path) -> None:
    with penstock.DataLoader(lake("equal_images"), 4, loader_type="c++") as loader:
        trace = traced(tmp_path / "out.json", loader)
        batches = len(loader)

    def values(name: str) -> list[int]:
        return [next(iter(one["args"].values())) for one in trace.of_kind("C") if one["name"].startswith(name)]

    ready, under_way = values("batches ready"), values("bytes under way")
    rises = [after - before for before, after in itertools.pairwise([0, *ready])]
    assert rises.count(-1) == batches, "each was handed out"
    assert set(rises) == {1, -1}
    assert max(under_way) > 0
    assert under_way[-1] == 0
    assert max(values("memory held")) > 0


def test_the_python_loader_has_the_spans_of_python(lake: Lakes, tmp_path: Path) -> None:
    with penstock.DataLoader(
        lake("equal_images"), 4, loader_type="python", tensors=["jpegs"], transform=lambda sample: sample
    ) as loader:
        trace = traced(tmp_path / "out.json", loader)
        length = len(loader.dataset)  # type: ignore[arg-type]
    assert sorted(span["args"]["sample"] for span in trace.spans("load", tensor="jpegs")) == list(range(length))
    assert len(trace.spans("transform")) == length
    assert trace.seconds("next") >= trace.seconds("load")
    assert not trace.spans("decode")


def test_a_damaged_sample_is_the_error_of_its_span(native: Any, lake_copy: Lakes, tmp_path: Path) -> None:
    path = lake_copy("equal_images")
    chunk = next((path / "jpegs" / "chunks").iterdir())
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    chunk.write_bytes(content)
    loader = penstock.DataLoader(path, 4, loader_type="c++", tensors=["jpegs"])
    with loader, pytest.raises(penstock.errors.PenstockError) as caught:
        traced(tmp_path / "out.json", loader)
    trace = read_trace(tmp_path / "out.json")
    failed = [span for span in trace.spans("decode") if "error" in span["args"]]
    assert caught.value.index in [span["args"]["sample"] for span in failed]
    assert any("error" in span["args"] for span in trace.spans("wait"))
    assert any(str(caught.value.index) in span["args"].get("error", "") for span in trace.spans("next"))


def test_nothing_is_recorded_before_and_after(native: Any, lake: Lakes, tmp_path: Path) -> None:
    with penstock.DataLoader(lake("equal_images"), 4, loader_type="c++") as loader:
        list(loader)
        trace = traced(tmp_path / "out.json", loader)
        before = (tmp_path / "out.json").read_bytes()
        list(loader)
    assert (tmp_path / "out.json").read_bytes() == before
    assert len(trace.spans("next", epoch=1)) > 0
    assert not trace.spans("decode", epoch=0), "that epoch was over"


def test_a_loader_that_is_closed_meanwhile_leaves_a_sound_trace(native: Any, lake: Lakes, tmp_path: Path) -> None:
    with penstock.tracing(tmp_path / "out.json"):
        loader = penstock.DataLoader(lake("equal_images"), 2, loader_type="c++")
        next(iter(loader))
        loader.close()
    assert read_trace(tmp_path / "out.json").spans("next")


def test_one_trace_at_a_time_to_a_file_that_can_be_written(tmp_path: Path) -> None:
    with (
        penstock.tracing(tmp_path / "out.json"),
        pytest.raises(penstock.errors.ConfigError, match="already"),
        penstock.tracing(tmp_path / "other.json"),
    ):
        pass
    assert not (tmp_path / "other.json").exists()
    for path, said in ((tmp_path / "none" / "x.json", "there is no folder"), (tmp_path, "is a folder")):
        with pytest.raises(penstock.errors.ConfigError, match=said), penstock.tracing(path):
            pass
    # The failures have left nothing behind.
    with penstock.tracing(tmp_path / "third.json"):
        pass
    assert read_trace(tmp_path / "third.json").spans("next") == []

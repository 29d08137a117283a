"""The streaming benchmark runs, its server is what it says, and its tables are those that one counts by hand."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.generated_coco import write_generated_coco
from support.nightly import nightly
from support.require import PROJECT_ROOT, require

BENCHMARKS = PROJECT_ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from nginx import Counts, Link, Nginx  # noqa: E402
from remote_tables import RECORDS, tables  # noqa: E402

LINKS = (Link("near"), Link("far", latency=0.2), Link("narrow", connection_rate=500_000))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Nginx]:
    require("nginx")
    chunks = tmp_path / "root" / "bucket" / "images" / "chunks"
    chunks.mkdir(parents=True)
    (chunks / "a").write_bytes(bytes(range(250)) * 4000)
    (chunks.parent / "meta.json").write_text("{}")
    (tmp_path / "own").mkdir()
    with Nginx(tmp_path / "root", LINKS, tmp_path / "own") as server:
        yield server


def get(url: str, **headers: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        urllib.request.Request(url, headers=headers)
    ) as answer:
        return bytes(answer.read())


def test_the_server_gives_ranges_and_counts(server: Nginx) -> None:
    chunk = "/bucket/images/chunks/a"
    get(server.url("near") + chunk)
    mark = server.mark("near")
    assert get(server.url("near") + chunk, Range="bytes=3-6") == bytes([3, 4, 5, 6])
    assert get(server.url("near") + "/bucket/images/meta.json?X-Amz-Signature=any") == b"{}"
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(server.url("near") + "/bucket/no")
    missing = caught.value.read()
    assert caught.value.code == 404 and b"<Code>NoSuchKey</Code>" in missing
    assert server.counts("near", mark) == Counts(1, 4, 2, 2 + len(missing), 1, 1)
    assert server.leads("near") and not server.leads("disk")


def test_links_are_as_far_and_as_narrow_as_they_say(server: Nginx) -> None:
    mark, start = server.mark("far"), time.perf_counter()
    with ThreadPoolExecutor(5) as pool:
        sizes = list(pool.map(len, pool.map(get, [server.url("far") + "/bucket/images/chunks/a"] * 5)))
    assert sizes == [1_000_000] * 5
    # One after the other, they would take a second.
    assert 0.2 <= time.perf_counter() - start < 0.9
    assert server.counts("far", mark).at_once > 1
    start = time.perf_counter()
    get(server.url("narrow") + "/bucket/images/chunks/a")
    assert 1 < time.perf_counter() - start < 4


def test_tables() -> None:
    def result(*runs: dict[str, float]) -> dict[str, Any]:
        return {"runs": list(runs)}

    def run(seconds: float, **more: float) -> dict[str, float]:
        return {"samples": 100, "seconds": seconds, "open_seconds": 0.5, "first_batch_seconds": 0.25, **more}

    counted = {"data_requests": 6, "data_bytes": 3000, "other_requests": 7, "at_once": 4, "connections": 5}
    record = {
        "setting": {"images": 200, "seconds": 4, "least": {"decode": {"requests": 10, "bytes": 4000}}},
        "results": {
            "decode: ours @ disk": result(run(1.0), run(2.0), run(1.0)),
            "decode: ours @ 100ms": result(*(run(2.0, **counted) for _ in range(3))),
            "decode: the link itself @ 100ms": result(*(run(seconds, **counted) for seconds in (0.5, 1.0, 0.5))),
            "bytes: ours @ 0ms": result({"cpu_seconds": 3.0, "sample_bytes": 2e9}),
        },
    }
    rates, of_disk, of_link, first, requests, cpu = tables(record)
    assert rates.splitlines()[2] == "| ours | 100 | 50 |"
    assert rates.splitlines()[3] == "| the link itself |  | 200 |"
    assert of_link.splitlines()[2:] == ["| ours | 0.25 (0.25 to 0.50) |"]
    assert of_disk.splitlines()[2] == "| ours | 0.50 (0.50 to 1.00) |"
    assert first.splitlines()[2] == "| ours | 0.50 | 0.75 |"
    # Of half the samples, a half of the chunks would have been enough.
    assert requests.splitlines()[2] == "| ours | 1.20 | 1.50 | 7 | 4 | 5 |"
    assert cpu.splitlines()[2] == "| ours | 1.50 |"


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=280
    )


@nightly
def test_it_measures_and_writes_its_results(tmp_path: Path, deeplake: Any, native: Any) -> None:
    for name in ("nginx", "mmdet", "remote"):
        require(name)
    data, out = tmp_path / "data", tmp_path / "remote.json"
    coco = write_generated_coco(tmp_path / "coco")
    made = run_script(str(BENCHMARKS / "make_coco.py"), str(coco), str(data), "--times", "2")
    assert made.returncode == 0, made.stderr
    measured = run_script(str(BENCHMARKS / "remote.py"), str(data), "--quick", "--out", str(out))
    assert measured.returncode == 0, measured.stderr
    record = json.loads(out.read_text())
    assert record["setting"]["images"] == 40
    assert record["setting"]["core_makes_requests"]
    for table in tables(record):
        assert table in measured.stdout
    ours = record["results"]["decode: penstock c++ @ 20ms"]["runs"]
    assert [run["samples"] for run in ours] == [40]
    assert [run["data_requests"] for run in ours] == [record["setting"]["least"]["decode"]["requests"]]
    assert all(run["open_seconds"] >= 0.02 for run in ours)
    names = {name.partition(" @ ")[0] for name in record["results"]}
    assert {"decode: boto3, 32 threads", "recipe: deeplake integration", "bytes: the link itself"} <= names


@pytest.mark.parametrize("name", RECORDS)
def test_the_document_quotes_the_committed_run(name: str) -> None:
    record = json.loads((BENCHMARKS / "results" / name).read_text())
    text = (PROJECT_ROOT / "docs" / "benchmarks" / "streaming.md").read_text()
    assert record["command"] in text
    for table in tables(record):
        assert table in text

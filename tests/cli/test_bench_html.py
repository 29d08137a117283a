"""penstock bench --html and --trace: what is written, and when it is refused."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.bench_html import html_page
from penstock.cli.bench_report import as_text, report_of
from support.chrome_traces import read_trace

Command = Callable[..., Any]
Lakes = Callable[[str], Path]


class Page(HTMLParser):
    """A page: its tags, what it would load, and its text, in which nothing was markup."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self._within: list[str] = []
        self.feed(text)
        assert self._within == [], "a tag is not closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, _ in attributes:
            assert name not in ("src", "href", "srcset", "action", "data") and not name.startswith("on")
        if tag not in ("meta", "rect"):
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self._within.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._within and self._within[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.words)


@pytest.fixture(scope="module")
def benched(lake: Lakes, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    """What --json says, the page, and the folder with the trace."""
    import contextlib
    import io

    from penstock.cli import main

    folder, out = tmp_path_factory.mktemp("benched"), io.StringIO()
    words = ["--tensors", "jpegs", "raw", "--batch-size", "4", "--epochs", "2", "--json"]
    files = ["--html", str(folder / "a b.html"), "--trace", str(folder / "out.json")]
    with contextlib.redirect_stdout(out):
        assert main(["bench", str(lake("equal_images")), *words, *files]) == 0
    return json.loads(out.getvalue()), (folder / "a b.html").read_text(encoding="utf-8"), folder


def test_the_page_needs_nothing_from_elsewhere(benched: tuple[dict[str, Any], str, Path]) -> None:
    _, text, _ = benched
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert "svg" in page.tags
    assert not re.search(r"url\(|@import", text)
    assert "prefers-color-scheme: dark" in text


def test_its_numbers_are_those_of_json_and_text(benched: tuple[dict[str, Any], str, Path]) -> None:
    figures, text, _ = benched
    shown, printed = Page(text).text, as_text(report_of(figures))
    for name, stage in figures["stages"].items():
        for number in (f"{stage['seconds_per_1000']:.3f}", f"{stage['share']:.1%}"):
            assert number in shown.splitlines()
            assert number in printed
        assert name in shown.splitlines()
    for epoch in figures["epochs"]:
        assert f"{epoch['samples_per_second']:.0f} samples/s" in shown
    assert f"{figures['peak_mib']:.0f} MiB" in shown
    assert figures["limit"] in shown
    assert figures["cache_text"] in shown
    # The bars are as long as the numbers say.
    widths = [float(width) for width in re.findall(r'<rect x="90" y="\d+" width="([\d.]+)"', text)]
    seconds = [stage["seconds_per_1000"] for stage in figures["stages"].values()]
    for width, length in zip(widths, seconds, strict=True):
        assert width / max(widths) == pytest.approx(length / max(seconds), abs=1e-3)


def test_it_tells_of_the_machine_the_dataset_and_how_to_repeat_it(
    benched: tuple[dict[str, Any], str, Path],
) -> None:
    figures, text, folder = benched
    shown = Page(text).text
    for name in ("penstock", "python", "torch", "cores", "memory", "gpu"):
        assert f"\n{name}\n" in shown
    assert "\njpegs\n" in shown
    command = next(line for line in shown.splitlines() if line.startswith("penstock bench "))
    assert f"--html '{folder / 'a b.html'}'" in command
    assert figures["path"] in command


def test_the_trace_is_of_the_epochs_that_were_measured(benched: tuple[dict[str, Any], str, Path]) -> None:
    figures, _, folder = benched
    trace = read_trace(folder / "out.json")
    assert figures["trace"] == str(folder / "out.json")
    decoded = [span for span in trace.spans("decode") if span["args"]["epoch"] < 2]
    assert len(decoded) == figures["stats"]["samples"]
    assert len({span["args"]["loader"] for span in decoded}) == 1, "and not of what the cache was tried on"


def test_hostile_names_are_text() -> None:
    evil = "<script>alert(1)</script>\"'&"
    epoch = {"samples_per_second": 1.0, "first_batch_seconds": 1.0, "cpu_seconds_per_1000": 1.0}
    figures = {
        **{"path": evil, "tensors": [evil], "loader_type": "c++", "threads": 1, "batch_size": 1, "samples": 1},
        **{"steps": [{"step": evil, "native": False, "reason": evil}], "samples_per_second": 1.0, "peak_mib": 1.0},
        **{"epochs": [epoch], "stages": {"wait": {"seconds_per_1000": 0.0, "share": 0.0}}, "stats": {}},
        **{"cache": None, "cache_text": evil, "trace": evil, "limiting_stage": evil, "limit": evil},
    }
    text = html_page(report_of(figures), [(evil, evil)], [("tensor",), (evil,)], ["penstock", "bench", evil])
    page = Page(text)
    assert "script" not in page.tags
    assert page.text.count("alert(1)") >= 10


@pytest.mark.parametrize("option", ["--html", "--trace"])
def test_what_cannot_be_written_is_said_before_anything_is_measured(
    option: str, lake: Lakes, tmp_path: Path, penstock_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.cli import bench

    monkeypatch.setattr(bench, "measure", lambda *_: pytest.fail("it was measured"))
    name = "x.html" if option == "--html" else "x.json"
    (tmp_path / "folder" / name).mkdir(parents=True)
    shut = tmp_path / "shut"
    shut.mkdir()
    shut.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != shut)  # root may write anywhere
    places = [
        (tmp_path / "none" / name, "there is no folder"),
        (tmp_path / "folder" / name, "is a folder"),
        (lake("equal_images") / name, "lies within the dataset"),
        (shut / name, "cannot be written"),
    ]
    if option == "--html":
        places.append((tmp_path / "x.txt", "--html writes HTML files"))
    for path, said in places:
        result = penstock_command("bench", lake("equal_images"), option, path)
        assert result.status == 1
        (line,) = result.err.splitlines()
        assert said in line

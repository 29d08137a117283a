"""Puts the tables of what benchmarks/remote.py wrote into docs/benchmarks/streaming.md, in the place of those before.

python benchmarks/remote_tables.py
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["DISK", "LINK", "RECORDS", "Figures", "tables"]

DISK = "disk"
LINK = "the link itself"
#: The records whose tables stand in the document, each between two comments with its name.
RECORDS = ("remote_long.json", "remote.json")
_FAR = "100ms"
_HEADINGS = {"decode": "decode only", "recipe": "Faster R-CNN recipe", "bytes": "JPEGs as they are stored"}


class Figures:
    """A record's runs by task, contender and place."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.setting = record["setting"]
        self._runs: dict[tuple[str, str, str], list[dict[str, float]]] = {}
        for name, result in record["results"].items():
            task, _, rest = name.partition(": ")
            contender, _, place = rest.rpartition(" @ ")
            self._runs[task, contender, place] = result["runs"]

    def tasks(self) -> list[str]:
        return list(dict.fromkeys(task for task, _, _ in self._runs))

    def contenders(self, task: str) -> list[str]:
        return list(dict.fromkeys(contender for its, contender, _ in self._runs if its == task))

    def places(self, task: str) -> list[str]:
        return list(dict.fromkeys(place for its, _, place in self._runs if its == task))

    def runs(self, task: str, contender: str, place: str) -> list[dict[str, float]]:
        """None where it was not measured."""
        return self._runs.get((task, contender, place), [])

    def median(self, task: str, contender: str, place: str, of: Callable[[dict[str, float]], float]) -> float | None:
        """Over the runs, of a figure of each."""
        runs = self.runs(task, contender, place)
        return statistics.median(map(of, runs)) if runs else None

    def share(self, task: str, contender: str, place: str, of: tuple[str, str]) -> tuple[float, float, float] | None:
        """The rate as a share of another contender's and place's, in each round: median, smallest, largest."""
        pairs = zip(self.runs(task, contender, place), self.runs(task, *of), strict=False)
        shares = [rate(here) / rate(there) for here, there in pairs]
        return (statistics.median(shares), min(shares), max(shares)) if shares else None


def rate(run: dict[str, float]) -> float:
    """Images a second."""
    return run["samples"] / run["seconds"]


def tables(record: dict[str, Any]) -> list[str]:
    """In Markdown, each with a line that says what it is of."""
    figures = Figures(record)
    made = [table for task in figures.tasks() for table in _of_task(figures, task)]
    return [table for table in made if table]


def _of_task(figures: Figures, task: str) -> list[str]:
    if task == "bytes":
        return [_cpu(figures)]
    heading = f"{_HEADINGS[task]}, {figures.setting['images']:,} images"
    result = [make(figures, task, heading) for make in (_rates, _shares_of_disk, _shares_of_link)]
    if _FAR in figures.places(task):
        result += [_first_batch(figures, task, heading), _requests(figures, task, heading)]
    return result


def _rates(figures: Figures, task: str, heading: str) -> str:
    places = figures.places(task)
    rows = (
        [contender, *(_number(figures.median(task, contender, place, rate), 0) for place in places)]
        for contender in figures.contenders(task)
    )
    return _table([f"{heading}: images/s", *places], rows)


def _shares_of_disk(figures: Figures, task: str, heading: str) -> str:
    places = [place for place in figures.places(task) if place != DISK]
    rows = (
        [contender, *(_spread(figures.share(task, contender, place, (contender, DISK))) for place in places)]
        for contender in figures.contenders(task)
        if figures.runs(task, contender, DISK)
    )
    return _table([f"{heading}: share of its own rate from the local disk", *places], rows)


def _shares_of_link(figures: Figures, task: str, heading: str) -> str:
    contenders = figures.contenders(task)
    if LINK not in contenders:
        return ""
    places = [place for place in figures.places(task) if place != DISK]
    rows = (
        [contender, *(_spread(figures.share(task, contender, place, (LINK, place))) for place in places)]
        for contender in contenders
        if contender != LINK
    )
    return _table([f"{heading}: share of what the link carries", *places], rows)


def _first_batch(figures: Figures, task: str, heading: str) -> str:
    def total(run: dict[str, float]) -> float:
        return run["open_seconds"] + run["first_batch_seconds"]

    def row(contender: str) -> list[str]:
        seconds = (lambda run: run["open_seconds"], total)
        return [contender, *(_number(figures.median(task, contender, _FAR, of), 2) for of in seconds)]

    rows = (row(contender) for contender in figures.contenders(task) if contender != LINK)
    return _table([f"{heading} at {_FAR}, seconds", "opened", "first batch"], rows)


def _requests(figures: Figures, task: str, heading: str) -> str:
    least = figures.setting["least"][task]
    images = figures.setting["images"]

    def row(contender: str) -> list[str]:
        def counted(key: str) -> float | None:
            return figures.median(task, contender, _FAR, lambda run: run[key])

        def times(key: str, of: float) -> str:
            runs = figures.runs(task, contender, _FAR)
            whole = [run for run in runs if run["seconds"] < figures.setting["seconds"]]
            if whole or contender == LINK:
                return f"{statistics.median(run[key] / of * images / run['samples'] for run in whole or runs):.2f}"
            # What was cut short had read ahead for samples that did not come.
            return f"up to {statistics.median(run[key] / of * images / run['samples'] for run in runs):.2f}"

        return [
            contender,
            times("data_requests", least["requests"]),
            times("data_bytes", least["bytes"]),
            _number(counted("other_requests"), 0),
            _number(counted("at_once"), 0),
            _number(counted("connections"), 0),
        ]

    rows = (row(contender) for contender in figures.contenders(task))
    titles = ["requests for chunks, x least", "bytes of chunks, x least", "other requests", "at once", "connections"]
    return _table([f"{heading} at {_FAR}", *titles], rows)


def _cpu(figures: Figures) -> str:
    def per_gb(run: dict[str, float]) -> float:
        return run["cpu_seconds"] / run["sample_bytes"] * 1e9

    places = figures.places("bytes")
    rows = (
        [contender, *(_number(figures.median("bytes", contender, place, per_gb), 2) for place in places)]
        for contender in figures.contenders("bytes")
    )
    return _table([f"{_HEADINGS['bytes']}, CPU seconds a GB", *("http" if p == "0ms" else p for p in places)], rows)


def _table(titles: list[str], rows: Iterable[list[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _spread(values: tuple[float, float, float] | None) -> str:
    return "" if values is None else f"{values[0]:.2f} ({values[1]:.2f} to {values[2]:.2f})"


def main() -> None:
    root = Path(__file__).resolve().parents[1]
    document = root / "docs" / "benchmarks" / "streaming.md"
    text = document.read_text()
    for name in RECORDS:
        record = json.loads((root / "benchmarks" / "results" / name).read_text())
        before, begin, rest = text.partition(f"<!-- tables of {name} -->")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        text = before + begin + "\n\n".join(["", *tables(record), ""]) + end + after
    document.write_text(text)


if __name__ == "__main__":
    main()

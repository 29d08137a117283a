"""Puts the tables of reliability.py's results into docs/benchmarks/reliability.md, in the place of those before.

    python benchmarks/reliability_tables.py

Where loaders were measured in several runs, the tables have the columns of all, and say which are of which run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["combined", "percentile", "recorded", "runs", "tables"]

_BEGIN, _END = "<!-- tables -->", "<!-- end of tables -->"
Results = dict[str, Any]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def recorded() -> list[Results]:
    """The committed runs. A loader that is in several of them counts as the first one has it."""
    folder = Path(__file__).resolve().parent / "results"
    return [json.loads(file.read_text()) for file in sorted(folder.glob("reliability*.json"))]


def combined(records: Sequence[Results]) -> Results:
    """One record of several runs."""
    results: Results = {}
    for record in records:
        results = {**results, **{name: found for name, found in record["results"].items() if name not in results}}
    return {"results": results}


def runs(records: Sequence[Results]) -> str:
    """Which columns are of which run."""
    if len(records) == 1:
        return "All columns are of one run."
    said = []
    for record in records:
        machine, seconds = record["machine"], record["setting"]["seconds"]
        said.append(
            f"- {', '.join(record['results'])}: {record['date']}, {machine['cpu']}, {machine['cores']} cores, "
            f"at most {seconds:.0f} s for what is done many times over"
        )
    return "\n".join([f"The columns are of {len(records)} runs:\n", *said])


def tables(record: Results) -> list[str]:
    """In Markdown; each is of one promise, with a line for each figure and a column for each loader."""
    results = record["results"]
    makers = (_ranks, _resume, _leave, _growth, _kills, _bad)
    return [made for make in makers if (made := make(results))]


def _table(title: str, results: Results, rows: dict[str, Callable[[Results], str]]) -> str:
    lines = [f"| {title} | {' | '.join(results)} |", "|" + " --- |" * (len(results) + 1)]
    for row, cell in rows.items():
        cells = [_cell(cell, found) for found in results.values()]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(make: Callable[[Results], str], found: Results) -> str:
    try:
        return make(found)
    except KeyError:
        return ""


def _has(results: Results, part: str) -> Results:
    return {name: found for name, found in results.items() if part in found}


def _of(found: Any, tell: Callable[[Any], str]) -> str:
    """What a figure says, or that there is none."""
    if isinstance(found, dict) and "failed" in found:
        last = [line for line in found["failed"].strip().splitlines() if line] or ["failed"]
        return f"fails: {last[-1][:90]}".replace("|", "/")
    return tell(found)


def _ranks(results: Results) -> str:
    results = _has(results, "ranks")
    names = list(dict.fromkeys(name for found in results.values() for name in found["ranks"]))

    def tell(found: Any) -> str:
        again = found["given"] - found["distinct"]
        return f"{found['distinct']}" + (f" (+{again} again)" if again else "")

    def cell(name: str) -> Callable[[Results], str]:
        return lambda found: _of(found["ranks"][name], tell)

    return _table("samples of an epoch, two ranks", results, {name: cell(name) for name in names}) if names else ""


def _resume(results: Results) -> str:
    results = _has(results, "resume")

    def tell(found: Any) -> str:
        if found["exact"] is None:
            return "no state"
        kind = "exact" if found["exact"] else "other random numbers" if found["same_samples"] else "other samples"
        return f"{kind}, {found['milliseconds']:.0f} ms"

    def cell(share: str) -> Callable[[Results], str]:
        return lambda found: _of(found["resume"][share], tell)

    shares = list(next(iter(results.values()))["resume"]) if results else []
    rows = {f"{float(share):.0%}": cell(share) for share in shares}
    return _table("resumed after this share of an epoch", results, rows) if results else ""


def _leave(results: Results) -> str:
    results = {name: found for name, found in results.items() if "leave" in found or "end" in found}
    rows: dict[str, Callable[[Results], str]] = {}
    for part in ("leave", "end"):
        ways = dict.fromkeys(how for found in results.values() for how in found.get(part, {}))
        for how in ways:
            for kind, words in (("images", "idle"), ("stalled", "reads stalled")):
                rows[f"{how}, {words}"] = _times(part, how, kind)
    return _table("milliseconds to leave, p50 / p99 (times)", results, rows) if rows else ""


def _times(part: str, how: str, kind: str) -> Callable[[Results], str]:
    def tell(values: Any) -> str:
        return f"{percentile(values, 0.5):.0f} / {percentile(values, 0.99):.0f} ({len(values)})"

    return lambda found: _of(found[part][how][kind], tell)


def _growth(results: Results) -> str:
    results = _has(results, "growth")

    def cell(kind: str, figure: str) -> Callable[[Results], str]:
        def tell(found: Any) -> str:
            value = found[figure]
            if value is None:
                return "too few to tell"
            return f"{value:.0f}" if figure in ("times", "bytes") else f"{value:.3f}"

        return lambda found: _of(found["growth"][kind], tell)

    rows = {}
    for kind, one in (("breaks", "early break"), ("epochs", "epoch")):
        rows[f"{one}s"] = cell(kind, "times")
        for figure in ("bytes", "descriptors", "threads"):
            rows[f"{figure} for each {one}"] = cell(kind, figure)
    return _table("growth", results, rows) if results else ""


def _kills(results: Results) -> str:
    results = _has(results, "kills")

    def cell(figure: str) -> Callable[[Results], str]:
        return lambda found: _of(found["kills"], lambda kills: f"{kills[figure]} of {kills['times']}")

    def left(figure: str) -> Callable[[Results], str]:
        return lambda found: _of(found["kills"], lambda kills: str(kills[figure]))

    rows = {
        "new starts with a whole epoch": cell("clean"),
        "processes that outlived it by 15 s": left("processes"),
        "files left in /dev/shm": left("files"),
    }
    return _table("`kill -9` at a random time", results, rows) if results else ""


def _bad(results: Results) -> str:
    results = _has(results, "bad")
    options = dict.fromkeys(option for found in results.values() for option in found["bad"])

    def tell(found: Any) -> str:
        if not found["error"]:
            counted = "" if found["counted"] is None else f"; {found['counted']:.0f} counted"
            return f"{found['samples']} samples, {found['distinct']} distinct{counted}"
        names = "names the sample" if found["names_the_sample"] else "does not name the sample"
        return f"{found['error'].partition(':')[0]} after {found['samples']} samples; {names}"

    def cell(option: str) -> Callable[[Results], str]:
        return lambda found: _of(found["bad"][option], tell)

    rows = {("default" if option == "{}" else f"`{option}`"): cell(option) for option in options}
    return _table("3 of 128 images are damaged", results, rows) if results else ""


def main() -> None:
    document = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "reliability.md"
    records = recorded()
    text = document.read_text()
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    parts = [_BEGIN, runs(records), *tables(combined(records)), _END]
    document.write_text(before + "\n\n".join(parts) + after)


if __name__ == "__main__":
    main()

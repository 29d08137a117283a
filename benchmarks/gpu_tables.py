"""Tables of what benchmarks/gpu.py has measured, in Markdown.

    python benchmarks/gpu_tables.py

puts those of benchmarks/results/gpu.json into docs/benchmarks/gpu.md, in the place of those before.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

__all__ = ["tables"]

_BEGIN, _END = "<!-- tables -->", "<!-- end of tables -->"
Found = dict[str, Any]
_LOADERS = ("penstock c++", "torch + cv2")


def tables(record: Found) -> list[str]:
    """What was measured where, a table for each stage that ran, and what did not run."""
    makers = {
        "detector": _trained,
        "classifier": _trained,
        "copies": _copies,
        "normalizing": _normalizing,
        "scaling": _scaling,
    }
    answers = record["results"]
    parts = [_machine(record)]
    parts += [make(answers[stage]["results"]) for stage, make in makers.items() if "results" in answers.get(stage, {})]
    return parts + _not_measured(answers)


def _machine(record: Found) -> str:
    machine, packages = record["machine"], record["machine"]["packages"]
    gpus = ", ".join(device["name"] for device in record["gpu"]["devices"]) or "no GPU"
    trial = " A trial on small models: no figures to quote." if record["setting"]["quick"] else ""
    return (
        f"{record['date']}: {gpus}, {machine['cores']} cores of {machine['cpu']}, torch {packages['torch']}, "
        f"CUDA {record['gpu']['cuda']}, driver {record['driver']}.{trial}"
    )


def _not_measured(answers: Found) -> list[str]:
    lines = [
        f"- {stage}: {kind}: {answer[kind]}"
        for stage, answer in answers.items()
        for kind in ("skipped", "failed")
        if kind in answer
    ]
    return ["Not measured:\n\n" + "\n".join(lines)] if lines else []


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _trained(results: Found) -> str:
    rows = []
    for precision, found in results.items():
        for loader in _LOADERS:
            own = found[loader]
            rows.append(
                [
                    f"{loader}, {precision}, batches of {found['batch_size']}",
                    _spread(own["waiting_share"], ".2%"),
                    f"{statistics.median(own['step_seconds']) * 1e3:.0f}",
                    _spread(own["images_per_second"], ".0f"),
                ]
            )
    model = next(iter(results.values()))["model"]
    return _table([model, "of a step spent waiting for data", "ms a step", "images/s"], rows)


def _copies(results: Found) -> str:
    rates = [[name, f"{rate:.1f}"] for name, rate in results["gigabytes_per_second"].items()]
    times = [
        [kind, *(f"{found[key]:.2f}" for key in ("copy_ms", "compute_ms", "both_ms")), f"{found['hidden']:.0%}"]
        for kind, found in results["overlap"].items()
    ]
    head = ["copy under computation", "copy, ms", "computation, ms", "both, ms", "of the shorter one hidden"]
    return _table(["to the device", "GB/s"], rates) + "\n\n" + _table(head, times)


def _normalizing(results: Found) -> str:
    rows = [[f"bytes, normalised {where}", f"{ms:.2f}"] for where, ms in results["milliseconds"].items()]
    rows += [[f"{case} of the loader", f"{own['to_device_ms']:.2f}"] for case, own in results["by the loader"].items()]
    return _table([f"a batch of {results['batch']}, normalised on the device", "ms"], rows)


def _scaling(results: Found) -> str:
    names = list(next(iter(results.values())))
    rows = [
        [threads, *(f"{row[name]['rate'][0]:.0f} ({row[name]['of_the_ceiling'][0]:.2f})" for name in names)]
        for threads, row in results.items()
    ]
    return _table(["threads", *(f"{name}, images/s (of libjpeg-turbo alone)" for name in names)], rows)


def main() -> int:
    here = Path(__file__).resolve().parent
    results = here / "results" / "gpu.json"
    if not results.exists():
        print(f"{results} does not exist: benchmarks/gpu.py writes it on a machine with a GPU", file=sys.stderr)
        return 1
    document = here.parent / "docs" / "benchmarks" / "gpu.md"
    text = document.read_text()
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    document.write_text(before + "\n\n".join([_BEGIN, *tables(json.loads(results.read_text())), _END]) + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())

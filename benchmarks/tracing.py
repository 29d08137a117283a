r"""What recording a trace costs while batches are loaded: epochs with it and without it, in turn.

    cmake --preset release && cmake --build build/release --target trace_events
    python benchmarks/tracing.py --images FOLDER --events build/release/benchmarks/cpp/trace_events \
        --out benchmarks/results/tracing.json

FOLDER has JPEG files, such as COCO's. The same is done with small pictures of shapes that are drawn here, of which many
more are decoded a second: each event then counts for more. Processor time is compared round by round, which other work
on the machine disturbs least; the file is written after an epoch's time was taken. Beside it stands what the events of
a sample cost by count: so many, times what one costs by itself (``trace_events``), of the processor time of a sample.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import harness

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

SHAPES = 1000


def write_dataset(path: Path, files: list[Path], copies: int) -> None:
    """A new dataset of JPEG files, so many times over."""
    import deeplake

    dataset = deeplake.empty(str(path), overwrite=True)
    with dataset:
        dataset.create_tensor("images", htype="image", sample_compression="jpeg")
        for file in files * copies:
            dataset.images.append(deeplake.core.sample.Sample(buffer=file.read_bytes(), compression="jpeg"))


def compare(path: Path, out: Path, threads: int, rounds: int, event_ns: float) -> dict[str, Any]:
    """Epochs with a trace and without one, in turn; who is first changes from round to round.

    Args:
        path: The dataset.
        out: Gets the trace.
        threads: That decode.
        rounds: How many.
        event_ns: What an event costs, in nanoseconds.
    """
    import penstock

    ratios: dict[str, list[float]] = {"cpu": [], "seconds": []}
    rates, costs = [], []
    with penstock.DataLoader(path, 16, loader_type="c++", num_threads=threads, shuffle=True) as loader:
        samples = len(loader.dataset)  # type: ignore[arg-type]
        for number in range(rounds + 1):
            spent = {}
            for traced in (True, False) if number % 2 else (False, True):
                with penstock.tracing(out) if traced else nullcontext():
                    start, start_cpu = time.perf_counter(), time.process_time()
                    for _ in loader:
                        pass
                    spent[traced] = time.process_time() - start_cpu, time.perf_counter() - start
            if number:  # the first one fills caches
                ratios["cpu"].append(spent[True][0] / spent[False][0])
                ratios["seconds"].append(spent[True][1] / spent[False][1])
                rates.append(samples / spent[False][1])
                costs.append(spent[False][0] / samples)
    events = [event for event in json.loads(out.read_text())["traceEvents"] if event["ph"] in "Xi"]
    # One more a sample says that its bytes are there: the file has a flow for it, where they were asked for meanwhile.
    count = len(events) / samples + 1
    cost = statistics.median(costs)
    return {
        "samples": samples,
        "samples_per_second_without": statistics.median(rates),
        "cpu_us_a_sample_without": cost * 1e6,
        "events_a_sample": count,
        "share_by_count": count * event_ns / (cost * 1e9),
        **{name: _spread(values) for name, values in ratios.items()},
    }


def _spread(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4)
    return {"median": middle, "quarter": low, "three_quarters": high}


def main() -> None:
    from shapes import make_shapes

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True, help="a folder with JPEG files")
    parser.add_argument("--events", type=Path, required=True, help="the program trace_events")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    events = json.loads(subprocess.run([arguments.events], capture_output=True, text=True, check=True).stdout)
    photographs = sorted(arguments.images.rglob("*.jpg"))
    results: dict[str, Any] = {"event": events}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, drawn = make_shapes(folder / "shapes", SHAPES)
        for kind, files, copies in (("photographs", photographs, 2), ("small pictures", sorted(drawn.iterdir()), 1)):
            path = folder / kind.replace(" ", "_")
            write_dataset(path, files, copies)
            out, event_ns = folder / "out.json", events["nanoseconds_a_span"]
            found = compare(path, out, arguments.threads, arguments.rounds, event_ns)
            results[kind] = found
            print(
                f"{kind}: {found['samples_per_second_without']:.0f} samples/s without; with a trace "
                f"{found['cpu']['median']:.4f} times the processor time (half of the rounds: "
                f"{found['cpu']['quarter']:.4f} to {found['cpu']['three_quarters']:.4f}), "
                f"{found['seconds']['median']:.4f} times the time; {found['events_a_sample']:.1f} events a "
                f"sample, {found['share_by_count']:.3%} of its processor time by count"
            )
    if arguments.out is not None:
        setting = {"threads": arguments.threads, "rounds": arguments.rounds, "batch": 16}
        command = "python benchmarks/tracing.py --images FOLDER --events trace_events"
        harness.write_record(arguments.out, command, setting, results)


if __name__ == "__main__":
    main()

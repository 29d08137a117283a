"""What limits a loader? Makes a dataset, loads it in three situations, and reads the trace of each.

python examples/tutorials/what_limits_me.py                 pictures that are drawn here
python examples/tutorials/what_limits_me.py --path DATASET  your own dataset, as fast as it loads here
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import penstock
from penstock.extras import import_extra

STAGES = ("fetch", "decode", "transform", "python", "wait", "consume")
COLORS = dict(zip(STAGES, ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#bab0ac", "#b07aa1"), strict=True))


def record(dataset: str | Path, file: Path, *, step: float = 0.0, epochs: int = 1, **options: Any) -> dict[str, Any]:
    """Loads some epochs, of which the last one is traced.

    Args:
        dataset: A path or URL.
        file: Gets the trace.
        step: Seconds that the program works with each batch, as a training step does.
        epochs: How many.
        options: Of penstock.DataLoader.

    Returns:
        Samples a second of the last epoch, and what has limited it.
    """
    with penstock.DataLoader(dataset, 8, **options) as loader:
        for _ in range(epochs - 1):
            for _ in loader:
                time.sleep(step)
        with penstock.tracing(file):
            start = time.perf_counter()
            for _ in loader:
                time.sleep(step)
            seconds = time.perf_counter() - start
        limit = loader.limit()
        assert limit is not None
        return {"rate": len(loader.dataset) / seconds, "stage": limit.stage, "text": limit.text}


def spans_of(file: Path) -> Iterator[tuple[str, str, float, float]]:
    """The spans of a trace: stage, thread, start and length in seconds."""
    events = json.loads(file.read_text())["traceEvents"]
    threads = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    for event in events:
        if event["ph"] == "X" and event["name"] in STAGES:
            start, length = event["ts"] / 1e6, event["dur"] / 1e6
            # A pipeline's transforms lie within the decoding of a sample.
            transform = event["args"].get("transform_us", 0) / 1e6
            yield event["name"], threads[event["tid"]], start, length - transform
            if transform:
                yield "transform", threads[event["tid"]], start + length - transform, transform


def sums(file: Path) -> dict[str, dict[str, float]]:
    """Seconds of each stage, by thread."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for stage, thread, _, length in spans_of(file):
        # Requests lie in lanes of their own: "fetch 0", "fetch 1", ...
        found[stage]["all requests" if stage == "fetch" else thread] += length
    return found


def table(file: Path) -> str:
    """The sums in words."""
    lines = []
    for stage, threads in sums(file).items():
        for thread, seconds in sorted(threads.items()):
            lines.append(f"  {stage:<10} {thread:<16} {seconds:7.3f} s")
    return "\n".join(lines)


def make_dataset(path: Path, images: int = 96) -> None:
    """Writes a Deep Lake 3 dataset of JPEGs, 560 x 420 pixels, a few in a chunk."""
    import deeplake
    import numpy as np
    from PIL import Image

    drawn = np.random.default_rng(0)
    with deeplake.empty(str(path), overwrite=True) as dataset:
        dataset.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=1_000_000)
        for _ in range(images):
            coarse = Image.fromarray(drawn.integers(0, 256, (60, 80, 3), np.uint8))
            file = BytesIO()
            coarse.resize((560, 420), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
            dataset.images.append(deeplake.core.sample.Sample(buffer=file.getvalue(), compression="jpeg"))


@contextmanager
def slow_server(folder: Path, latency: float) -> Iterator[str]:
    """Serves a folder on this machine, and lets each answer wait, as a bucket far away does. Gives its URL."""

    class Slow(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(latency)
            super().do_GET()

        def end_headers(self) -> None:
            # A disk cache keeps what it can tell apart from what comes later: an object with a version.
            if (file := Path(self.translate_path(self.path))).is_file():
                self.send_header("ETag", f'"{file.stat().st_mtime_ns}"')
            super().end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Slow, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def draw(files: dict[str, Path], picture: Path) -> None:
    """Draws each trace: a row for each thread, a bar for each span."""
    figure = import_extra("matplotlib.figure", "the picture", "cli").Figure(figsize=(9, 7), layout="constrained")
    rows = figure.subplots(len(files), 1, squeeze=False)[:, 0]
    for axes, (title, file) in zip(rows, files.items(), strict=True):
        spans = list(spans_of(file))
        start = min(begin for _, _, begin, _ in spans)
        # Threads first, then requests by their numbers; the first row is at the top.
        names = {thread for _, thread, _, _ in spans}
        threads = sorted(names, key=lambda name: (name.startswith("fetch"), len(name), name), reverse=True)
        for stage in STAGES:
            for number, thread in enumerate(threads):
                bars = [(begin - start, length) for name, of, begin, length in spans if (name, of) == (stage, thread)]
                axes.broken_barh(bars, (number - 0.4, 0.8), color=COLORS[stage], label=stage)
        axes.set_yticks(range(len(threads)), threads, fontsize=7)
        axes.set_title(title, loc="left", fontsize=10)
    rows[-1].set_xlabel("seconds")
    labels = dict(zip(*reversed(rows[0].get_legend_handles_labels()), strict=True))
    figure.legend(labels.values(), labels.keys(), loc="outside upper right", ncols=len(STAGES), fontsize=8)
    canvas = import_extra("matplotlib.backends.backend_agg", "the picture", "cli").FigureCanvasAgg(figure)
    canvas.print_png(str(picture))


def show(title: str, found: dict[str, Any], file: Path) -> None:
    """Prints what a run came to."""
    print(f"{title}: {found['rate']:.0f} samples/s; limit: {found['text']}\n{table(file)}\n", flush=True)


def three_cases(out: Path) -> None:
    """The same dataset behind a slow server, on one thread, and under a slow program; and what helps each time."""
    make_dataset(out / "dataset")
    local = out / "dataset"
    with slow_server(out, latency=0.4) as server:
        remote = f"{server}/dataset"
        run("network", "the network", out, remote, num_threads=2, shuffle="chunk", read_ahead_bytes=0)
        cached = {"cache_dir": str(out / "cache"), "epochs": 2}
        run("network-cached", "with cache_dir", out, remote, num_threads=2, shuffle="chunk", **cached)
    run("decode", "decoding", out, local, num_threads=1)
    run("decode-cached", "with cache='coefficients'", out, local, num_threads=1, cache="coefficients", epochs=2)
    run("consumer", "the program", out, local, num_threads=2, step=0.3, epochs=2)
    names = {"the network": "network", "decoding": "decode", "the program": "consumer"}
    draw({f"limited by {title}": out / f"{name}.json" for title, name in names.items()}, out / "what-limits-me.png")


def run(name: str, title: str, out: Path, dataset: str | Path, **options: Any) -> None:
    """One situation."""
    file = out / f"{name}.json"
    show(title, record(dataset, file, **options), file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("what_limits_me"), help="where all goes")
    parser.add_argument("--path", help="load this dataset alone, once")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.path is None:
        three_cases(arguments.out)
    else:
        run("own", arguments.path, arguments.out, arguments.path)


if __name__ == "__main__":
    main()

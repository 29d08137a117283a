"""Streaming: how fast a dataset comes out of a bucket, near and far, beside the local disk and beside other loaders.

    python benchmarks/remote.py DATA [--quick]

DATA is what benchmarks/make_coco.py wrote. nginx on the loopback plays the bucket (benchmarks/nginx.py): it counts what
it is asked for, waits before each answer as a distant one would, and takes next to no CPU time for that. Penstock, Deep
Lake 3's loader, boto3 with threads, and the link itself (curl with as many connections) take turns, round by round,
each at all places before the next one; every run opens the dataset anew. Checks first that they all give the same
images. Prints the tables of docs/benchmarks/streaming.md, and writes benchmarks/results/remote.json. It takes 25
minutes, with --quick one or two.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from harness import Process, Summary, compare, write_results
from nginx import Link, Nginx
from pipeline import revision
from remote_boto3 import THREADS
from remote_contenders import CONTENDERS, OURS, TASKS
from remote_items import AtPlace, LinkItself
from remote_least import least
from remote_places import BUCKET, Place
from remote_tables import DISK, LINK, tables

HERE = Path(__file__).resolve().parent
LINKS = (
    Link("0ms"),
    Link("20ms", 0.02),
    Link("50ms", 0.05),
    Link("100ms", 0.1),
    # Where one connection brings an eighth of what two cores decode.
    Link("50ms,20MB/s", 0.05, 20_000_000),
    Link("https", tls=True),
)
#: Of each task, where it is measured.
PLACES = {
    "decode": (DISK, "0ms", "20ms", "50ms", "100ms", "50ms,20MB/s"),
    "recipe": (DISK, "0ms", "20ms", "50ms", "100ms"),
    "bytes": (DISK, "0ms", "https"),
}
QUICK_PLACES = {"decode": (DISK, "0ms", "20ms"), "recipe": (DISK, "20ms"), "bytes": ("0ms", "https")}
#: In the names of contenders that shuffle.
SHUFFLED = "shuffle"


@contextmanager
def bucket(data: Path, folder: Path) -> Iterator[Nginx]:
    """The server, with DATA as its bucket."""
    root, own = folder / "root", folder / "nginx"
    root.mkdir()
    own.mkdir()
    (root / BUCKET).symlink_to(data.resolve())
    with Nginx(root, LINKS, own) as server:
        yield server


def write_setting(file: Path, arguments: argparse.Namespace, server: Nginx) -> None:
    """What the contenders' processes are told."""
    data = arguments.data.resolve()
    places = {DISK: Place(str(data))}
    for link in LINKS:
        certificate = str(server.certificate) if link.tls else None
        places[link.name] = Place(str(data), server.url(link.name), certificate)
    keys = file.with_name("keys.txt")
    images = json.loads((data / "annotations.json").read_text())["images"]
    keys.write_text("\n".join(f"images/{image['file_name']}" for image in images))
    setting = {
        "places": {name: asdict(place) for name, place in places.items()},
        "threads": arguments.threads,
        "batch_size": arguments.batch_size,
        "seconds": arguments.seconds,
        "check": arguments.check,
        "keys": str(keys),
        "cache_dir": str(file.with_name("cache")),
    }
    file.write_text(json.dumps(setting))


def check_equal(task: str, processes: dict[str, Process], places: Sequence[str]) -> None:
    """Ends the program unless contenders that do not shuffle give the same, and Penstock at all places."""
    in_order = [name for name in processes if SHUFFLED not in name]
    # A recipe flips at random: others draw other numbers.
    others = [] if task == "recipe" else [(name, "0ms") for name in in_order[1:]]
    reference = processes[OURS].ask(f"sums {places[0]}")
    for name, place in [*((OURS, place) for place in places[1:]), *others]:
        if processes[name].ask(f"sums {place}") != reference:
            sys.exit(f"{task}: {name} at {place} gives other images than {OURS} at {places[0]}: nothing was measured")


def run_task(task: str, arguments: argparse.Namespace, server: Nginx, setting: Path) -> list[Summary]:
    places = (QUICK_PLACES if arguments.quick else PLACES)[task]
    # Whom botocore trusts.
    os.environ["AWS_CA_BUNDLE"] = str(server.certificate)
    script = str(HERE / "remote_contenders.py")
    with ExitStack() as stack:
        processes = {}
        for name in CONTENDERS[task]:
            processes[name] = Process(name, [sys.executable, "-W", "ignore", script, task, name, str(setting)])
            stack.callback(processes[name].close)
        check_equal(task, processes, places)
        # A contender is at all places in turn: of its rates ratios are taken.
        items: list[Any] = [
            AtPlace(f"{task}: {name} @ {place}", process, place, server)
            for name, process in processes.items()
            for place in places
            if place != DISK or not name.startswith("boto3")
        ]
        if task != "recipe":
            chunks = least(arguments.data / "lake", ["images"])
            items += [
                LinkItself(f"{task}: {LINK} @ {place}", server, place, chunks, THREADS)
                for place in places
                if place != DISK
            ]
        with tqdm(total=arguments.rounds, unit="round", desc=task, disable=not sys.stderr.isatty()) as bar:
            return compare(items, arguments.rounds, lambda _: bar.update())


def setting_record(arguments: argparse.Namespace, summaries: Sequence[Summary]) -> dict[str, Any]:
    lake = arguments.data / "lake"
    plain = least(lake, ["images"])
    trained = least(lake, ["images", "boxes", "categories"])
    return {
        "threads": arguments.threads,
        "batch_size": arguments.batch_size,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "connections": THREADS,
        "images": plain.samples,
        "least": {
            task: {"requests": len(of.keys), "bytes": of.size}
            for task, of in (("decode", plain), ("bytes", plain), ("recipe", trained))
        },
        # Others' work on these cores shows here.
        "load_average": os.getloadavg()[1],
        "core_makes_requests": any(run.get("core_requests") for summary in summaries for run in summary.runs),
        "links": {link.name: asdict(link) for link in LINKS},
        "nginx": _version("nginx", "-v"),
        "curl": _version("curl", "--version"),
        "revision": revision(),
    }


def _version(*command: str) -> str:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--quick", action="store_true", help="one round of short runs at few places: does it work?")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="a run ends with its epoch, or after so long")
    parser.add_argument("--check", type=int, default=160, help="so many images are compared")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "remote.json")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 5)
    arguments.seconds = arguments.seconds or (1.0 if arguments.quick else 4.0)
    summaries: list[Summary] = []
    with tempfile.TemporaryDirectory(prefix="penstock-remote-") as name:
        folder = Path(name)
        with bucket(arguments.data, folder) as server:
            write_setting(folder / "setting.json", arguments, server)
            for task in arguments.tasks:
                summaries += run_task(task, arguments, server, folder / "setting.json")
    command = f"python benchmarks/remote.py DATA --rounds {arguments.rounds} --seconds {arguments.seconds:g}"
    write_results(arguments.out, command, setting_record(arguments, summaries), summaries)
    print("\n\n".join(tables(json.loads(arguments.out.read_text()))))
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()

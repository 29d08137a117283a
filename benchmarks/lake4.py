"""How fast JPEGs of a Deep Lake 4 dataset become batches of pixels, against each of Deep Lake 4's own readers.

    python benchmarks/lake4.py IMAGES_DIR

Run it where deeplake 4 is installed (.venv-v4). Writes the JPEGs of IMAGES_DIR, several times over, into a dataset;
checks first that all contenders give the same pixels. Prints images/s and ratios with their spread over the rounds;
writes benchmarks/results/lake4.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from harness import Process, Summary, compare, write_results
from lake4_contenders import CONTENDERS

HERE = Path(__file__).resolve().parent


def write_dataset(images: Path, out: Path, repeat: int) -> int:
    """A dataset with one column, "images"; the number of its rows."""
    import deeplake

    files = sorted(images.rglob("*.jpg"))
    if not files:
        sys.exit(f"no *.jpg below {images}")
    dataset = deeplake.create(str(out))
    dataset.add_column("images", deeplake.types.Image(sample_compression="jpeg"))
    for _ in range(repeat):
        dataset.append({"images": [file.read_bytes() for file in files]})
        dataset.commit()
    return len(files) * repeat


def check_equal(processes: Sequence[Process]) -> None:
    """Ends the program unless all contenders decode every image to the same pixels."""
    reference = processes[0].ask("sums")
    for process in processes[1:]:
        if process.ask("sums") != reference:
            sys.exit(f"{process.name} and {processes[0].name} give different pixels: nothing was measured")


def print_table(summaries: Sequence[Summary]) -> None:
    own = [summary for summary in summaries if summary.name.startswith("deeplake")]
    best = max(own, key=lambda summary: summary.rate[0])
    print(f"\n{'':28}{'img/s':>8}{'x the best of deeplake':>28}{'CPU s/1000':>12}")
    for summary in summaries:
        middle, least, most = summary.ratio_to(best)
        spread = f"{middle:.2f} ({least:.2f}-{most:.2f})"
        print(f"{summary.name:28}{summary.rate[0]:8.0f}{spread:>28}{summary.cpu_seconds_per_1000:12.2f}")
    print(f"\nthe best of deeplake's own readers: {best.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="directory, searched for *.jpg")
    parser.add_argument("--repeat", type=int, default=2, help="how often each image is in the dataset")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=1, help="passes over the dataset in each run")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "lake4.json")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        dataset = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "lake"
        images = write_dataset(arguments.images, dataset, arguments.repeat)
        processes = []
        for name in CONTENDERS:
            command = [sys.executable, str(HERE / "lake4_contenders.py"), name, str(dataset)]
            settings = (arguments.threads, arguments.batch_size, arguments.epochs)
            processes.append(Process(name, [*command, *map(str, settings)]))
            stack.callback(processes[-1].close)
        check_equal(processes)
        summaries = compare(processes, arguments.rounds)
    print_table(summaries)
    setting = {
        "threads": arguments.threads,
        "batch_size": arguments.batch_size,
        "images": images,
        "epochs": arguments.epochs,
        "rounds": arguments.rounds,
    }
    command = f"python benchmarks/lake4.py IMAGES_DIR --repeat {arguments.repeat} --rounds {arguments.rounds}"
    write_results(arguments.out, command, setting, summaries)
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()

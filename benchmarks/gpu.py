"""What a GPU waits for: training with Penstock and with stock loading, copies, normalising, decoding by many threads.

    python benchmarks/gpu.py DATA [--device cuda] [--budget 300] [--quick] [--out gpu.json]

DATA is the folder ``lakes`` that ``tools/gpu-check --pack`` writes. Each stage is a process of its own with a limit of
time; one that would pass the budget is skipped, with the reason. What has been measured is written after each stage.
``--device cpu --quick`` tries all stages that need no GPU, on small models: its times are no figures to quote.
Writes benchmarks/results/gpu.json; benchmarks/gpu_tables.py makes tables of it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from gpu_stages import STAGES
from gpu_tables import tables
from harness import write_record
from penstock.cli.machine import gpu

HERE = Path(__file__).resolve().parent
#: Seconds that a stage may take, in the order in which they run. One is begun when half of that is left.
SECONDS = {"detector": 150, "copies": 30, "normalizing": 40, "classifier": 75, "scaling": 120}


def run_stage(stage: str, arguments: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """What a stage has measured, or why it has not: ``results``, ``skipped`` or ``failed``."""
    command = [sys.executable, str(HERE / "gpu_stages.py"), stage, str(arguments.data), arguments.device]
    command += ["--quick"] if arguments.quick else []
    # A group of its own: with the stage ends all that it has started.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return {"failed": f"not done after {seconds:.0f} s"}
    if process.returncode != 0:
        sys.stderr.write(err)
        last = [line for line in err.splitlines() if line.strip()] or [f"ended with status {process.returncode}"]
        return {"failed": last[-1]}
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


def driver() -> str | None:
    """The driver's version, where its tool is there to tell it."""
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--budget", type=float, default=300, help="seconds for all stages (default: 300)")
    parser.add_argument("--quick", action="store_true", help="small models and few steps: a trial")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), metavar="STAGE")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "gpu.json")
    arguments = parser.parse_args()
    missing = [name for name in ("pictures", "squares") if not (arguments.data / name).is_dir()]
    if missing:
        parser.error(f"{arguments.data} has no dataset {missing[0]}: tools/gpu-check --pack writes it")
    end = time.monotonic() + arguments.budget
    setting = {"device": arguments.device, "quick": arguments.quick, "budget": arguments.budget}
    machine = {"gpu": gpu(), "driver": driver()}
    answers: dict[str, Any] = {}
    for stage in arguments.stages:
        left = end - time.monotonic()
        begun = time.monotonic()
        if left < SECONDS[stage] / 2:
            answers[stage] = {"skipped": f"{max(0, left):.0f} s were left, and it may take {SECONDS[stage]}"}
        else:
            answers[stage] = run_stage(stage, arguments, min(left, SECONDS[stage]))
        answers[stage]["seconds"] = round(time.monotonic() - begun, 1)
        record = write_record(arguments.out, "python benchmarks/gpu.py DATA", setting, answers, **machine)
        said = next((f"{key}: {answers[stage][key]}" for key in ("failed", "skipped") if key in answers[stage]), "done")
        print(f"{stage:12} {answers[stage]['seconds']:6.1f} s  {said}", flush=True)
    text = "\n\n".join(tables(record))
    arguments.out.with_suffix(".md").write_text(text + "\n")
    print(f"\n{text}\n\nwritten to {arguments.out}")
    return int(any("failed" in answer for answer in answers.values()))


if __name__ == "__main__":
    sys.exit(main())

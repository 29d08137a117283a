"""Loaders that Accelerate has prepared, in one process or on ranks."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from support.clients import Run, make

__all__ = ["CASES", "gathered_on_rank", "prepared", "prepared_on_rank", "skipped", "skipped_on_rank"]

#: Case -> what Accelerate's configuration says, and how the loader is made.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "default": ({}, {}),
    "odd": ({}, {"samples": 101}),
    "in_order": ({}, {"shuffle": False}),
    "uneven": ({"even_batches": False}, {"samples": 101}),
    "drop_last": ({}, {"samples": 101, "drop_last": True}),
    "split_batches": ({"split_batches": True}, {}),
    "dispatch_batches": ({"dispatch_batches": True}, {}),
    "dispatch_and_split": ({"dispatch_batches": True, "split_batches": True}, {}),
    "workers": ({}, {"num_workers": 2}),
    "stateful": ({"use_stateful_dataloader": True}, {}),
    "stateful_workers": ({"use_stateful_dataloader": True}, {"num_workers": 2}),
    "ranks_by_hand": ({}, {"by_hand": True}),
    "chunk": ({}, {"shuffle": "chunk"}),
    "seedable_sampler": ({"use_seedable_sampler": True}, {}),
    "python": ({}, {"loader_type": "python"}),
}


def prepared(path: Path, case: str, epochs: int = 2) -> Run:
    """What a prepared loader gives this process in a plain loop."""
    from accelerate import Accelerator
    from accelerate.utils import DataLoaderConfiguration

    configuration, arguments = CASES[case]
    accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(**configuration))
    if arguments.get("by_hand"):
        arguments = {"rank": accelerator.process_index, "world_size": accelerator.num_processes}
    with make(path, **arguments) as loader:
        run = Run().iterate(accelerator.prepare(loader), epochs)
        run.stats = loader.stats()
    return run


def skipped(path: Path, batches: int, **arguments: Any) -> Run:
    """An epoch whose first batches Accelerate passes over, as when a run is resumed, and the epoch after it."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    run = Run()
    with make(path, **arguments) as loader:
        ours = accelerator.prepare(loader)
        run.iterate(accelerator.skip_first_batches(ours, batches))
        ours.set_epoch(1)
        return run.iterate(ours)


def gathered(path: Path, samples: int) -> list[int]:
    """The indices that a metric gets, of all ranks together."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    with make(path, samples=samples, shuffle=False) as loader:
        found = [accelerator.gather_for_metrics(batch["index"]) for batch in accelerator.prepare(loader)]
    return [int(index) for batch in found for index in batch]


def prepared_on_rank(path: Path, cases: list[str]) -> dict[str, Run | str]:
    """The same for several cases on one of the ranks; text where one failed."""
    found: dict[str, Run | str] = {}
    for case in cases:
        try:
            found[case] = prepared(path, case)
        except Exception:
            found[case] = traceback.format_exc()
    return found


def gathered_on_rank(path: Path) -> list[list[int]]:
    return [gathered(path, samples) for samples in (100, 101)]


def skipped_on_rank(path: Path) -> Run:
    return skipped(path, 3)

"""A loader at work: it iterates, counts, says where it is and goes on from there."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

import torch
import torch.utils.data

from penstock.loading.batch_sampler import Batches, own_share
from penstock.loading.batch_source import CoreBatches, WholeBatches
from penstock.loading.engine import Engine
from penstock.loading.engines import make_engine
from penstock.loading.epochs import Epochs
from penstock.loading.explain import as_line, as_text, steps_as_run, why_python
from penstock.loading.html import loader_html
from penstock.loading.iteration import Iteration
from penstock.loading.limits import Lanes, Limit, limit_of, request_seconds
from penstock.loading.native.loader import NativeLoader
from penstock.loading.options import LoaderOptions, LoaderType
from penstock.loading.plan import Plan
from penstock.loading.program import Program, StepReport
from penstock.loading.samples import Samples
from penstock.loading.seed import LoaderSeed
from penstock.loading.state import LoaderState
from penstock.loading.tolerance import ErrorPolicy
from penstock.loading.unbatched import Unbatched
from penstock.locks import ForkLock

__all__ = ["RunningLoader"]

logger = logging.getLogger("penstock")

_Loader = TypeVar("_Loader", bound="RunningLoader")


class RunningLoader(torch.utils.data.DataLoader[Any]):
    """All of :class:`penstock.DataLoader` but its arguments.

    Args:
        samples: What is loaded.
        options: How.
        settings: The arguments that a loader of the same samples has, too, unless it is told otherwise.
        loader_type: Who loads.
        policy: Which errors are borne; None: none.
        seed: Of order and transforms.
        collate_fn: The user's own; None: batches are as the samples' program makes them.
        batch_size, shuffle, sampler, batch_sampler, pin_memory, generator: As torch's loader has them.
    """

    def __init__(
        self,
        samples: Samples,
        options: LoaderOptions,
        *,
        settings: dict[str, Any],
        loader_type: LoaderType,
        policy: ErrorPolicy | None,
        seed: LoaderSeed,
        collate_fn: Callable[[list[Any]], Any] | None,
        batch_size: int | None,
        shuffle: bool,
        sampler: Any,
        batch_sampler: Any,
        pin_memory: bool,
        generator: torch.Generator | None,
    ) -> None:
        self.loader_type: LoaderType = loader_type
        self.options = options
        self._policy = policy
        self._seed = seed
        self._collate_fn = collate_fn
        self._unbatched = batch_size is None and batch_sampler is None
        self._why_python = functools.partial(
            why_python, loader_type=loader_type, asked=settings["loader_type"], collate_fn=collate_fn
        )
        self._steps = steps_as_run(samples.program, self._why_python(samples.program))
        self._explained = False
        self._samples = samples = self._prepared(samples.with_program(samples.program, seed))
        samples.settings = settings
        super().__init__(
            self._torch_dataset(samples),
            # torch checks which of these exclude each other.
            batch_size=batch_size,
            shuffle=shuffle,
            sampler=sampler,
            batch_sampler=batch_sampler,
            num_workers=options.num_workers,
            collate_fn=collate_fn or WholeBatches(self._collate() or samples.collate),
            pin_memory=pin_memory,
            drop_last=options.drop_last,
            timeout=options.timeout,
            worker_init_fn=options.worker_init_fn,
            multiprocessing_context=options.multiprocessing_context if options.num_workers else None,
            generator=generator,
            prefetch_factor=options.prefetch_factor if options.num_workers else None,
            persistent_workers=options.persistent_workers,
        )
        if self.batch_size is not None:
            # torch's own cannot tell who draws from it.
            object.__setattr__(self, "batch_sampler", Batches(self.sampler, self.batch_size, self.drop_last))
        self._epochs = Epochs(
            self.sampler,
            self.batch_sampler if self.batch_size is None and not self._unbatched else None,
            batch_size=self.batch_size or 1,
            drop_last=self.drop_last,
            ahead=options.prefetch_factor,
            seed=seed,
            samples=samples,
        )
        self._past_stats: dict[str, float] = {}
        self._run_seconds = 0.0
        #: Threads may begin epochs and take batches at the same time.
        self._counting = ForkLock()
        self._start_engine()

    def __iter__(self) -> Iteration:  # type: ignore[override]
        """Starts an epoch: the one set by :meth:`set_epoch` (until the first batch is asked for), else the one after
        the last started."""
        self._seed.draw_for_epoch()
        return Iteration(self._begin, self.__len__)

    def __len__(self) -> int:
        """Batches of this rank in an epoch.

        Raises:
            TypeError: The sampler has no length.
        """
        with own_share():
            return super().__len__()

    def check_worker_number_rationality(self) -> None:
        """Nothing: who makes worker processes says so."""

    def explain(self) -> str:
        """Which steps of the transform run in C++ threads and which in Python, and why.

        Returns:
            Text with one line a step: ``+`` (C++) or ``-`` (Python), the step, where it runs and, for Python, why. A
            summary is logged when the first epoch starts (logger "penstock", level INFO).
        """
        return as_text(self._steps)

    @property
    def steps(self) -> tuple[StepReport, ...]:
        """What :meth:`explain` says, step by step; none without a transform."""
        return self._steps

    def set_epoch(self, epoch: int) -> None:
        """Selects the epoch of the next iteration; order and transforms' random numbers follow from it. The epoch that
        a loaded state is in goes on where the state was taken."""
        self._epochs.set_epoch(epoch)

    def stats(self) -> dict[str, float]:
        """What the loader has done since it was made.

        ``samples``, ``batches``, ``wait_seconds`` (the consumer waited for a batch) and ``run_seconds`` (from the
        start of each iteration to its latest batch) with either loader type. With C++ also: ``bytes_read``, ``reads``,
        ``chunks_read`` (whole), ``cache_hits``, ``cache_misses``, ``coefficient_hits``, ``coefficient_misses``,
        ``coefficients_kept`` (images) and ``coefficient_bytes`` (of ``cache``), ``encoded_bytes``, ``slabs_allocated``
        (batch memory; stands still once reuse works), and seconds by stage, none of which counts in another:
        ``fetch_seconds`` (storage worked on requests, summed over those that went on side by side),
        ``decode_seconds`` (encoded to pixels) and ``transform_seconds`` (native transforms: geometry and pixels), each
        summed over threads, and ``python_seconds`` (Python's transforms and collate, in the thread that iterates).
        ``data_wait_seconds``: batches whose turn it was waited for their data, summed over batches.
        """
        stats = self._engine.stats() | {"run_seconds": self._run_seconds}
        others = [self._past_stats] + ([] if self._batches is None else [self._batches.stats()])
        keys = dict.fromkeys(key for counts in (*others, stats) for key in counts)
        return {key: sum(counts.get(key, 0) for counts in (stats, *others)) for key in keys}

    def limit(self) -> Limit | None:
        """What has limited the speed since the loader was made, by its :meth:`stats`, and what would help.

        Of a remote dataset the smallest request is timed for it, a few times.

        Returns:
            Its ``stage`` is "link" or "latency" (reading remote data), "fetch" (reading otherwise), "decode",
            "transform", "python", or "consumer", who takes the batches; its ``text`` is for a user. None before the
            first batch.

        Raises:
            StorageError: A remote dataset cannot be reached.
        """
        stats = self.stats()
        if not stats["batches"]:
            return None
        lanes = Lanes(self.options.num_threads, self.options.num_workers, self.options.prefetch_factor)
        latency = request_seconds(self._samples.source, self._samples.read_tensors)
        return limit_of(stats, stats["run_seconds"], lanes, latency=latency)

    def state_dict(self) -> dict[str, Any]:
        """Where the last started iteration is: a small dict that JSON can hold, the same on all ranks.

        It counts the samples that were handed out. Resuming needs the same dataset, way of shuffling and transform; the
        batch size, ranks, threads and workers may be others. A sampler of the user's own is in it where it has
        ``state_dict``, or is one of torch's.
        """
        return self._epochs.now().to_dict()

    def state_at(self, epoch: int, batches: int) -> dict[str, Any]:
        """The state when this rank has taken so many batches of an epoch: for loops that count themselves, and may be
        behind what was handed out.

        Args:
            epoch: The epoch.
            batches: Of the epoch; those before a loaded state included.
        """
        return self._epochs.at(epoch, batches).to_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The next iteration goes on where ``state`` was taken: with what no rank has seen of the epoch.

        The rest is that of the order of all ranks, whatever their number is now. With ``"chunk"``, and in batches of
        one group, ranks of before had parts of their own: what they have left is put together and cut anew.

        Raises:
            ConfigError: The state is damaged, or belongs to another dataset, way of shuffling or transform; or ranks
                have changed, and a sampler of the user's own shares out.
        """
        self._epochs.go_on_from(LoaderState.from_dict(state))

    @property
    def batches_done(self) -> int:
        """How many of this rank's batches of the epoch are behind the iteration that :meth:`state_dict` tells of, of
        ``len(loader)``. After a loaded state of another batch size or number of ranks: so many that the rest is left.
        """
        return self._epochs.batches_done

    def close(self) -> None:
        """Stops threads and processes and frees the memory. Idempotent; iterating afterwards raises."""
        self._engine.close()
        if self._batches is not None:
            self._batches.close()

    def __enter__(self: _Loader) -> _Loader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        samples = self._samples
        try:
            batches = f"{len(self)} batches"
        except TypeError:
            batches = "batches without end"
        return (
            f"penstock.DataLoader({samples.source.path!r}, {len(samples)} samples, {batches}, "
            f"loader_type={self.loader_type!r}, tensors={list(samples.tensors)}, {self.options})"
        )

    def _repr_html_(self) -> str:
        """What notebooks show: facts, and where the steps of the transform run."""
        samples = self._samples
        try:
            batches = len(self)
        except TypeError:
            batches = None
        path, names = samples.source.path, {key: tensor.name for key, tensor in samples.tensors.items()}
        return loader_html(path, len(samples), batches, self.loader_type, names, self.options, self._steps)

    def _torch_dataset(self, samples: Samples) -> torch.utils.data.Dataset[Any]:
        """What stands as ``dataset``; a framework's integration puts its own in place of the samples."""
        return samples

    def _prepared(self, samples: Samples) -> Samples:
        """The samples with a program that suits ``collate_fn``."""
        if self._collate_fn is None and not self._unbatched:
            return samples
        # The core would make the batch itself, or hand over samples that are not finished.
        return samples.with_program(replace(samples.program, native=None))

    def _collate(self) -> Callable[[list[Any]], Any] | None:
        """What makes batches of single samples; None: the default."""
        if self._unbatched:
            return Unbatched(self._collate_fn)
        return self._collate_fn or self._samples.program.collate

    def _start_engine(self) -> None:
        samples = self._samples
        native = self.loader_type == "c++"
        make = functools.partial(make_engine, native, self._policy, self.sampler)
        # Of a copy, which worker processes get without what follows.
        self._engine: Engine = make(samples.copy(), self.options, self._collate())
        self._batches: CoreBatches | None = None
        if isinstance(self._engine, NativeLoader):
            self._engine.next_epoch.plan = self._epochs.next_plan
        if native:
            whole = self._collate_fn is None and not self._unbatched and not samples.program.python
            self._batches = CoreBatches(self.options, make, whole=whole, world_size=self._seed.world_size)
            samples.batches = self._batches

    def _replace_program(self, program: Program) -> None:
        """Goes on with another transform of the same samples. Iterations under way end."""
        self._past_stats, self._run_seconds = self.stats(), 0.0
        self.close()
        self._steps, self._explained = steps_as_run(program, self._why_python(program)), False
        self._samples = self._epochs.samples = self._prepared(self._samples.with_program(program))
        self._start_engine()

    def _begin(self) -> tuple[Plan, Callable[[], Generator[Any, None, None]]]:
        """The next epoch: its plan, and what runs it, or the rest of it."""
        with self._counting:
            if not self._explained:
                self._explained = True
                logger.info("penstock: transforms: %s", as_line(self._steps))
            plan, count = self._epochs.begin()
        return plan, functools.partial(self._run, plan, count)

    def _run(self, plan: Plan, count: Callable[..., None]) -> Generator[Any, None, None]:
        last = time.perf_counter()
        batches = self._engine.run(plan)
        try:
            for batch in batches:
                count()
                now = time.perf_counter()
                with self._counting:
                    self._run_seconds += now - last
                last = now
                yield batch
                del batch
            count(ended=True)
        finally:
            batches.close()

"""The public loader."""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import torch
import torch.utils.data

from penstock.dataset import DatasetLike, open_dataset
from penstock.described import described
from penstock.errors import ConfigError
from penstock.loading.chunk_sampler import ChunkSampler, stored_chunks
from penstock.loading.compile import compile_transform
from penstock.loading.explain import as_line, as_text, steps_as_run
from penstock.loading.limits import Lanes, Limit, limit_of, request_seconds
from penstock.loading.native.loader import NativeLoader
from penstock.loading.options import (
    LoaderOptions,
    check_decode,
    default_threads,
    resolve_loader_type,
    resolve_shuffle,
    select_tensors,
)
from penstock.loading.plan import EpochPlan
from penstock.loading.program import Program, StepReport
from penstock.loading.python_loader import PythonLoader
from penstock.loading.samples import Samples
from penstock.loading.sampling import EpochSampler, base_seed, world
from penstock.storage.network import NetworkOptions

__all__ = ["DataLoader"]

logger = logging.getLogger("penstock")

_STATE_VERSION = 2


class DataLoader(torch.utils.data.DataLoader[Any]):
    """Loads batches of a Deep Lake dataset.

    Arguments that torch's ``DataLoader`` has mean what they mean there. A sample is a dict of numpy arrays, keyed by
    tensor name (or output key); ``transform`` takes it, ``collate_fn`` takes the list of what ``transform`` returned.
    Without either, a batch is a dict of torch tensors with a new first axis, or a list of tensors where the shapes in
    the batch differ; images are uint8, height x width x channels (RGB), as Deep Lake returns them.

    The sample of an index depends on nothing but (dataset, transform, seed, epoch, index): not on the loader type,
    threads, workers or ranks. ``random``, ``numpy.random`` and torch's CPU generator are seeded by them for each
    sample while ``transform`` runs, and put back afterwards.

    Args:
        dataset: From :func:`penstock.open`, or what that opens: a path, a dataset or view of deeplake 3.
        batch_size: Samples in a batch.
        shuffle: A new order for each epoch. ``"full"``: a random permutation. ``"chunk"``: chunks in random order, and
            samples at random out of a window that moves along it, so that each chunk is read once; with several ranks,
            by one of them (``docs/shuffling.md``). True: ``"chunk"`` where the dataset is remote, else ``"full"``. A
            dataset without chunks that can be seen (Deep Lake 4) is shuffled fully.
        loader_type: ``"c++"`` (``"cpp"``), ``"python"``, or ``"auto"``: C++ where the extension is installed.
        tensors: Names of the tensors to load, or {key in the sample: tensor name}; None loads all.
        decode: {key in the sample: ``"numpy"`` (the default), ``"bytes"`` or ``"pil"``}. ``"bytes"`` gives a sample's
            bytes as stored (of a compressed chunk: the sample's own), also of tensors that are not read otherwise
            (video, audio, dicom, nifti, point clouds, meshes); ``"pil"`` a ``PIL.Image.Image``. Batches of either are
            lists.
        transform: Called with each sample; or an MMDetection pipeline, a list of dicts: batches are then what mmcv's
            ``collate`` makes of them.
        num_threads: Decoding threads of the C++ loader; default: ``num_workers`` if that is set, else one a core.
        num_workers: Worker processes. The C++ loader has them only for what runs in Python, a transform's Python part
            or ``collate_fn``: they see the decoded images in memory that they share with it. Threads decode all the
            same. ``torch.utils.data.get_worker_info()`` is None in the C++ loader's workers.
        prefetch_factor: Batches loaded ahead; with worker processes, by each of them.
        shuffle_window: Of ``shuffle="chunk"``: how many chunks each rank may have open at once, of the tensor that has
            most of them. Larger windows shuffle better, and take more memory.
        drop_last: Drop the last batch when it is not full; with several ranks, also the samples over.
        collate_fn: Makes a batch of a list of samples, as ``transform`` returns them: with it, an MMDetection
            pipeline runs in Python.
        pin_memory: Batches lie in pinned memory; without a GPU it has no effect.
        seed: Of order and transforms, 0 to 2**63-1. Default: drawn from ``generator``.
        generator: Default: torch's own, so that ``torch.manual_seed`` governs.
        rank, world_size: Default: those of ``torch.distributed`` if it runs. All ranks get equally many batches: the
            order is filled up from its start, or cut with ``drop_last``.
        on_error: ``"raise"``: a bad sample ends the iteration with an error that names it.
        return_index: Samples and batches carry ``"index"``.
        sampler: Indices of this rank, instead of ``shuffle``, ``rank`` and ``world_size``. Where it has ``set_epoch``,
            that is called.
        batch_sampler: Lists of indices, instead of ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``.
        worker_init_fn, persistent_workers, timeout, multiprocessing_context: Of the worker processes.
        chunk_cache_bytes: Budget for chunks that the C++ loader keeps in memory, in bytes.
        read_ahead_bytes: Budget for what the C++ loader reads before it is needed, as it is stored, in bytes. Default:
            128 MiB of remote data, 16 MiB of a local disk's. What the next batches need is read whatever the budget.
        creds, network: Of a dataset that is given by its URL: see :func:`penstock.open`.

    Raises:
        ValueError, TypeError: Wrong arguments.
        ConfigError: Arguments that do not fit the dataset, or a pipeline that cannot work.
        UnsupportedError: A tensor that is not read yet.
        NativeUnavailableError: ``"c++"`` where the extension is not installed.
        PenstockError: While iterating: the sample that could not be read or decoded, by tensor, index and chunk. The
            iteration is over then; a new one starts afresh.
    """

    def __init__(
        self,
        dataset: DatasetLike,
        batch_size: int = 1,
        shuffle: bool | str = False,
        *,
        loader_type: str = "auto",
        tensors: Sequence[str] | Mapping[str, str] | None = None,
        decode: Mapping[str, str] | None = None,
        transform: Program | Callable[[dict[str, Any]], Any] | Sequence[Mapping[str, Any]] | None = None,
        num_threads: int | None = None,
        num_workers: int = 0,
        prefetch_factor: int = LoaderOptions.prefetch_factor,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        seed: int | None = None,
        generator: torch.Generator | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        on_error: str = "raise",
        return_index: bool = False,
        sampler: torch.utils.data.Sampler[int] | Iterable[int] | None = None,
        batch_sampler: torch.utils.data.Sampler[list[int]] | Iterable[list[int]] | None = None,
        worker_init_fn: Callable[[int], None] | None = None,
        persistent_workers: bool = False,
        timeout: float = 0,
        multiprocessing_context: Any = None,
        chunk_cache_bytes: int = LoaderOptions.chunk_cache_bytes,
        shuffle_window: int = LoaderOptions.shuffle_window,
        read_ahead_bytes: int | None = None,
        creds: Any = None,
        network: NetworkOptions | None = None,
    ) -> None:
        self.loader_type = resolve_loader_type(loader_type)
        if not isinstance(on_error, str) or on_error != "raise":
            raise ValueError(f"on_error must be 'raise', got {described(on_error)}: nothing else is supported yet")
        options = LoaderOptions(
            batch_size=batch_size,
            drop_last=drop_last,
            num_threads=default_threads(num_threads, num_workers),
            num_workers=num_workers,
            prefetch_factor=prefetch_factor,
            pin_memory=pin_memory and _can_pin(),
            timeout=timeout,
            worker_init_fn=worker_init_fn,
            persistent_workers=persistent_workers,
            multiprocessing_context=multiprocessing_context,
            chunk_cache_bytes=chunk_cache_bytes,
            shuffle_window=shuffle_window,
            read_ahead_bytes=read_ahead_bytes,
        )
        self.options = options
        resolve_shuffle(shuffle, remote=False)
        source = open_dataset(dataset, creds=creds, network=network)
        selected = select_tensors(source, tensors, decode)
        program = compile_transform(transform, dataset=source, tensors=selected)
        self._why_python = functools.partial(
            _why_python, loader_type=self.loader_type, asked=loader_type, collate_fn=collate_fn
        )
        self._steps = steps_as_run(program, self._why_python(program))
        self._explained = False
        if collate_fn is not None:
            # The core would make the batch itself, or hand over samples that are not finished.
            program = dataclasses.replace(program, native=None)
        if rank is not None or world_size is not None:
            world(rank, world_size)
        ranks = functools.partial(world, rank, world_size)
        self._seed = _LoaderSeed(seed, generator, ranks)
        samples = Samples(
            source,
            selected,
            program,
            decode=check_decode(decode, selected, program.color),
            seed=self._seed,
            return_index=return_index,
        )
        if len(samples) == 0:
            raise ConfigError("the dataset has no samples to load", path=source.path)
        if sampler is None and batch_sampler is None:
            mode = resolve_shuffle(shuffle, remote=source.is_remote)
            chunks = stored_chunks(source, samples.read_tensors, len(samples)) if mode == "chunk" else None
            arguments: dict[str, Any] = {"seed": self._seed, "world": ranks, "drop_last": drop_last}
            if chunks is None:
                sampler = EpochSampler(len(samples), shuffle=mode != "none", **arguments)
            else:
                sampler = ChunkSampler(chunks, shuffle_window, **arguments)
            shuffle = False
        collate = collate_fn or program.collate
        self._samples = samples
        self._collate_fn = collate_fn
        super().__init__(
            self._torch_dataset(samples),
            # torch checks which of these exclude each other.
            batch_size=options.batch_size,
            shuffle=bool(shuffle),
            sampler=sampler,
            batch_sampler=batch_sampler,
            drop_last=options.drop_last,
            collate_fn=collate,
            pin_memory=options.pin_memory,
            generator=generator,
        )
        self._epoch = 0
        self._resume: tuple[int, int] | None = None
        self._progress = (0, 0)
        engine = NativeLoader if self.loader_type == "c++" else PythonLoader
        self._engine: NativeLoader | PythonLoader = engine(samples, options, collate)
        self._past_stats: dict[str, float] = {}
        self._run_seconds = 0.0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Starts an epoch: the one set by :meth:`set_epoch`, else the one after the last started."""
        plan = self._plan()
        if not self._explained:
            self._explained = True
            logger.info("penstock: transforms: %s", as_line(self._steps))
        return self._run(plan)

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
        """Selects the epoch of the next iteration; order and transforms' random numbers follow from it."""
        self._set_epoch(epoch)
        self._resume = None

    def stats(self) -> dict[str, float]:
        """What the loader has done since it was made.

        ``samples``, ``batches``, ``wait_seconds`` (the consumer waited for a batch) and ``run_seconds`` (from the
        start of each iteration to its latest batch) with either loader type. With C++ also: ``bytes_read``, ``reads``,
        ``chunks_read`` (whole), ``cache_hits``, ``cache_misses``, ``encoded_bytes``, ``slabs_allocated`` (batch
        memory; stands still once reuse works), and seconds by stage, none of which counts in another:
        ``fetch_seconds`` (storage worked on requests, summed over those that went on side by side),
        ``decode_seconds`` (encoded to pixels) and ``transform_seconds`` (native transforms: geometry and pixels), each
        summed over threads, and ``python_seconds`` (Python's transforms and collate, in the thread that iterates).
        ``data_wait_seconds``: batches whose turn it was waited for their data, summed over batches.
        """
        stats = self._engine.stats() | {"run_seconds": self._run_seconds}
        return {key: stats.get(key, 0) + self._past_stats.get(key, 0) for key in {**self._past_stats, **stats}}

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
        """Where the last started iteration is: a small dict that JSON can hold.

        It counts the batches that were handed out. Resuming needs the same dataset, batch size, world size and way of
        shuffling.
        """
        epoch, batch = self._progress
        shuffle, window = self._mode()
        return {
            "version": _STATE_VERSION,
            "epoch": epoch,
            "batch": batch,
            "seed": self._seed(),
            "dataset": self._samples.source.fingerprint(),
            "batch_size": self.options.batch_size,
            "world_size": self._seed.world()[1],
            "shuffle": shuffle,
            "shuffle_window": window,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The next iteration goes on where ``state`` was taken, with the batch that would have come next.

        Raises:
            ConfigError: The state belongs to another dataset, batch size, world size or way of shuffling.
        """
        own = self.state_dict()
        for key in ("version", "dataset", "batch_size", "world_size", "shuffle", "shuffle_window"):
            if state.get(key) != own[key]:
                raise ConfigError(
                    f"the state cannot be resumed here: its {key} is {state.get(key)!r}, this loader's is {own[key]!r}"
                )
        self._seed.set(int(state["seed"]))
        self._resume = self._progress = (int(state["epoch"]), int(state["batch"]))

    def close(self) -> None:
        """Stops threads and processes and frees the memory. Idempotent; iterating afterwards raises."""
        self._engine.close()

    def __enter__(self) -> DataLoader:
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
        return (
            f"penstock.DataLoader({samples.source.path!r}, {len(samples)} samples, {len(self)} batches, "
            f"loader_type={self.loader_type!r}, tensors={list(samples.tensors)}, {self.options})"
        )

    def _torch_dataset(self, samples: Samples) -> torch.utils.data.Dataset[Any]:
        """What stands as ``dataset``; a framework's integration puts its own in place of the samples."""
        return samples

    def _replace_program(self, program: Program) -> None:
        """Goes on with another transform of the same samples. Iterations under way end."""
        self._past_stats, self._run_seconds = self.stats(), 0.0
        self._engine.close()
        self._steps, self._explained = steps_as_run(program, self._why_python(program)), False
        if self._collate_fn is not None:
            program = dataclasses.replace(program, native=None)
        self._samples = self._samples.with_program(program)
        engine = type(self._engine)
        self._engine = engine(self._samples, self.options, self._collate_fn or program.collate)

    def _plan(self) -> EpochPlan:
        first = 0
        if self._resume is not None:
            epoch, first = self._resume
            self._set_epoch(epoch)
            self._resume = None
        epoch = int(getattr(self._epoch_holder(), "epoch", self._epoch))
        self._samples.epoch = epoch
        samples = len(self._samples)
        sampler = self.sampler
        if (type(sampler) is EpochSampler or type(sampler) is ChunkSampler) and self.batch_size is not None:
            # What the batch sampler would give, without an object for each sample.
            plan = EpochPlan.of_order(epoch, sampler.order(), self.batch_size, self.drop_last, first)
        else:
            plan = EpochPlan.of_batches(epoch, self.batch_sampler or (), samples, first)
        self._set_epoch(epoch + 1)
        return plan

    def _run(self, plan: EpochPlan) -> Iterator[Any]:
        total = len(plan)
        self._progress = (plan.epoch, plan.first)
        last = time.perf_counter()
        for done, batch in enumerate(self._engine.run(plan), start=plan.first + 1):
            self._progress = (plan.epoch, done) if done < total else (plan.epoch + 1, 0)
            now = time.perf_counter()
            self._run_seconds += now - last
            last = now
            yield batch

    def _mode(self) -> tuple[str | None, int | None]:
        """How the sampler shuffles, and in which window; None of a sampler of the user's own."""
        return self.sampler.mode if isinstance(self.sampler, EpochSampler) else (None, None)

    def _epoch_holder(self) -> Any:
        """The sampler that knows the epoch, where one does."""
        return self.sampler if self.batch_size is not None else self.batch_sampler

    def _set_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        set_epoch = getattr(self._epoch_holder(), "set_epoch", None)
        if set_epoch is not None:
            set_epoch(epoch)


class _LoaderSeed:
    """The loader's seed, drawn when it is first asked for: ranks may not be known before."""

    def __init__(
        self, seed: int | None, generator: torch.Generator | None, ranks: Callable[[], tuple[int, int]]
    ) -> None:
        self.world = ranks
        self._generator = generator
        self._seed = None if seed is None else base_seed(seed, generator, 1)

    def __call__(self) -> int:
        if self._seed is None:
            self._seed = base_seed(None, self._generator, self.world()[1])
        return self._seed

    def set(self, seed: int) -> None:
        self._seed = seed

    def __getstate__(self) -> dict[str, Any]:
        # A worker process must not draw a seed of its own, and generators do not pickle.
        return {"world": self.world, "_generator": None, "_seed": self()}


def _why_python(
    program: Program, loader_type: str, asked: str, collate_fn: Callable[[list[Any]], Any] | None
) -> str:
    """Why a loader does not run what it could natively; "" where it does."""
    if loader_type == "python":
        return "the Python loader was chosen" if asked == "python" else "the C++ extension is not installed"
    if collate_fn is not None and program.native is not None:
        return "collate_fn takes samples as the whole pipeline returns them"
    return ""


def _can_pin() -> bool:
    if torch.cuda.is_available():
        return True
    logger.info("pin_memory has no effect: there is no GPU")
    return False

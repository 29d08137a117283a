"""The public loader."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

import torch
import torch.utils.data

from penstock.dataset import DatasetLike
from penstock.loading.batch_sampler import Batches, own_share
from penstock.loading.batch_source import CoreBatches, WholeBatches
from penstock.loading.engine import Engine
from penstock.loading.engines import make_engine
from penstock.loading.epochs import Epochs
from penstock.loading.explain import as_line, as_text, steps_as_run, why_python
from penstock.loading.image_output import image_output
from penstock.loading.iteration import Iteration
from penstock.loading.limits import Lanes, Limit, limit_of, request_seconds
from penstock.loading.native.loader import NativeLoader
from penstock.loading.options import (
    LoaderOptions,
    can_pin,
    check_torch_options,
    default_threads,
    resolve_loader_type,
    resolve_shuffle,
)
from penstock.loading.order import sampler_for
from penstock.loading.plan import Plan
from penstock.loading.program import Program, StepReport
from penstock.loading.rebuilding import name_kept_arguments
from penstock.loading.samples import Samples
from penstock.loading.sampling import world
from penstock.loading.seed import LoaderSeed
from penstock.loading.selection import made_for, selected_samples
from penstock.loading.state import LoaderState
from penstock.loading.tolerance import OnError, error_policy
from penstock.loading.unbatched import Unbatched
from penstock.storage.network import NetworkOptions

__all__ = ["DataLoader"]

logger = logging.getLogger("penstock")


class DataLoader(torch.utils.data.DataLoader[Any]):
    """Loads batches of a Deep Lake dataset.

    Arguments that torch's ``DataLoader`` has mean what they mean there. A sample is a dict of numpy arrays, keyed by
    tensor name (or output key); ``transform`` takes it, ``collate_fn`` takes the list of what ``transform`` returned.
    Without either, a batch is a dict of torch tensors with a new first axis, or a list of tensors where the shapes in
    the batch differ; images are uint8, height x width x channels (RGB), as Deep Lake returns them. What ``transform``
    returned is put together as torch's ``default_collate`` does it, with lists where shapes differ.

    The sample of an index depends on nothing but (dataset, transform, seed, epoch, index): not on the loader type,
    threads, workers or ranks. ``random``, ``numpy.random`` and torch's CPU generator are seeded by them for each
    sample while ``transform`` runs, and put back afterwards.

    Args:
        dataset: From :func:`penstock.open`, or what that opens: a path, a dataset or view of deeplake 3; torch's
            ``Subset`` (of ``random_split`` too) or ``ConcatDataset`` of such; or another loader's ``dataset``, which
            has its tensors and transform: then what is not given is as that loader has it.
        batch_size: Samples in a batch. None: samples by themselves, their arrays as tensors; ``collate_fn`` then takes
            one sample.
        shuffle: A new order for each epoch. ``"full"``: a random permutation. ``"chunk"``: chunks in random order, and
            samples at random out of a window that moves along it, so that each chunk is read once; with several ranks,
            by one of them (``docs/shuffling.md``). True: ``"chunk"`` where the dataset is remote, else ``"full"``. A
            dataset without chunks that can be seen (Deep Lake 4) is shuffled fully.
        loader_type: ``"c++"`` (``"cpp"``), ``"python"``, or ``"auto"``: C++ where the extension is installed.
        tensors: Names of the tensors to load, or {key in the sample: tensor name}; None loads all.
        decode: {key in the sample: ``"numpy"`` (the default), ``"bytes"``, ``"pil"`` or ``"data"``}. ``"bytes"`` gives
            a sample's bytes as stored (of a compressed chunk: the sample's own), also of tensors that are not read
            otherwise (video, audio, dicom, nifti, point clouds, meshes); ``"pil"`` a ``PIL.Image.Image``; ``"data"`` a
            dict as Deep Lake 3's ``Tensor.data()`` gives it: "value", of labels with class names also "text", of images
            also "sample_info". Batches of the three are lists.
        transform: Called with each sample; or an MMDetection pipeline, a list of dicts: batches are then what mmcv's
            ``collate`` makes of them.
        num_threads: Decoding threads of the C++ loader; default: ``num_workers`` if that is set, else one a core.
        num_workers: Worker processes. The C++ loader has them only for what runs in Python, a transform's Python part
            or ``collate_fn``: they see the decoded images in memory that they share with it. Threads decode all the
            same. ``torch.utils.data.get_worker_info()`` is None in the C++ loader's workers.
        prefetch_factor: Batches loaded ahead, 2 by default; with worker processes, by each of them. Of small batches
            the C++ loader loads more ahead: as many as hold three samples a thread, beside one batch.
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
        on_error: ``"raise"``: a bad sample ends the iteration with an error that names it. ``"skip"``: the next good
            sample of the epoch's order takes its place, so that batches and ranks keep their lengths; each bad one is
            logged, and counted as ``errors`` in :meth:`stats`. ``"skip:100"``, ``"skip:1%"``: as long as not more are
            bad. A callable takes the error: False raises it, anything else skips the sample. Bad is a sample that
            cannot be decoded or read from its chunk, or that the transform raises for; storage that fails is not.
        return_index: Samples and batches carry ``"index"``.
        sampler: Indices of this rank, instead of ``shuffle``, ``rank`` and ``world_size``. Where it has ``set_epoch``,
            that is called. Torch's own are read at once; any other may be endless, have no length, or decide as it
            goes: it is asked for ``2 * prefetch_factor`` batches ahead at most.
        batch_sampler: Lists of indices, instead of ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``.
        worker_init_fn, persistent_workers, multiprocessing_context: Of the worker processes.
        timeout: Seconds that a batch may take, with worker processes or without; 0: any time.
        pin_memory_device, in_order: As torch has them; batches always come in order.
        chunk_cache_bytes: Budget for chunks that the C++ loader keeps in memory, in bytes.
        read_ahead_bytes: Budget for what the C++ loader reads before it is needed, as it is stored, in bytes. Default:
            128 MiB of remote data, 16 MiB of a local disk's. What the next batches need is read whatever the budget.
        memory_limit: How much memory the C++ loader may hold in all: bytes, or text such as ``"2GB"``. It counts
            batches that are under way, ready, or handed out and still alive, batch memory that waits to be used again,
            and chunks: at most a quarter of it for the chunk cache, and an eighth for what is read ahead. Where it is
            tight, fewer batches than ``prefetch_factor`` are loaded at a time. A batch that the program waits for is
            loaded in any case, beyond the limit if need be, which is logged once. Of pinned batches that were handed
            out, the latest counts. Not counted: what decoders need for the images that they are at, and what worker
            processes have. Batches are the same with any limit. Default: none.
        cache_dir: A folder on a disk where the C++ loader keeps the chunks of remote data, whole, as they are stored:
            later epochs, other ranks and other jobs then find them there. It is made where it is missing.
            Local data do not use it; with ``"python"`` there is no such cache, and a warning says so.
        cache_size: How much may lie there: bytes, or text such as ``"50GB"`` or ``"50GiB"``. It fills up, and nothing
            is taken out; what finds no room is read from afar. Default: nine tenths of what the folder has and its
            disk has free, at most 256 GiB.
        layout: Of image tensors, without a transform. ``"nhwc"``: [n, h, w, c], or as stored. ``"nchw"``: [n, c, h, w],
            written so by the decoding threads; gray images have one channel. Images of different sizes are a list.
        dtype: Of image tensors, without a transform: ``float32``, ``float16`` or ``bfloat16``, torch's or its name.
            Values are from 0 to 1, as torchvision's ToTensor has them: divided by 255 (uint16: by 65535) in float32,
            then rounded. Default: as stored. Floats take two to four times the memory, and as long to copy: see
            :func:`normalize_on`.
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
        batch_size: int | None = 1,
        shuffle: bool | str = False,
        *,
        loader_type: str = "auto",
        tensors: Sequence[str] | Mapping[str, str] | None = None,
        decode: Mapping[str, str] | None = None,
        transform: Program | Callable[[dict[str, Any]], Any] | Sequence[Mapping[str, Any]] | None = None,
        num_threads: int | None = None,
        num_workers: int = 0,
        prefetch_factor: int | None = None,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        seed: int | LoaderSeed | None = None,
        generator: torch.Generator | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        on_error: OnError = "raise",
        return_index: bool = False,
        sampler: torch.utils.data.Sampler[int] | Iterable[int] | None = None,
        batch_sampler: torch.utils.data.Sampler[list[int]] | Iterable[list[int]] | None = None,
        worker_init_fn: Callable[[int], None] | None = None,
        persistent_workers: bool = False,
        timeout: float = 0,
        multiprocessing_context: Any = None,
        pin_memory_device: str = "",
        in_order: bool = True,
        chunk_cache_bytes: int = LoaderOptions.chunk_cache_bytes,
        shuffle_window: int = LoaderOptions.shuffle_window,
        read_ahead_bytes: int | None = None,
        memory_limit: int | str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        cache_size: int | str | None = None,
        layout: str = "nhwc",
        dtype: torch.dtype | str | None = None,
        creds: Any = None,
        network: NetworkOptions | None = None,
    ) -> None:
        name_kept_arguments(self)
        images = image_output(layout, dtype)
        if images is not None and (collate_fn is not None or batch_size is None):
            raise ValueError(
                "layout and dtype are for batches that the loader makes: without collate_fn, and with a batch_size"
            )
        made = made_for(dataset)
        own: dict[str, Any] = {
            "loader_type": loader_type,
            "num_threads": num_threads,
            "prefetch_factor": prefetch_factor,
            "rank": rank,
            "world_size": world_size,
            "on_error": on_error,
            "chunk_cache_bytes": chunk_cache_bytes,
            "shuffle_window": shuffle_window,
            "read_ahead_bytes": read_ahead_bytes,
            "memory_limit": memory_limit,
            "cache_dir": cache_dir,
            "cache_size": cache_size,
        }
        if made is not None:
            # What a framework cannot know when it builds a loader anew, of the dataset of another one.
            own = {name: made.settings[name] if value == _DEFAULTS[name] else value for name, value in own.items()}
        self.loader_type = resolve_loader_type(own["loader_type"])
        self._policy = error_policy(own["on_error"])
        check_torch_options(
            num_workers, persistent_workers, multiprocessing_context, pin_memory_device, in_order, batch_size, drop_last
        )
        options = LoaderOptions(
            batch_size=batch_size,
            drop_last=drop_last,
            num_threads=default_threads(own["num_threads"], num_workers),
            num_workers=num_workers,
            prefetch_factor=LoaderOptions.prefetch_factor if own["prefetch_factor"] is None else own["prefetch_factor"],
            pin_memory=pin_memory and can_pin(),
            timeout=timeout,
            worker_init_fn=worker_init_fn,
            persistent_workers=persistent_workers,
            multiprocessing_context=multiprocessing_context,
            chunk_cache_bytes=own["chunk_cache_bytes"],
            shuffle_window=own["shuffle_window"],
            read_ahead_bytes=own["read_ahead_bytes"],
            memory_limit=own["memory_limit"],
            cache_dir=own["cache_dir"],
            cache_size=own["cache_size"],
        )
        self.options = options
        resolve_shuffle(shuffle, remote=False)
        if own["rank"] is not None or own["world_size"] is not None:
            world(own["rank"], own["world_size"])
        ranks = functools.partial(world, own["rank"], own["world_size"])
        # An integration may have made it before, for a sampler of its own.
        self._seed = seed if isinstance(seed, LoaderSeed) else LoaderSeed(seed, generator, ranks)
        if isinstance(collate_fn, WholeBatches):
            collate_fn = None
        samples = selected_samples(
            dataset,
            tensors,
            decode,
            transform,
            seed=self._seed,
            return_index=return_index,
            creds=creds,
            network=network,
            images=images,
        )
        if made is not None and seed is None and generator is None:
            self._seed = made.seed_source
        self._why_python = functools.partial(
            why_python, loader_type=self.loader_type, asked=own["loader_type"], collate_fn=collate_fn
        )
        self._steps = steps_as_run(samples.program, self._why_python(samples.program))
        self._explained = False
        self._collate_fn = collate_fn
        own_sampler: Any = sampler
        if batch_size is None and isinstance(own_sampler, torch.utils.data.BatchSampler):
            # Its batches are lists of indices already.
            batch_size, sampler, batch_sampler = 1, None, own_sampler
        self._unbatched = batch_size is None and batch_sampler is None
        if sampler is None and batch_sampler is None:
            mode = resolve_shuffle(shuffle, remote=samples.source.is_remote)
            sampler = sampler_for(
                samples, mode, options.shuffle_window, seed=self._seed, world=ranks, drop_last=drop_last
            )
            sampler.shared_by_hand = own["rank"] is not None
            shuffle = False
        self._samples = samples = self._prepared(samples.with_program(samples.program, self._seed))
        samples.settings = own
        super().__init__(
            self._torch_dataset(samples),
            # torch checks which of these exclude each other.
            batch_size=batch_size,
            shuffle=bool(shuffle),
            sampler=sampler,
            batch_sampler=batch_sampler,
            num_workers=num_workers,
            collate_fn=collate_fn or WholeBatches(self._collate() or samples.collate),
            pin_memory=pin_memory,
            drop_last=drop_last,
            timeout=timeout,
            worker_init_fn=worker_init_fn,
            multiprocessing_context=multiprocessing_context if num_workers else None,
            generator=generator,
            prefetch_factor=options.prefetch_factor if num_workers else None,
            persistent_workers=persistent_workers,
        )
        self.pin_memory_device, self.in_order = pin_memory_device, in_order
        if self.batch_size is not None:
            # torch's own cannot tell who draws from it.
            object.__setattr__(self, "batch_sampler", Batches(self.sampler, self.batch_size, self.drop_last))
        self._epochs = Epochs(
            self.sampler,
            self.batch_sampler if self.batch_size is None and not self._unbatched else None,
            batch_size=self.batch_size or 1,
            drop_last=self.drop_last,
            ahead=options.prefetch_factor,
            seed=self._seed,
            samples=samples,
        )
        self._past_stats: dict[str, float] = {}
        self._run_seconds = 0.0
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
        ``chunks_read`` (whole), ``cache_hits``, ``cache_misses``, ``encoded_bytes``, ``slabs_allocated`` (batch
        memory; stands still once reuse works), and seconds by stage, none of which counts in another:
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
        try:
            batches = f"{len(self)} batches"
        except TypeError:
            batches = "batches without end"
        return (
            f"penstock.DataLoader({samples.source.path!r}, {len(samples)} samples, {batches}, "
            f"loader_type={self.loader_type!r}, tensors={list(samples.tensors)}, {self.options})"
        )

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
                self._run_seconds += now - last
                last = now
                yield batch
                del batch
            count(ended=True)
        finally:
            batches.close()


_DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(DataLoader.__init__).parameters.items()}

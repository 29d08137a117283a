"""The public loader."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.utils.data

from penstock.dataset import DatasetLike
from penstock.loading.batch_source import WholeBatches
from penstock.loading.image_output import image_output
from penstock.loading.options import (
    LoaderOptions,
    can_pin,
    check_torch_options,
    default_threads,
    resolve_loader_type,
    resolve_shuffle,
)
from penstock.loading.order import sampler_for
from penstock.loading.program import Program
from penstock.loading.rebuilding import name_kept_arguments
from penstock.loading.running import RunningLoader
from penstock.loading.sampling import world
from penstock.loading.seed import LoaderSeed
from penstock.loading.selection import made_for, selected_samples
from penstock.loading.tolerance import OnError, error_policy
from penstock.storage.network import NetworkOptions

__all__ = ["DataLoader"]


class DataLoader(RunningLoader):
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
            by one of them (``docs/explanation/shuffling.md``). True: ``"chunk"`` where the dataset is remote, else
            ``"full"``. A dataset without chunks that can be seen (Deep Lake 4) is shuffled fully.
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
            and chunks: at most a quarter of it for the chunk cache, an eighth for what is read ahead, and an eighth
            for decoded images that several samples need. Where it is tight, fewer batches than ``prefetch_factor``
            are loaded at a time. A batch that the program waits for is loaded in any case, beyond the limit if need
            be, which is logged once. Of pinned batches that were handed out, the latest counts. Not counted: what
            decoders need for the images that they are at, and what worker processes have. Batches are the same with
            any limit. Default: none.
        cache_dir: A folder on a disk where the C++ loader keeps the chunks of remote data, whole, as they are stored:
            later epochs, other ranks and other jobs then find them there. It is made where it is missing.
            Local data do not use it; with ``"python"`` there is no such cache, and a warning says so.
        cache_size: How much may lie there: bytes, or text such as ``"50GB"`` or ``"50GiB"``. It fills up, and nothing
            is taken out; what finds no room is read from afar. Default: nine tenths of what the folder has and its
            disk has free, at most 256 GiB.
        cache: ``"coefficients"``: the C++ loader keeps of each JPEG that it has decoded what its codes say, in some 1.6
            times the bytes of the file. From the second epoch on such an image is neither fetched nor read from its
            codes, and batches are bit by bit the same. In memory, or with ``cache_dir`` in its folder, for other ranks
            and jobs too. It fills up, and nothing is taken out. Default: None. With ``"python"`` there is no such
            cache, and a warning says so.
        cache_bytes: How much memory coefficients may take, which ``memory_limit`` does not count: bytes, or text such
            as ``"4GB"``. Default: a quarter of what the process could have, divided by the ranks of the machine.
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
        cache: str | None = None,
        cache_bytes: int | str | None = None,
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
            "cache": cache,
            "cache_bytes": cache_bytes,
        }
        if made is not None:
            # What a framework cannot know when it builds a loader anew, of the dataset of another one.
            own = {name: made.settings[name] if value == _DEFAULTS[name] else value for name, value in own.items()}
        kind = resolve_loader_type(own["loader_type"])
        policy = error_policy(own["on_error"])
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
            cache=own["cache"],
            cache_bytes=own["cache_bytes"],
        )
        resolve_shuffle(shuffle, remote=False)
        if own["rank"] is not None or own["world_size"] is not None:
            world(own["rank"], own["world_size"])
        ranks = functools.partial(world, own["rank"], own["world_size"])
        # An integration may have made it before, for a sampler of its own.
        seeds = seed if isinstance(seed, LoaderSeed) else LoaderSeed(seed, generator, ranks)
        if isinstance(collate_fn, WholeBatches):
            collate_fn = None
        samples = selected_samples(
            dataset,
            tensors,
            decode,
            transform,
            seed=seeds,
            return_index=return_index,
            creds=creds,
            network=network,
            images=images,
        )
        if made is not None and seed is None and generator is None:
            seeds = made.seed_source
        own_sampler: Any = sampler
        if batch_size is None and isinstance(own_sampler, torch.utils.data.BatchSampler):
            # Its batches are lists of indices already.
            batch_size, sampler, batch_sampler = 1, None, own_sampler
        if sampler is None and batch_sampler is None:
            mode = resolve_shuffle(shuffle, remote=samples.source.is_remote)
            sampler = sampler_for(samples, mode, options.shuffle_window, seed=seeds, world=ranks, drop_last=drop_last)
            sampler.shared_by_hand = own["rank"] is not None
            shuffle = False
        super().__init__(
            samples,
            options,
            settings=own,
            loader_type=kind,
            policy=policy,
            seed=seeds,
            collate_fn=collate_fn,
            batch_size=batch_size,
            shuffle=bool(shuffle),
            sampler=sampler,
            batch_sampler=batch_sampler,
            pin_memory=pin_memory,
            generator=generator,
        )
        self.pin_memory_device, self.in_order = pin_memory_device, in_order


_DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(DataLoader.__init__).parameters.items()}

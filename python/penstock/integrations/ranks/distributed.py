"""Training in several processes, one for each GPU: where they come from, and how they talk."""

from __future__ import annotations

import contextlib
import datetime
import functools
import itertools
import multiprocessing
import os
import pickle
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException
from torch.multiprocessing.spawn import spawn as start_processes

from penstock.checks import did_you_mean
from penstock.errors import ConfigError
from penstock.integrations.ranks.random_state import random_state, restore_random_state

__all__ = ["gathered", "has_launcher", "joined_group", "local_device", "spawn"]

_LAUNCHER = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
#: What launchers that torch does not know of call the number of processes that they started, and their number on its
#: machine.
_OTHER_LAUNCHERS = {
    "slurm": ("srun", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
    "mpi": ("mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
}
#: Numbers the groups that this process joins, as all ranks do in the same order.
_groups = itertools.count()
_BACKENDS = ("gloo", "mpi", "nccl", "ucc")


def has_launcher() -> bool:
    """Whether this process is one of several already: its script runs ``torch.distributed``, or a launcher such as
    ``torchrun`` started it.
    """
    return dist.is_initialized() or all(name in os.environ for name in _LAUNCHER)


@contextlib.contextmanager
def joined_group(cfg: Any) -> Iterator[None]:
    """Runs ``torch.distributed`` for the time of a ``with``, by the launcher's environment; a group that is there
    already is used and stays.

    Raises:
        ConfigError: ``dist_params`` that cannot work.
    """
    if dist.is_initialized():
        yield
        return
    options = group_options(cfg)
    if cfg.device != "cpu":
        torch.cuda.set_device(local_device(cfg, distributed=True))
    if not {"init_method", "rank", "store", "world_size"} & options.keys():
        # A launcher's store outlives a group: in the next one ranks would find the addresses of the last.
        waiting = {"timeout": options["timeout"]} if "timeout" in options else {}
        store, rank, size = next(rendezvous("env://", **waiting))
        options.update(store=PrefixStore(f"penstock-{next(_groups)}", store), rank=rank, world_size=size)
    dist.init_process_group(**options)
    try:
        yield
    except BaseException:
        # The others wait for this rank: closed connections tell them. nccl would wait for them instead.
        if options["backend"] != "nccl":
            dist.destroy_process_group()
        raise
    dist.destroy_process_group()


def group_options(cfg: Any) -> dict[str, Any]:
    """What ``dist_params`` says, as arguments of ``init_process_group``: nccl on GPUs by default, gloo on the CPU.

    Raises:
        ConfigError: A backend that there is not, or not for the device.
    """
    options = dict(cfg.get("dist_params") or {})
    backend = options.setdefault("backend", "gloo" if cfg.device == "cpu" else "nccl")
    if backend not in _BACKENDS:
        raise ConfigError(f"dist_params: there is no backend {backend!r}", hint=did_you_mean(str(backend), _BACKENDS))
    if backend == "nccl" and cfg.device == "cpu":
        raise ConfigError(
            "dist_params: the backend 'nccl' needs GPUs, the device is 'cpu'", hint="dist_params=dict(backend='gloo')"
        )
    if isinstance(options.get("timeout"), int | float):
        options["timeout"] = datetime.timedelta(seconds=options["timeout"])
    return options


def local_device(cfg: Any, *, distributed: bool) -> torch.device:
    """The device of this process: the first of ``gpu_ids``, or with several that of its number on this machine."""
    if cfg.device == "cpu":
        return torch.device("cpu")
    if not distributed:
        return torch.device(cfg.device, cfg.gpu_ids[0])
    if "LOCAL_RANK" in os.environ:
        return torch.device(cfg.device, int(os.environ["LOCAL_RANK"]))
    numbers = [int(os.environ[local]) for _, _, local in _OTHER_LAUNCHERS.values() if local in os.environ]
    # A process may see no GPU but its own.
    return torch.device(cfg.device, (numbers or [dist.get_rank()])[0] % torch.cuda.device_count())


def gathered(value: Any, *, on_gpu: bool = False) -> list[Any] | None:
    """What each rank has, in their order, on rank 0; None on the others. All ranks have to call it.

    Args:
        value: What can be pickled.
        on_gpu: Pass it through memory of the GPU where the backend is nccl.

    Returns:
        Without several ranks, a list of the one value.
    """
    if not dist.is_initialized():
        return [value]
    values: list[Any] | None = [None] * dist.get_world_size() if dist.get_rank() == 0 else None
    default = on_gpu or dist.get_backend() != "nccl"
    dist.gather_object(value, values, dst=0, group=None if default else _cpu_group(dist.group.WORLD))
    return values


@functools.lru_cache(maxsize=1)
def _cpu_group(world: Any) -> Any:
    """A group beside the one of all ranks, which takes no memory of the GPU."""
    return dist.new_group(backend="gloo")


def spawn(work: Callable[..., None], cfg: Any, *args: Any, log: Callable[[], object] | None = None) -> None:
    """Runs ``work(cfg, *args)`` in a process for each of ``gpu_ids`` on this machine, with ``torch.distributed``.

    They begin with this process's random generators. The first error in one of them ends them all.

    Args:
        work: A function of a module.
        cfg: The whole configuration.
        args: Further arguments; each process has copies.
        log: Called in the process of rank 0 before ``work``: opens the log there that this process has.

    Raises:
        ConfigError: Arguments that cannot be sent to another process, ``dist_params`` that cannot work, or this is one
            of several processes already.
        Exception: What one of the processes raised.
    """
    group_options(cfg)
    _check_alone(cfg)
    count = len(cfg.gpu_ids)
    with tempfile.TemporaryDirectory(prefix="penstock-ranks-") as folder:
        try:
            # Not by torch.multiprocessing, which would have them share the model's weights.
            Path(folder, "work").write_bytes(pickle.dumps((work, cfg, args, log)))
        except Exception as error:
            raise ConfigError(
                f"what distributed training needs cannot be sent to its processes: {error}",
                hint="Start them yourself, with torchrun, or take what can be pickled",
            ) from error
        settings = _settings_of_process(count)
        try:
            start_processes(_rank, (list(cfg.gpu_ids), folder, _free_port(), settings), nprocs=count)  # type: ignore[no-untyped-call]
        except ProcessRaisedException as error:
            raise _first_error(folder) or error from error
        except ProcessExitedException as error:
            # One was killed, for memory say: the others' errors are that it is gone.
            raise (None if error.exit_code < 0 else _first_error(folder)) or error from error


def _check_alone(cfg: Any) -> None:
    for name, (command, size, _) in _OTHER_LAUNCHERS.items():
        if int(os.environ.get(size) or 1) > 1:
            ready = "torch.distributed.init_process_group('gloo', ...)"
            if cfg.device != "cpu":
                ready = f"mmcv.runner.init_dist('{name}')"
            raise ConfigError(
                f"distributed=True: {command} started this process as one of {os.environ[size]}; they are no group yet",
                hint=f"Call {ready} before, or start them with torchrun",
            )


def _rank(rank: int, gpu_ids: list[int], folder: str, port: int, settings: dict[str, Any]) -> None:
    """One process of :func:`spawn`."""
    count = len(gpu_ids)
    environment = {"RANK": rank, "LOCAL_RANK": gpu_ids[rank], "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    os.environ.update({name: str(value) for name, value in environment.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    with _errors_kept(folder, rank):
        _apply_settings(settings)
        work, cfg, args, log = pickle.loads(Path(folder, "work").read_bytes())
        if log is not None and rank == 0:
            log()
        # Kept before the group ends: that is an error for the others.
        with joined_group(cfg), _errors_kept(folder, rank):
            work(cfg, *args)


def _settings_of_process(count: int) -> dict[str, Any]:
    """What a script has set before it trains, and a new process does not have."""
    return {
        # That of the platform, where the script has not chosen.
        "start_method": multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0],
        "seed": torch.initial_seed(),
        "random": random_state(gpu=False),
        "threads": max(1, torch.get_num_threads() // count),
        "cudnn": {name: getattr(torch.backends.cudnn, name) for name in ("benchmark", "deterministic")},
    }


def _apply_settings(settings: dict[str, Any]) -> None:
    # Else loaders would start workers as this process was started, which takes them seconds.
    multiprocessing.set_start_method(settings["start_method"], force=True)
    # Of the GPU there is the seed alone: its state would take a context on the first GPU.
    torch.manual_seed(settings["seed"])
    restore_random_state(settings["random"])
    torch.set_num_threads(settings["threads"])
    for name, value in settings["cudnn"].items():
        setattr(torch.backends.cudnn, name, value)


@contextlib.contextmanager
def _errors_kept(folder: str, rank: int) -> Iterator[None]:
    """Leaves an error for the process that waits; of one that cannot be sent, the text."""
    try:
        yield
    except BaseException as error:
        kept = Path(folder, f"error-{rank}")
        if not kept.exists():
            part = kept.with_name(f"part-{rank}")
            part.write_bytes(_sendable(error))
            part.rename(kept)
        raise


def _sendable(error: BaseException) -> bytes:
    now = time.monotonic()
    try:
        data = pickle.dumps((now, error))
        pickle.loads(data)
    except Exception:
        return pickle.dumps((now, RuntimeError(f"{type(error).__name__}: {error}")))
    return data


def _first_error(folder: str) -> BaseException | None:
    """The error that came first: those of the other ranks are that it is gone."""
    errors = [pickle.loads(file.read_bytes()) for file in Path(folder).glob("error-*")]
    return min(errors, key=lambda item: item[0])[1] if errors else None


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

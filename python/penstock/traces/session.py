"""Beginning and ending a trace, of this process and of those that it forks."""

from __future__ import annotations

import atexit
import json
import logging
import multiprocessing
import multiprocessing.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.dataset.outputs import check_output_file
from penstock.errors import ConfigError
from penstock.locks import ForkLock
from penstock.traces.chrome import chrome_trace
from penstock.traces.core_trace import start_core, stop_core
from penstock.traces.recorder import Recorder, record, recording

__all__ = ["VARIABLE", "begin_as_environment_says", "check_trace_file", "tracing"]

logger = logging.getLogger("penstock")

#: Of the environment: the file to which a program's trace is written when it ends.
VARIABLE = "PENSTOCK_TRACE"

_changing = ForkLock()
_path: Path | None = None
_pid = 0


@contextmanager
def tracing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Records what all loaders of the process do while the ``with`` block runs, and writes it to a file that Perfetto
    (https://ui.perfetto.dev) and chrome://tracing open.

    The file is JSON in Chrome's trace event format. Times are microseconds of the machine's monotonic clock, so files
    of several processes fit together. Spans (``"ph": "X"``) have these names:

    - ``fetch``: storage worked on a request for bytes, after ``queued_us`` microseconds of waiting for a thread, a
      connection or another try. ``try``: one request to a server. ``read``: a thread read from a disk, or asked a
      reader. ``parse``: what storage gave was taken apart.
    - ``geometry``: sizes, random draws and boxes of a batch, or of one sample where they take long. ``lay out``: shapes
      and memory of a batch.
    - ``decode``: the pixels of one sample. ``decode_us`` and ``transform_us`` say what of it was decoding, and what was
      the pipeline's work, in microseconds: a pipeline takes rows from the decoder as it needs them.
    - ``next``: the program asked for a batch. Within it: ``wait`` (for the batch), ``python`` (what is made of a batch
      in Python). ``consume``: the program worked with the batch that it had.
    - ``load``, ``transform``: one sample, in Python.
    - ``gil wait``, ``gil held``: a thread of the core waited for Python, and was in it.

    Their ``args`` name epoch, batch (from 0 in each epoch), sample (index in the dataset), loader (from 1), chunk
    (``key``), bytes and ``error``, as far as each concerns them. ``ready`` is the moment at which a batch can be handed
    out. Counters (``"C"``) are ``batches ready``, ``bytes under way`` and ``memory held`` of each loader. Flows
    (``"s"``, ``"f"``) go from a fetch to the samples that it brought bytes of. ``otherData.dropped_events`` says how
    many events found no room: each thread of the core keeps its latest 65,535.

    A forked process records by itself and writes ``NAME.PID.json`` beside the file, where it has loaded anything.

    The environment variable ``PENSTOCK_TRACE=out.json`` does the same for a program as it is, from the import of
    penstock to the program's end. With ``RANK`` set, as ``torchrun`` does, the file is ``out.rank0.json``.

    Args:
        path: The file, which is replaced.

    Raises:
        ConfigError: A trace is being recorded already, or nothing can be written to ``path``.
        OSError: The file could not be written, at the end of the block.
    """
    _begin(Path(path), "tracing()")
    try:
        yield
    finally:
        _end()


def check_trace_file(option: str, path: Path) -> None:
    """Finds what would keep a trace from being recorded or written, before it is begun.

    Raises:
        ConfigError: A trace is being recorded already, or nothing can be written to ``path``.
    """
    check_output_file(option, path)
    if recording() is not None:
        raise ConfigError(f"{option}: a trace is being recorded already, to '{_path}'", hint="End that one first")


def begin_as_environment_says() -> None:
    """Begins a trace where the environment names a file; it is written when the process ends.

    Raises:
        ConfigError: Nothing can be written to the file.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return
    path = Path(name)
    if multiprocessing.parent_process() is not None:
        path = _of_process(path)
    elif os.environ.get("RANK", "").isdigit():
        path = path.with_name(f"{path.stem}.rank{os.environ['RANK']}{path.suffix}")
    _begin(path, VARIABLE)
    _end_with_process()


def _of_process(path: Path) -> Path:
    return path.with_name(f"{path.stem}.{os.getpid()}{path.suffix}")


def _begin(path: Path, option: str) -> None:
    global _path, _pid
    with _changing:
        check_trace_file(option, path)
        _path, _pid = path.absolute(), os.getpid()
        record(Recorder())
        start_core()


def _end(*, even_if_empty: bool = True) -> None:
    with _changing:
        recorder, path = recording(), _path
        if recorder is None or path is None:
            return
        record(None)
        core = stop_core()
    spans = recorder.spans()
    if not even_if_empty and not spans and not core.threads:
        return
    running = {thread.native_id: thread.name for thread in threading.enumerate() if thread.native_id is not None}
    known = {number: name for number, name in running.items() if number in core.threads}
    names = {number: name for number, name in known.items() if not core.names[number].startswith("penstock")}
    trace = chrome_trace(
        core, spans, names | recorder.threads, process=os.getpid(), dropped=core.dropped + recorder.dropped
    )
    path.write_text(json.dumps(trace))
    logger.info("penstock: trace of %d events: %s", len(trace["traceEvents"]), path)


def _end_with_process() -> None:
    # Processes of multiprocessing do not run what atexit has.
    if multiprocessing.parent_process() is None:
        atexit.register(_end_at_exit)
    else:
        multiprocessing.util.Finalize(None, _end_at_exit, exitpriority=0)


def _end_at_exit() -> None:
    try:
        _end(even_if_empty=False)
    except OSError as error:
        logger.warning("penstock: the trace could not be written: %s", error)


def _go_on_in_child() -> None:
    """A forked child records what it does itself, to a file of its own."""
    global _path, _pid
    if recording() is None or _path is None or _pid == os.getpid():
        return
    _pid = os.getpid()
    _path = _of_process(_path)
    record(Recorder())
    start_core()


class _Forks:
    """What :mod:`multiprocessing` calls its hook for, once its child has forgotten what its parent was to do at its
    end."""


_forks = _Forks()
multiprocessing.util.register_after_fork(_forks, lambda _: _end_with_process() if recording() is not None else None)
if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(after_in_child=_go_on_in_child)

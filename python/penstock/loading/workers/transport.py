"""Batches and exceptions on their way from a worker process to the consumer."""

from __future__ import annotations

import io
import pickle
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from penstock.described import described_error
from penstock.loading.workers.arena import Arena, Bytes

__all__ = ["Failure", "Packed", "Reply", "Task", "pack", "unpack"]

_ALIGNMENT = 64


@dataclass(frozen=True)
class Task:
    """A batch of the core for a worker. Memory is named by its offset in the arena of the core's batches.

    Attributes:
        run, number: Which iteration of the loader, and which of its batches.
        epoch, indices, metas: Of the batch.
        tensors: For each tensor: number of the lease of its memory, the memory's offset and size, and the samples'
            offsets and shapes, and whether these are equal.
        returned: Offsets of earlier results that the consumer no longer uses.
    """

    run: int
    number: int
    epoch: int
    indices: list[int]
    metas: Any
    tensors: list[tuple[int, int, int, list[int], list[list[int]], bool]]
    returned: list[int]


@dataclass(frozen=True)
class Packed:
    """A batch, pickled; its arrays' memory beside it.

    Attributes:
        pickled: The batch without the memory of its arrays.
        memory: Offset in the worker's arena of the piece that holds arrays' memory; None where none is needed.
        size: Bytes used of that piece.
        buffers: For each buffer: whether it lies in the core's memory, its offset there or in the piece, its size,
            and whether it is read-only.
    """

    pickled: bytes
    memory: int | None
    size: int
    buffers: list[tuple[bool, int, int, bool]]


class _RemoteTraceback(Exception):
    """The traceback of an exception in a worker process, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Failure:
    """An exception with its chain of causes, and its traceback as text."""

    def __init__(self, error: BaseException) -> None:
        self._text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._chain = [_picklable(link) for link in _chain(error)]

    def exception(self) -> BaseException:
        """The exception as it was raised; the text stands at the end of its chain."""
        chain: list[BaseException] = [pickle.loads(link) for link in self._chain]
        for error, cause in zip(chain, [*chain[1:], _RemoteTraceback(self._text)], strict=True):
            error.__cause__ = cause
        return chain[0]


@dataclass
class Reply:
    """What a worker answers to a task; ``run`` is None if it could not begin to work.

    Attributes:
        run, number: Of the task.
        result: The batch, or why there is none.
        started: When the worker began, in nanoseconds of the machine's monotonic clock.
        seconds: The time that it took.
        released: Leases whose memory the worker no longer looks at, of this task or earlier ones.
    """

    run: int | None
    number: int
    result: Packed | Failure
    started: int = 0
    seconds: float = 0.0
    released: list[int] = field(default_factory=list)


def pack(batch: Any, own: Arena, shared: Arena) -> Packed:
    """Pickles a batch. Arrays over the core's memory stay there; the memory of others is copied into ``own``.

    Raises:
        Exception: What does not pickle.
    """
    raws: list[memoryview] = []
    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=lambda buffer: raws.append(buffer.raw())).dump(batch)
    arrays = [np.frombuffer(raw, np.uint8) for raw in raws]
    places = [shared.find(array) if array.size else None for array in arrays]
    size = 0
    buffers = []
    for raw, array, place in zip(raws, arrays, places, strict=True):
        buffers.append((place is not None, size if place is None else place, array.size, raw.readonly))
        if place is None:
            size += -(-array.size // _ALIGNMENT) * _ALIGNMENT
    memory = own.reserve(size) if size else None
    if memory is not None:
        piece = own.view(memory, size)
        for array, (in_place, start, length, _) in zip(arrays, buffers, strict=True):
            if not in_place:
                piece[start : start + length] = array
    return Packed(stream.getvalue(), memory, size, buffers)


def unpack(packed: Packed, piece: Bytes | None, shared: Callable[[int, int], Bytes]) -> Any:
    """The batch, over the memory where it lies.

    Args:
        packed: From :func:`pack`.
        piece: The piece of the worker's arena.
        shared: Gives the array over an offset and size of the core's memory.
    """
    buffers: list[memoryview] = []
    for in_place, start, size, readonly in packed.buffers:
        if in_place:
            view = shared(start, size).data
        else:
            view = memoryview(b"") if piece is None else piece[start : start + size].data
        buffers.append(view.toreadonly() if readonly else view)
    return pickle.loads(packed.pickled, buffers=buffers)


class _Pickler(pickle.Pickler):
    """Gives the memory of tensors out of band, which torch's own pickling does not; numpy's arrays do so already."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is not torch.Tensor or not _is_plain(value):
            return NotImplemented
        array = value.contiguous().reshape(-1).view(torch.uint8).numpy()
        return _tensor, (array, value.dtype, list(value.shape))


def _is_plain(tensor: torch.Tensor) -> bool:
    return (
        tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not (tensor.requires_grad or tensor.is_quantized or tensor.is_conj() or tensor.is_neg())
    )


def _tensor(array: Bytes, dtype: torch.dtype, shape: Sequence[int]) -> torch.Tensor:
    return torch.from_numpy(array).view(dtype).view(shape)


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    return chain


def _picklable(error: BaseException) -> bytes:
    try:
        pickled = pickle.dumps(error)
        if type(pickle.loads(pickled)) is type(error):
            return pickled
    except Exception:  # whatever a user's class does while it is pickled
        pass
    return pickle.dumps(RuntimeError(described_error(error)))

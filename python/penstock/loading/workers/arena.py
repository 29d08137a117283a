"""Shared memory without a name, of which pieces are taken and given back."""

from __future__ import annotations

import functools
import itertools
import mmap
import os
import threading
import weakref
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Arena", "Bytes"]

Bytes = npt.NDArray[np.uint8]

#: Linux's flag for memory that counts when it is touched, which the module mmap does not name.
_MAP_NORESERVE = 0x4000
_LEAST_RESERVED = 1 << 36


class Arena:
    """One memory file, far larger than what is ever used of it: pages count once they are touched.

    Note [One file]: a file for each piece would take one or two descriptors for each batch that a program keeps, and
    has to be sent to each process. Of one file, a piece is an offset.

    One process takes and gives back; any that has mapped the file looks at pieces. Pieces are as large as a power of
    two, and are taken again for such sizes. Thread-safe.

    Args:
        kept: So many free pieces of a size keep their pages; those of the others go back to the system.
        descriptor: An arena made elsewhere, to be mapped here too; it is closed. None makes a new one.

    Raises:
        OSError: The system does not give as much address space.
    """

    def __init__(self, kept: int = 0, *, descriptor: int | None = None) -> None:
        if descriptor is None:
            descriptor = os.memfd_create("penstock")
            os.ftruncate(descriptor, _reserved())
        try:
            self.size = os.fstat(descriptor).st_size
            self._memory = mmap.mmap(descriptor, self.size, mmap.MAP_SHARED | _MAP_NORESERVE)
            # The mapping keeps a descriptor of its own, which it does not show.
            self.descriptor = os.dup(descriptor)
        finally:
            os.close(descriptor)
        self._closing = weakref.finalize(self, os.close, self.descriptor)
        # Arrays may die after the interpreter has cleared the module mmap: nothing of it is looked up by name then.
        self._remove = functools.partial(self._memory.madvise, mmap.MADV_REMOVE)
        self._address = _address(np.frombuffer(self._memory, np.uint8, 1))
        self._kept = kept
        self._used = 0
        self._growing = threading.Lock()
        self._sizes: dict[int, int] = {}
        # Only ever appended to and popped from: pieces come back wherever an array dies, also amid reserve().
        self._warm: dict[int, deque[int]] = {}
        self._cold: dict[int, deque[int]] = {}
        self._roots: dict[int, weakref.ref[Bytes]] = {}
        self._numbers = itertools.count()

    def allocate(self, size: int) -> tuple[int, Bytes]:
        """A piece as the core takes its batch memory: its address, and the array over it that owns it. The piece is
        free again when that array and all over the same memory have died."""
        offset = self.reserve(size)
        owner = self.view(offset, size)
        self._release_after(owner, offset)
        return self._address + offset, owner

    def reserve(self, size: int) -> int:
        """The offset of a piece of at least ``size`` bytes, its content undefined, until :meth:`release`.

        Raises:
            MemoryError: The arena is full.
        """
        size = max(mmap.PAGESIZE, 1 << (size - 1).bit_length())
        for free in (_pieces(self._warm, size), _pieces(self._cold, size)):
            try:
                return free.pop()
            except IndexError:
                continue
        with self._growing:
            offset, end = self._used, self._used + size
            if end > self.size:
                raise MemoryError(f"batches take more than the {self.size} bytes of shared memory reserved for them")
            self._sizes[offset] = size
            self._used = end
        return offset

    def release(self, offset: int) -> None:
        """Gives a piece back. Takes no lock: an array may die anywhere."""
        size = self._sizes[offset]
        warm = _pieces(self._warm, size)
        if len(warm) < self._kept:
            warm.append(offset)
        else:
            self._remove(offset, size)
            _pieces(self._cold, size).append(offset)

    def trim(self) -> None:
        """Gives the pages of all free pieces back to the system, and from now on those that become free."""
        self._kept = 0
        for size, warm in list(self._warm.items()):
            while warm:
                try:
                    offset = warm.pop()
                except IndexError:
                    break  # taken by another thread
                self._remove(offset, size)
                _pieces(self._cold, size).append(offset)

    def view(self, offset: int, size: int) -> Bytes:
        """An array over a piece. Arrays made of it refer to it, so that its end is the end of their use."""
        return np.frombuffer(self._memory, np.uint8, size, offset)

    def find(self, array: Bytes) -> int | None:
        """The offset of an array that lies in this arena; None for others."""
        offset = _address(array) - self._address
        return offset if offset >= 0 and offset + array.size <= self.size else None

    def _release_after(self, owner: Bytes, offset: int) -> None:
        number = next(self._numbers)
        roots, release = self._roots, self.release

        def died(_: Any) -> None:
            del roots[number]
            release(offset)

        roots[number] = weakref.ref(owner, died)


def _pieces(free: dict[int, deque[int]], size: int) -> deque[int]:
    """The free pieces of a size. One step, whatever other threads do: a defaultdict could make two."""
    return free.setdefault(size, deque())


def _reserved() -> int:
    """Twice what could ever be in use, since sizes are rounded up, and as much again for sizes no longer asked for."""
    physical = os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE
    return max(_LEAST_RESERVED, 4 * physical)


def _address(array: npt.NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])

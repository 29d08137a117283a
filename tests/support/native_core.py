"""A program's preamble for tests of the core's own handles over a Python store: chunks of ten samples each."""

from __future__ import annotations

from support.leaving import COUNT_THREADS

__all__ = ["PRELUDE"]

PRELUDE = """
import ctypes, faulthandler, gc, os, signal, struct, sys, threading, time
import numpy as np
from penstock import _core, errors
signal.signal(signal.SIGINT, signal.default_int_handler)

CHUNKS = 200

def chunk():
    samples = [bytes([number]) * 400 for number in range(10)]
    version = b"3.9.0"
    positions = b"".join(struct.pack("<3I", 400, 400 * i, i) for i in range(10))
    return (bytes([len(version)]) + version + struct.pack("<ii", 1, 2) + struct.pack("<2I", 400, 9)
            + struct.pack("<I", 10) + positions + b"".join(samples))

ONE = chunk()

class Store:
    def __init__(self, read=lambda: time.sleep(0.0005)):
        self.during = read
    def size(self, key):
        return len(ONE)
    def read(self, key, offset=0, length=None):
        self.during()
        return ONE[offset:offset + length]

def source():
    return _core.TensorSource(
        name="a", is_image=False, item_size=1, sample_compression="none", chunk_compression="none", fixed_shape=None,
        dimensions=1, color="native", as_bytes=False, is_bool=False, ids=list(range(1, CHUNKS + 1)),
        last_index=[10 * (i + 1) - 1 for i in range(CHUNKS)], folder_of=[0] * CHUNKS, folders=["a/chunks"], tiles=[],
        sequences=None, rows=None)

def read_source(read):
    return _core.TensorSource.from_reader(
        name="a", is_image=False, item_size=1, sample_compression="none", color="native", as_bytes=False, read=read)

def loader(store, sources=None, io_threads=8, **arguments):
    return _core.Loader(store=store, sources=sources or [source()], threads=2, io_threads=io_threads, prefetch=64,
                        read_ahead_bytes=0, cache_bytes=0, **arguments)

def start(loader):
    order = np.random.default_rng(0).permutation(10 * CHUNKS)
    return loader.start(order, np.arange(8, 10 * CHUNKS + 8, 8, dtype=np.uint64).clip(max=10 * CHUNKS))

def verifier(store):
    return _core.Verifier(store=store, sources=[source()], threads=8, decode=True)

def allocate(size):
    memory = np.empty(size + 64, np.uint8)
    return memory.ctypes.data, memory
"""
PRELUDE += COUNT_THREADS

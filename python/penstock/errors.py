"""Everything that Penstock raises on bad data or bad configuration.

Each class has two parents: :class:`PenstockError`, so that one ``except`` catches all of them, and the builtin
that the mistake would raise elsewhere, so that existing ``except`` clauses go on working.

Wrong *arguments* of a call (a negative ``batch_size``, an unknown ``loader_type``) are plain ``ValueError`` and
``TypeError``, as in torch.
"""

from __future__ import annotations

from typing import Any

from penstock.printable import printable

__all__ = [
    "AccessDeniedError",
    "CertificateError",
    "ChunkFormatError",
    "ChunkNotFoundError",
    "CommitNotFoundError",
    "ConfigError",
    "DatasetFormatError",
    "DatasetNotFoundError",
    "DecodeError",
    "HostNotFoundError",
    "LinkNotFoundError",
    "LoaderClosedError",
    "LoaderTimeoutError",
    "MissingExtraError",
    "NativeUnavailableError",
    "PenstockError",
    "StorageError",
    "StorageTimeoutError",
    "TensorNotFoundError",
    "ThreadStartError",
    "TransformError",
    "UnsupportedError",
    "ViewNotFoundError",
    "WorkerError",
]


class PenstockError(Exception):
    """Base of all errors of this package.

    Args:
        cause: What is wrong, one sentence without a full stop.
        path: The dataset's path or URL.
        tensor: Name of the tensor.
        index: Index of the sample in the dataset; where a view's stored data is at fault, in the dataset that it is of.
        chunk: Key of the chunk, relative to ``path``.
        hint: What to do about it, one sentence.

    All are kept as attributes; the ones that are ``None`` are left out of the message.
    """

    def __init__(
        self,
        cause: str,
        *,
        path: str | None = None,
        tensor: str | None = None,
        index: int | None = None,
        chunk: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(cause)
        # After the call above: ImportError's own constructor clears its attribute `path`.
        self.cause = cause
        self.path = path
        self.tensor = tensor
        self.index = index
        self.chunk = chunk
        self.hint = hint

    def __str__(self) -> str:
        where = [
            text
            for value, text in (
                (self.tensor, f"tensor '{printable(self.tensor or '')}'"),
                (self.index, f"sample {self.index}"),
                (self.chunk, f"chunk '{printable(self.chunk or '')}'"),
                (self.path, f"dataset '{printable(str(self.path))}'"),
            )
            if value is not None
        ]
        message = self.cause
        if where:
            message += f" ({', '.join(where)})"
        if self.hint:
            message += f". {self.hint}"
        # Names in a dataset may hold what a terminal would obey. Causes may have several lines.
        return printable(message, keep="\n\t")

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword-only arguments do not pickle by themselves, and torch's workers pickle them.
        return (_rebuild, (type(self), self.cause, self.path, self.tensor, self.index, self.chunk, self.hint))


def _rebuild(
    kind: type[PenstockError],
    cause: str,
    path: str | None,
    tensor: str | None,
    index: int | None,
    chunk: str | None,
    hint: str | None,
) -> PenstockError:
    return kind(cause, path=path, tensor=tensor, index=index, chunk=chunk, hint=hint)


class DatasetNotFoundError(PenstockError, FileNotFoundError):
    """The path does not exist or holds no Deep Lake dataset.

    What to do: Correct the path. Of a bucket, check that the folder is the one that has ``dataset_meta.json`` in it.
    """


class DatasetFormatError(PenstockError, ValueError):
    """Metadata that cannot be read: broken JSON, a missing key, an encoder of the wrong length.

    What to do: Copy the dataset again from where it is whole. A file that is broken there, too, has to be restored, or
    the dataset written anew.
    """


class UnsupportedError(PenstockError, NotImplementedError):
    """Sound data of a kind that is not read: a Deep Lake 4 dataset, an htype, a compression.

    What to do: Leave the tensor out (``tensors=[...]``), take its bytes (``decode={"x": "bytes"}``), or do what the
    message says: some kinds need an extra or another version of a library.
    """


class TensorNotFoundError(PenstockError, KeyError):
    """A tensor was asked for by a name that the dataset does not have.

    What to do: Take one of the names in the message; ``penstock info PATH`` lists all of them.
    """


class CommitNotFoundError(PenstockError, KeyError):
    """A commit or branch was asked for that the dataset does not have.

    What to do: Take one of the names in the message. An id has to be written in full.
    """


class ViewNotFoundError(PenstockError, KeyError):
    """A saved view was asked for that the dataset does not have.

    What to do: Take one of the ids in the message, and check that the view was saved in this dataset.
    """


class StorageError(PenstockError, OSError):
    """The storage failed: permission denied, an I/O error.

    What to do: Do what the message says: free a disk, mount it, allow reading, or wait for the server. Where a chunk
    has changed while it was read, open the dataset again.
    """


class AccessDeniedError(StorageError, PermissionError):
    """The storage refuses: credentials are missing, wrong or expired, or do not permit reading.

    What to do: Give ``creds=``, or set the cloud's environment variables; renew what has expired; ask the bucket's
    owner for the permission to read and list. A public bucket needs ``creds={"unsigned": True}``.
    """


class HostNotFoundError(StorageError, ConnectionError):
    """An address names a host that does not exist.

    What to do: Correct the address or ``endpoint_url``, and check the network, its name server and its proxy.
    """


class CertificateError(StorageError, ConnectionError):
    """A server's certificate is not one to trust.

    What to do: Name the file of your authority: ``NetworkOptions(ca_file=...)`` or ``SSL_CERT_FILE``. Check the clock
    of the machine.
    """


class StorageTimeoutError(StorageError, TimeoutError):
    """The storage does not answer, or fails again and again, until the time for it is over.

    What to do: Check the network. Give it more time (``NetworkOptions(deadline_seconds=...)``), or ask for less at a
    time (``connections``).
    """


class ChunkNotFoundError(PenstockError, FileNotFoundError):
    """A chunk that the index names is not there.

    What to do: The dataset is incomplete: copy it again, or restore the file.
    """


class LinkNotFoundError(PenstockError, FileNotFoundError):
    """The file that a sample links to is not there.

    What to do: Restore the file, or link the sample anew. A relative path counts from the working directory.
    """


class ChunkFormatError(PenstockError, ValueError):
    """A chunk is truncated, or its header contradicts itself or the bytes that follow it.

    What to do: The file is damaged: restore it from a copy. ``penstock verify PATH`` lists all that are.
    """


class DecodeError(PenstockError, ValueError):
    """A sample's bytes cannot be decoded, or decode to another shape than the dataset says.

    What to do: Replace the sample or leave it out: ``on_error="skip"`` takes the next good one. ``penstock verify
    PATH`` lists all samples that are bad.
    """


class LoaderClosedError(PenstockError, RuntimeError):
    """The loader was closed while a batch was being waited for, or before one was asked for.

    What to do: Make a new loader, or close this one when nobody waits for it.
    """


class TransformError(PenstockError, RuntimeError):
    """A transform cannot work on a sample, or a user's raised; the original exception is the ``__cause__``.

    What to do: Look at the ``__cause__``, and at the sample that the message names. A bug of the transform has to be
    mended there; a sample that it cannot take can be skipped (``on_error="skip"``).
    """


class WorkerError(PenstockError, RuntimeError):
    """A worker process died, or could not be started.

    What to do: Where the system has killed it, take fewer workers or less memory (``memory_limit``, a smaller
    ``prefetch_factor``). Else look at what the transform does: ``num_workers=0`` runs it in this process.
    """


class LoaderTimeoutError(WorkerError, TimeoutError):
    """No batch came within ``timeout`` seconds, be it from worker processes or from this one's threads.

    What to do: Raise ``timeout``, or find out what is slow: the message names the stage that the batch is stuck in.
    """


class ThreadStartError(PenstockError, RuntimeError):
    """The system does not give as many threads as were asked for.

    What to do: Lower ``num_threads`` or ``num_workers``, or raise the limit of threads (``ulimit -u``, or that of the
    container).
    """


class ConfigError(PenstockError, ValueError):
    """A configuration (an MMDetection config, a pipeline) that cannot work, found before anything starts.

    What to do: The message names the key and what it may be. All keys: ``docs/reference/configuration.md``.
    """


class NativeUnavailableError(PenstockError, ImportError):
    """``loader_type="c++"`` was asked for and the extension is not installed.

    What to do: Install a wheel, or the compiler and the libraries that the message lists, and then Penstock again; or
    use ``loader_type="python"``. ``penstock doctor`` says what is there.
    """


class MissingExtraError(PenstockError, ImportError):
    """An optional dependency is missing; the message names the extra that brings it.

    What to do: ``pip install "penstock[EXTRA]"``, with the name that the message has.
    """


def timed_out(seconds: float, where: str, hint: str) -> LoaderTimeoutError:
    """What a wait of ``timeout`` seconds for a batch ends with; the first words are torch's.

    Args:
        seconds: How many.
        where: Which stage the batch is stuck in.
        hint: What would help beside a larger ``timeout``.
    """
    words = f"DataLoader timed out after {seconds} seconds: {where}"
    return LoaderTimeoutError(words, hint=f"Raise timeout, or {hint}")

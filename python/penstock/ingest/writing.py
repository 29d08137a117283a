"""Writing a Deep Lake 3 dataset of image files and what is known of each."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.errors import DatasetFormatError, PenstockError, StorageError
from penstock.extras import import_extra
from penstock.ingest.checkpoints import Checkpoints, chunks_that_grow
from penstock.ingest.columns import Column, Size
from penstock.ingest.image_files import shared_format
from penstock.ingest.options import IngestOptions, Odd, OddFiles
from penstock.ingest.pictures import stored_image
from penstock.ingest.target import check_target, new_dataset_directory

__all__ = ["Item", "check_before", "write_dataset"]

logger = logging.getLogger("penstock")

#: So many files are named in a warning.
_MOST_NAMED = 5


@dataclass(frozen=True)
class Item:
    """An image to store.

    Attributes:
        file: The image file.
        known: What columns make their values of: a function of the image's height and width as it is stored.
        size: Height and width that an annotation file says, to be compared.
    """

    file: Path
    known: Callable[[Size], Any]
    size: Size | None = None


@dataclass
class _Progress:
    """What is done. All of it is in a checkpoint.

    Attributes:
        done: Items that have been dealt with.
        left_out: Those of them that are bad.
        counts: Of the images that are stored.
        wrong_sizes: Images of another size than said, in words.
    """

    done: int = 0
    left_out: list[int] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("kept", "lossless", "encoded", "converted", "bytes"), 0)
    )
    wrong_sizes: list[str] = field(default_factory=list)


def check_before(out: Path, options: IngestOptions) -> None:
    """Raises what would end the work, before any of it: StorageError for a target that is taken, MissingExtraError
    where deeplake is not installed.
    """
    check_target(out, overwrite=options.overwrite)
    import_extra("deeplake", "writing datasets", "ingest")


def write_dataset(
    out: Path, items: Sequence[Item], columns: Sequence[Column], digest: str, options: IngestOptions, odd: OddFiles
) -> tuple[dict[str, Any], set[int]]:
    """Writes the dataset: a tensor ``images`` and the columns.

    Args:
        out: Its directory, which appears when all is complete.
        items: The images in their order; ``options.limit`` has been applied.
        columns: The other tensors.
        digest: Stands for all that the items know.
        options: See there.
        odd: Takes the files that are left out.

    Returns:
        ``path`` and counts, as :func:`penstock.ingest.ingest_coco` returns them; and the numbers of the items that were
        left out.

    Raises:
        DatasetFormatError: Image files that are bad, or of different formats.
        StorageError: ``out`` exists or came to be meanwhile, or the disk failed.
        MissingExtraError: deeplake, or what decodes or converts an image, is not installed.
    """
    formats, compression = shared_format([item.file for item in items], options.convert, odd)
    found_before = list(odd.found)
    progress = _Progress()
    resumed = 0
    with new_dataset_directory(out, overwrite=options.overwrite, keep=options.resume) as path:
        checkpoints = None
        if options.resume:
            checkpoints = Checkpoints(path, _identity(items, columns, digest, compression, options))
            state = checkpoints.restore()
            if state is not None:
                odd.replace([*found_before, *(Odd(**found) for found in state.pop("odd"))])
                progress = _Progress(**state)
                resumed = progress.done
        with _writing(path, new=not resumed) as lake:
            if not resumed:
                with _named("the dataset cannot be written"):
                    _create_tensors(lake, columns, compression, options.max_chunk_size)
            safe_bytes = progress.counts["bytes"]
            rest = range(resumed, len(items))
            for number in options.progress(rest, len(rest), "image"):
                item, kind = items[number], formats[number]
                values = None if kind is None else _values(item, kind, compression, columns, options, odd, progress)
                if values is None:
                    progress.left_out.append(number)
                else:
                    with _named(f"the image '{item.file}' cannot be stored"):
                        lake.append(values)
                progress.done = number + 1
                if checkpoints is not None and progress.counts["bytes"] - safe_bytes >= options.checkpoint_bytes:
                    safe_bytes = progress.counts["bytes"]
                    with _named("the dataset cannot be written"):
                        lake.flush()
                        later = [vars(found) for found in odd.found[len(found_before) :]]
                        checkpoints.save({**vars(progress), "odd": later}, chunks_that_grow(lake))
    _warn_of_sizes(progress.wrong_sizes)
    return {
        "path": str(out),
        "images": len(items) - len(progress.left_out),
        "image_bytes": progress.counts["bytes"],
        "compression": compression,
        "converted": progress.counts["converted"],
        "turned_lossless": progress.counts["lossless"],
        "turned_encoded": progress.counts["encoded"],
        "wrong_sizes": len(progress.wrong_sizes),
        "resumed_after": resumed,
        "odd": odd.as_json(),
    }, set(progress.left_out)


def _values(
    item: Item,
    kind: str,
    compression: str,
    columns: Sequence[Column],
    options: IngestOptions,
    odd: OddFiles,
    progress: _Progress,
) -> dict[str, Any] | None:
    """The sample; None where it is left out."""
    # deeplake.read() leaves its files open.
    encoded = import_extra("deeplake.core.sample", "writing datasets", "ingest").Sample
    try:
        with _named(f"the image '{item.file}' cannot be stored"):
            stored = stored_image(item.file, kind, compression, options)
            sample = encoded(buffer=stored.data, compression=compression)
            size = (int(sample.shape[0]), int(sample.shape[1]))
            known = item.known(size)
            values = {"images": sample, **{column.name: column.value(known, size) for column in columns}}
    except DatasetFormatError as error:
        odd.bad(item.file, "damaged", error)
        return None
    if item.size is not None and item.size != size:
        progress.wrong_sizes.append(f"'{item.file}' {size[1]} x {size[0]}, not {item.size[1]} x {item.size[0]}")
        odd.note(
            item.file, "another size than annotated", f"{size[1]} x {size[0]}, not {item.size[1]} x {item.size[0]}"
        )
    progress.counts[stored.turned] += 1
    progress.counts["converted"] += stored.converted
    progress.counts["bytes"] += len(stored.data)
    return values


def _identity(
    items: Sequence[Item], columns: Sequence[Column], digest: str, compression: str, options: IngestOptions
) -> str:
    """Stands for what is written: the files with their sizes and times, what is known of them, the options."""
    deeplake = import_extra("deeplake", "writing datasets", "ingest")
    found = hashlib.sha256()
    found.update(repr((deeplake.__version__, digest, compression, options.decisive())).encode())
    for column in columns:
        found.update(repr((column.name, dict(column.create), dict(column.info))).encode())
    for item in items:
        try:
            status = item.file.stat()
            found.update(repr((str(item.file), status.st_size, status.st_mtime_ns)).encode(errors="surrogateescape"))
        except OSError:
            found.update(repr(str(item.file)).encode(errors="surrogateescape"))
    return found.hexdigest()


def _warn_of_sizes(wrong: Sequence[str]) -> None:
    if wrong:
        logger.warning(
            "%d images have another size (width x height) than their annotations say: %s%s",
            len(wrong),
            "; ".join(wrong[:_MOST_NAMED]),
            "; ..." if len(wrong) > _MOST_NAMED else "",
        )


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """Turns deeplake's errors, which are of many kinds, into ours."""
    try:
        yield
    except PenstockError:
        raise
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        kind = DatasetFormatError if cause is None or cause.errno is None else StorageError
        raise kind(f"{what}: {cause or error}") from error


@contextlib.contextmanager
def _writing(path: Path, *, new: bool) -> Iterator[Any]:
    """A dataset, complete on disk when the context ends."""
    deeplake = import_extra("deeplake", "writing datasets", "ingest")
    # Where deeplake waits for the disk it turns a spinner on standard error, terminal or not.
    quiet = contextlib.redirect_stderr(io.StringIO())
    with quiet, _named("the dataset cannot be made"):
        if new:
            lake = deeplake.empty(str(path), lock_enabled=False, verbose=False)
        else:
            lake = deeplake.load(str(path), read_only=False, lock_enabled=False, verbose=False, check_integrity=False)
    lake.__enter__()
    try:
        yield lake
    except BaseException:
        # What deeplake still holds goes now, into what is about to be removed, and not when the object dies.
        with quiet, contextlib.suppress(Exception):
            _finish(lake)
        raise
    with quiet, _named("the dataset cannot be written"):
        _finish(lake)


def _finish(lake: Any) -> None:
    lake.__exit__(None, None, None)
    lake.flush()


def _create_tensors(lake: Any, columns: Sequence[Column], compression: str, max_chunk_size: int | None) -> None:
    # Tiles would tear the files' bytes apart.
    options = {
        "tiling_threshold": -1,
        **({} if max_chunk_size is None else {"max_chunk_size": max_chunk_size}),
    }
    lake.create_tensor("images", htype="image", sample_compression=compression, **options)
    for column in columns:
        lake.create_tensor(column.name, **column.create)
        if column.info:
            lake[column.name].info.update(**column.info)

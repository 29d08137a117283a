"""Going on with a dataset whose writing was interrupted.

Deep Lake writes files in place: the last chunk of each tensor grows, and so do its indices. A process that is killed
may leave any mixture of old and new. So a checkpoint copies the files that will still change, and notes the others by
size and time. Whoever goes on puts the copies back, removes what came later, and begins anew where a file is not what
was noted of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Checkpoints", "chunks_that_grow"]

_NOTES = "checkpoint.json"


class Checkpoints:
    """The checkpoints of a dataset, of which the last one counts. They lie in the directory beside it.

    Args:
        dataset: The directory of the dataset.
        identity: Stands for what is written: a checkpoint of anything else is none.
    """

    def __init__(self, dataset: Path, identity: str) -> None:
        self._dataset = dataset
        self._work = dataset.parent
        self._identity = identity
        self._number = 0

    def restore(self) -> dict[str, Any] | None:
        """Puts the dataset back to the last checkpoint; what was noted with it. None, and no dataset, where there is
        none of this identity, or files have changed since.
        """
        state = self._restored()
        if state is None:
            for name in (self._dataset, *self._work.glob("saved-*")):
                shutil.rmtree(name, ignore_errors=True)
            (self._work / _NOTES).unlink(missing_ok=True)
        return state

    def save(self, state: dict[str, Any], changing: set[str]) -> None:
        """Makes a checkpoint of a dataset that is complete on disk.

        Args:
            state: What :meth:`restore` gives back; JSON.
            changing: Keys of the chunks that are not full yet.

        Raises:
            OSError: The disk failed.
        """
        saved = self._work / f"saved-{self._number + 1}"
        shutil.rmtree(saved, ignore_errors=True)
        settled: dict[str, tuple[int, int]] = {}
        copied: list[str] = []
        for key, file in self._files():
            if "/chunks/" in f"/{key}" and key not in changing:
                status = file.stat()
                settled[key] = (status.st_size, status.st_mtime_ns)
                continue
            copy = saved / key
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
            copied.append(key)
        notes = {
            "identity": self._identity,
            "number": self._number + 1,
            "settled": settled,
            "copied": copied,
            "state": state,
        }
        part = self._work / f"{_NOTES}.part"
        part.write_text(json.dumps(notes), encoding="utf-8")
        part.replace(self._work / _NOTES)
        shutil.rmtree(self._work / f"saved-{self._number}", ignore_errors=True)
        self._number += 1

    def _restored(self) -> dict[str, Any] | None:
        try:
            notes = json.loads((self._work / _NOTES).read_text(encoding="utf-8"))
            if notes["identity"] != self._identity:
                return None
            number, settled, state = int(notes["number"]), dict(notes["settled"]), dict(notes["state"])
            for key, (size, modified) in settled.items():
                status = (self._dataset / key).stat()
                if (status.st_size, status.st_mtime_ns) != (size, modified):
                    return None
            saved = self._work / f"saved-{number}"
            for key, file in list(self._files()):
                if key not in settled:
                    file.unlink()
            for key in notes["copied"]:
                (self._dataset / key).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(saved / key, self._dataset / key)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        for other in self._work.glob("saved-*"):
            if other != saved:
                shutil.rmtree(other, ignore_errors=True)
        self._number = number
        return state

    def _files(self) -> Iterator[tuple[str, Path]]:
        for folder, _, names in os.walk(self._dataset):
            for name in names:
                file = Path(folder, name)
                yield file.relative_to(self._dataset).as_posix(), file


def chunks_that_grow(lake: Any) -> set[str]:
    """Keys of the last chunks of a dataset of deeplake's, hidden tensors included."""
    keys = set()
    for tensor in lake.version_state["full_tensors"].values():
        engine = tensor.chunk_engine
        if engine.num_chunks:
            keys.add(engine.last_chunk_key)
    return keys

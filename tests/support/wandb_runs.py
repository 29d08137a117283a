"""What a W&B run in offline mode has left to be sent: read from its files, without an account."""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

__all__ = ["LoggedArtifact", "OfflineRun", "StagedTable", "offline_wandb"]

_BLOCK = 32768
_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


@contextmanager
def offline_wandb(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Has runs that begin in the meantime write to ``folder`` alone."""
    import wandb

    for name in ("DIR", "DATA_DIR", "ARTIFACT_DIR", "CACHE_DIR", "CONFIG_DIR"):
        (folder / name).mkdir(parents=True)
        monkeypatch.setenv(f"WANDB_{name}", str(folder / name))
    for name, value in (("MODE", "offline"), ("SILENT", "true"), ("CONSOLE", "off"), ("ERROR_REPORTING", "false")):
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    # deeplake, once imported, has nest_asyncio replace asyncio.run by one that leaves its loop open: to the garbage
    # collector, which tells of it in whatever test it happens to run.
    monkeypatch.setattr(asyncio, "run", asyncio.runners.run)
    # It reads the environment when its process starts.
    wandb.teardown()
    try:
        yield
    finally:
        wandb.teardown()


@dataclass(frozen=True)
class StagedTable:
    """A table, and the files that its cells name by path or SHA-256."""

    columns: list[str]
    rows: list[list[Any]]
    files: Mapping[str, Path]

    def image(self, row: int, column: str) -> dict[str, Any]:
        """A cell that is an image: its boxes, masks and the like."""
        cell: dict[str, Any] = self.rows[row][self.columns.index(column)]
        assert cell["_type"] == "image-file"
        return cell

    def pixels(self, cell: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
        """Of an image or a mask."""
        name = cell["path"] if cell["path"] in self.files else cell["sha256"]
        with Image.open(self.files[name]) as image:
            return np.array(image)


@dataclass(frozen=True)
class LoggedArtifact:
    """An artifact: its name, type, metadata and aliases, and its files by their paths in it."""

    name: str
    type: str
    metadata: Any
    aliases: list[str]
    files: dict[str, Path]

    def table(self, name: str) -> StagedTable:
        """A table by its name in the artifact."""
        content = json.loads(self.files[f"{name}.table.json"].read_text())
        return StagedTable(content["columns"], content["data"], self.files)


class OfflineRun:
    """The one run under ``folder``, which is over.

    Attributes:
        artifacts: Those that it has logged, in order.
        config: Its configuration.
        history: What it has logged, step by step.
        saved: Names of the files that it was told to save.
    """

    def __init__(self, folder: Path) -> None:
        import wandb
        from wandb.proto import wandb_internal_pb2

        # Its process writes the rest when it ends.
        wandb.teardown()
        (log,) = (folder / "DIR").glob("wandb/offline-run-*/run-*.wandb")
        self.folder = log.parent
        self._staged = folder / "DATA_DIR" / "artifacts" / "staging"
        self.artifacts: list[LoggedArtifact] = []
        self.config: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.saved: list[str] = []
        for raw in _records(log.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(raw)
            self._take(record)

    def staged_table(self, columns: list[str]) -> StagedTable:
        """A table that has been staged, by its columns: offline, one that others refer to is not logged itself."""
        by_digest = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in self._staged.iterdir()}
        for path in self._staged.iterdir():
            raw = path.read_bytes()
            if raw.startswith(b'{"_type": "table"') and (content := json.loads(raw))["columns"] == columns:
                return StagedTable(content["columns"], content["data"], by_digest)
        raise AssertionError(f"no table with the columns {columns} is staged")

    def _take(self, record: Any) -> None:
        kind = record.WhichOneof("record_type")
        if kind == "run":
            self._update(record.run.config)
        elif kind == "config":
            self._update(record.config)
        elif kind == "history":
            self.history.append({_key(item): json.loads(item.value_json) for item in record.history.item})
        elif kind == "files":
            self.saved += [item.path for item in record.files.files]
        elif kind == "artifact":
            self.artifacts.append(_logged(record.artifact))
        elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
            self.artifacts.append(_logged(record.request.log_artifact.artifact))

    def _update(self, config: Any) -> None:
        self.config.update({_key(item): json.loads(item.value_json) for item in config.update})


def _key(item: Any) -> str:
    return item.key or "/".join(item.nested_key)


def _logged(artifact: Any) -> LoggedArtifact:
    files = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
    metadata = json.loads(artifact.metadata) if artifact.metadata else None
    return LoggedArtifact(artifact.name, artifact.type, metadata, list(artifact.aliases), files)


def _records(data: bytes) -> Iterator[bytes]:
    """LevelDB's log format, after a head of seven bytes."""
    position, parts = 7, b""
    while position + _HEADER.size <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _HEADER.size:
            position += left
            continue
        _, length, kind = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        parts += data[position : position + length]
        position += length
        if kind in (_FULL, _LAST):
            yield parts
            parts = b""

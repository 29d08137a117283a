"""Connections that are kept for later requests go with the dataset that they were made for."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import penstock
from penstock.storage.http_client import HttpClient
from support.file_server import FileServer


def clients() -> list[HttpClient]:
    return [one for one in gc.get_objects() if type(one) is HttpClient]


def test_a_dataset_that_nobody_has_keeps_no_connections(web: FileServer, lake: Callable[[str], Path]) -> None:
    shutil.copytree(lake("many_chunks"), web.root / "lake")
    gc.collect()
    before = {id(one) for one in clients()}
    dataset = penstock.open(f"{web.url}/lake")
    (client,) = (one for one in clients() if id(one) not in before)
    connections = [connection for idle in client._idle.values() for connection in idle]
    assert connections and all(connection.sock is not None for connection in connections)
    gone = weakref.ref(client)
    del dataset, client
    gc.collect()
    assert gone() is None
    assert all(connection.sock is None for connection in connections)

"""What a server of ``support.fault_server`` does wrong, and what a client is to make of it: JSON files.

A scenario is an object with

``about``
    what happens, for readers
``faults``
    a list of rules; the first that applies to a request decides. A rule has ``do`` (see ``answering.py``) and may say
    when: ``path`` (a pattern), ``after`` (so many requests that it would apply to pass by first), ``times`` (so often),
    ``chance`` (of 1), ``query`` (stands in the query), ``reused`` (not the first request of its connection), ``ranged``
``server``
    options of the server: ``tls`` (the names in its certificate), ``expired`` (that is no longer good),
    ``accept_delay``, ``refuse``
``client``
    ``options`` of the client, ``host`` that it asks instead, ``trust`` (it gets the server's certificate as ca_file)
``asks``
    what is asked, in turn: ``key``, ``range`` ([begin, end)), ``expect`` ("data", or the name of an error of
    ``penstock.errors``), ``says`` (stands in the error's text), ``repeat``
``expect``, ``says``
    the same for asks that do not say it; "data" where nothing does
``within``
    seconds that all of this may take: 5
``requests``
    the most requests that may be sent for all of this
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

DEFAULT_ASKS: list[dict[str, Any]] = [
    {"key": "object"},
    {"key": "object", "range": [1000, 51000]},
    {"key": "object", "range": [299000, 400000]},
]


@dataclass
class Rule:
    """A fault and when it happens; counts how often it did."""

    do: dict[str, Any]
    path: str = "*"
    after: int = 0
    times: int | None = None
    chance: float = 1.0
    query: str = ""
    reused: bool = False
    ranged: bool | None = None
    seen: int = 0
    done: int = 0

    def applies(self, path: str, query: str, *, reused: bool, ranged: bool, draw: random.Random) -> bool:
        if not fnmatch(path, self.path) or self.query not in query or (self.reused and not reused):
            return False
        if self.ranged is not None and self.ranged != ranged:
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.done >= self.times):
            return False
        if self.chance < 1 and draw.random() >= self.chance:
            return False
        self.done += 1
        return True


@dataclass
class Scenario:
    """A scenario file, or none: a server without faults."""

    about: str = ""
    rules: list[Rule] = field(default_factory=list)
    server: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)
    asks: list[dict[str, Any]] = field(default_factory=list)
    within: float = 5.0
    requests: int | None = None
    draw: random.Random = field(default_factory=lambda: random.Random(0))

    @classmethod
    def read(cls, file: Path) -> Scenario:
        return cls.of(json.loads(file.read_text()))

    @classmethod
    def of(cls, said: dict[str, Any]) -> Scenario:
        unknown = said.keys() - {
            "about", "faults", "server", "client", "asks", "expect", "says", "within", "requests"
        }  # fmt: skip
        if unknown:
            raise ValueError(f"a scenario has no {sorted(unknown)}")
        shared = {"expect": said.get("expect", "data"), "says": said.get("says", "")}
        return cls(
            about=said["about"],
            rules=[Rule(**rule) for rule in said.get("faults", [])],
            server=said.get("server", {}),
            client=said.get("client", {}),
            asks=[{**shared, "range": None, "repeat": 1, **ask} for ask in said.get("asks", DEFAULT_ASKS)],
            within=said.get("within", 5.0),
            requests=said.get("requests"),
        )

    def fault_for(self, path: str, query: str, *, reused: bool, ranged: bool) -> dict[str, Any]:
        for rule in self.rules:
            if rule.applies(path, query, reused=reused, ranged=ranged, draw=self.draw):
                return rule.do
        return {}

    def told(self) -> list[str]:
        """The client's part in lines, for clients that do not read JSON."""
        lines = [f"option {name} {value}" for name, value in self.client.get("options", {}).items()]
        for ask in self.asks:
            begin, end = ask["range"] or ("-", "-")
            line = f"ask {ask['key']} {begin} {end} {ask['expect']} {ask['says']}".rstrip()
            lines += [line] * ask["repeat"]
        lines.append(f"within {self.within}")
        if self.requests is not None:
            lines.append(f"requests {self.requests}")
        return lines

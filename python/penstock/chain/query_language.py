"""The part of Deep Lake's query language that deeplake's filter can run too.

    SELECT * WHERE condition [LIMIT n] [OFFSET n]

A condition compares a tensor of single values with a number or a text in single quotes, or is CONTAINS(tensor, value)
of numbers or labels; AND, OR, NOT and brackets join conditions. Names with a slash stand in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

__all__ = ["Kind", "Selected", "translate", "translate_condition"]

#: What a tensor's samples are, for a query: numbers, labels with names, text; and whether each is a single value.
Kind = tuple[Literal["number", "label", "text"], bool]

_QUERY = re.compile(
    r"\s*select\s+\*\s+where\s+(?P<condition>.+?)(\s+limit\s+(?P<limit>\d+))?(\s+offset\s+(?P<offset>\d+))?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<text>'[^'\\]*')|(?P<quoted>\"[^\"]*\")|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<sign><=|>=|!=|<>|==|=|<|>|\(|\)|,))"
)
_SIGNS = {"=": "==", "<>": "!="}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class Selected(NamedTuple):
    """What a query asks for.

    Attributes:
        expression: For deeplake's filter.
        offset: How many of the samples found are left out at the start.
        limit: How many are taken then; None: all.
    """

    expression: str
    offset: int
    limit: int | None


class _NotHereError(Exception):
    """The text says something that the filter cannot do, or may do otherwise."""


def translate(text: str, kinds: Mapping[str, Kind]) -> Selected | None:
    """A query for deeplake's filter; None where only Deep Lake's engine can tell what it means.

    Args:
        text: The query.
        kinds: What the tensors hold that a query may name.
    """
    found = _QUERY.fullmatch(text)
    expression = None if found is None else translate_condition(found["condition"], kinds)
    if found is None or expression is None:
        return None
    limit = found["limit"]
    return Selected(expression, int(found["offset"] or 0), None if limit is None else int(limit))


def translate_condition(text: str, kinds: Mapping[str, Kind]) -> str | None:
    """The same of a condition alone."""
    try:
        condition = _Condition(_tokens(text), kinds)
        return condition.whole()
    except _NotHereError:
        return None


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) of each."""
    tokens, begin = [], 0
    text = text.rstrip()
    while begin < len(text):
        found = _TOKEN.match(text, begin)
        if found is None:
            raise _NotHereError
        kind = found.lastgroup or ""
        tokens.append((kind, found[kind]))
        begin = found.end()
    return tokens


class _Condition:
    """Reads tokens from left to right; each method reads one thing and gives the expression for it."""

    def __init__(self, tokens: list[tuple[str, str]], kinds: Mapping[str, Kind]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._kinds = kinds
        self._place = 0

    def whole(self) -> str:
        expression = self._either()
        self._take("end")
        return expression

    def _either(self) -> str:
        parts = [self._both()]
        while self._takes_word("or"):
            parts.append(self._both())
        return " or ".join(parts)

    def _both(self) -> str:
        parts = [self._one()]
        while self._takes_word("and"):
            parts.append(self._one())
        return " and ".join(parts)

    def _one(self) -> str:
        if self._takes_word("not"):
            return f"not {self._one()}"
        if self._next == ("sign", "("):
            self._take("sign")
            inner = self._either()
            self._take("sign", ")")
            return f"({inner})"
        if self._takes_word("contains"):
            return self._contains()
        return self._comparison()

    def _contains(self) -> str:
        self._take("sign", "(")
        name, kind, _ = self._tensor()
        self._take("sign", ",")
        value = self._value(kind)
        self._take("sign", ")")
        if kind == "text":
            raise _NotHereError  # of a part of the text, with Deep Lake
        return f"{name}.contains({value})"

    def _comparison(self) -> str:
        name, kind, single = self._tensor()
        sign = self._take("sign")
        sign = _SIGNS.get(sign, sign)
        is_text = self._next[0] == "text"
        value = self._value(kind)
        if sign not in _COMPARISONS or not single or (is_text and sign not in ("==", "!=")):
            raise _NotHereError
        return f"({name} {sign} {value})"

    def _tensor(self) -> tuple[str, str, bool]:
        name = self._take("quoted").strip('"') if self._next[0] == "quoted" else self._take("word")
        if name not in self._kinds or not all(part.isidentifier() for part in name.split("/")):
            raise _NotHereError
        kind, single = self._kinds[name]
        return name.replace("/", "."), kind, single

    def _value(self, kind: str) -> str:
        if self._next[0] == "text":
            if kind == "number":
                raise _NotHereError
            return repr(self._take("text").strip("'"))
        if kind == "text":
            raise _NotHereError
        return self._take("number")

    @property
    def _next(self) -> tuple[str, str]:
        return self._tokens[self._place]

    def _take(self, kind: str, text: str | None = None) -> str:
        found_kind, found = self._next
        if found_kind != kind or text not in (None, found):
            raise _NotHereError
        self._place += 1
        return found

    def _takes_word(self, word: str) -> bool:
        kind, text = self._next
        if kind != "word" or text.lower() != word:
            return False
        self._place += 1
        return True

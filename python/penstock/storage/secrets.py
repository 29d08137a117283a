"""Values that nobody is to see."""

from __future__ import annotations

import multiprocessing.context
import uuid
import weakref
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from penstock.errors import AccessDeniedError

__all__ = ["Secret"]

_known: weakref.WeakValueDictionary[str, Secret] = weakref.WeakValueDictionary()


class Secret:
    """A value that shows in no ``repr`` and in no pickle.

    A pickle holds a name for it, by which this process and its forked children find it again. To a process that is
    being started, the value itself goes through the pipe, as ``multiprocessing`` sends its own key. A copy that was
    unpickled anywhere else does not know it: :meth:`reveal` raises.

    Args:
        value: Anything. None, a profile's name and the like are no secret, and pickle; so does a function, by name.
    """

    def __init__(self, value: Any) -> None:
        self._name = uuid.uuid4().hex
        self._value = value
        self._is_known = True
        _known[self._name] = self

    def reveal(self) -> Any:
        """The value.

        Raises:
            AccessDeniedError: This is a copy from a pickle of another process.
        """
        if not self._is_known:
            raise AccessDeniedError(
                "the credentials did not come along: they are not put into pickles",
                hint="Open the dataset again with creds=; a profile, the environment and a function need none of that",
            )
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> tuple[Callable[..., Secret], tuple[Any, ...]]:
        if _is_harmless(self._value) or multiprocessing.context.get_spawning_popen() is not None:
            return (Secret, (self._value,))
        return (_find, (self._name,))


#: Words and keys of credentials that are no secret.
_WORDS = ("", "ENV", "anon", "google_default")
_KEYS = {"profile_name", "aws_region", "region", "endpoint_url", "addressing_style", "requester_pays", "account_name"}
_KEYS |= {"unsigned", "anon", "skip_signature"}


def _is_harmless(value: Any) -> bool:
    if isinstance(value, Mapping):
        return set(value) <= _KEYS
    if isinstance(value, FunctionType):
        # Others are values: what is closed over, bound or partly applied may be a secret.
        return "<" not in value.__qualname__
    return value is None or (isinstance(value, str) and value in _WORDS)


def _find(name: str) -> Secret:
    known = _known.get(name)
    if known is not None:
        return known
    lost = Secret(None)
    lost._is_known = False
    return lost

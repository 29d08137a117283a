"""What makes an address of a key by which anybody can read it for a while."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol
from urllib.parse import quote

from penstock.described import described
from penstock.errors import (
    AccessDeniedError,
    ConfigError,
    PenstockError,
    StorageError,
    StorageTimeoutError,
    UnsupportedError,
)
from penstock.storage.forking import renewed_in_children
from penstock.threads import DaemonPool

__all__ = [
    "SIGNED_SECONDS",
    "Access",
    "Credentials",
    "ObstoreSigner",
    "PlainSigner",
    "Signed",
    "Signer",
    "seconds_left",
]

#: So long a signed address is good, where credentials do not end before.
SIGNED_SECONDS = 3600.0
#: So long a forked child waits for a signature that should take microseconds.
_FORKED_SECONDS = 10.0
#: Credentials that end sooner are asked for anew.
_MARGIN_SECONDS = 60.0

#: An address, headers to send along, and for how many seconds it is good.
Signed = tuple[str, dict[str, str], float]

#: Gives, of credentials that are asked for anew where that is said, a query to append, headers, and for how many
#: seconds they are good.
Access = Callable[[bool], tuple[str, dict[str, str], float]]


class Signer(Protocol):
    """Makes addresses of the keys of a bucket. From any thread."""

    def sign(self, keys: Sequence[str], fresh: bool = False) -> list[Signed]:
        """Addresses to GET keys by. ``fresh``: with credentials that are asked for anew. Raises AccessDeniedError where
        there are none, ConfigError where they make no sense.
        """

    def use_region(self, region: str) -> bool:
        """Goes on with another region of the cloud. False where that changes nothing."""

    def lister(self) -> Any:
        """A store of obstore's, which lists keys. Raises UnsupportedError where nothing lists them."""


@dataclass
class PlainSigner:
    """For what needs no signature: public files, and what is read by a token or a signature that is there already.

    Attributes:
        base: The bucket's address.
        access: Gives the query to append (without "?"), headers, and for how many seconds they are good.
        make: Makes what lists the bucket; None where nothing does.
    """

    base: str
    access: Access = field(
        default=lambda fresh: ("", {}, SIGNED_SECONDS), repr=False
    )
    make: Callable[[], Any] | None = field(default=None, repr=False)

    def sign(self, keys: Sequence[str], fresh: bool = False) -> list[Signed]:
        query, headers, seconds = self.access(fresh)
        tail = f"?{query}" if query else ""
        return [(f"{self.base}/{quote(key, safe='/')}{tail}", dict(headers), seconds) for key in keys]

    def use_region(self, region: str) -> bool:
        return False

    def lister(self) -> Any:
        if self.make is None:
            raise UnsupportedError("a web server does not list its files", hint="Copy the files with its own means")
        return self.make()


class ObstoreSigner:
    """Signs by obstore.

    Args:
        module: obstore. Handed in: what is optional is imported once, where its absence is explained.
        make: Makes the store, for a region where one is given.
        left: For how many seconds the credentials are good.
        renew: Asks for credentials anew.
        written: A key as obstore wants it: of Google's it takes keys for what addresses have in place of them.
        asks: Whether obstore itself may have to ask for credentials, of a machine's role for example.
    """

    def __init__(
        self,
        module: Any,
        make: Callable[[str | None], Any],
        left: Callable[[], float] = lambda: SIGNED_SECONDS,
        renew: Callable[[], None] = lambda: None,
        written: Callable[[str], str] = str,
        asks: bool = False,
    ) -> None:
        self._module = module
        self._make = make
        self._left = left
        self._renew = renew
        self._written = written
        self._asks = asks
        self._is_forked = False
        self._region: str | None = None
        self._store: Any = None
        renewed_in_children(self)

    def after_fork(self) -> None:
        """obstore's threads are those of the parent: what it asks here is never answered."""
        self._is_forked = True

    def sign(self, keys: Sequence[str], fresh: bool = False) -> list[Signed]:
        if fresh:
            self._renew()
        seconds = max(1.0, min(SIGNED_SECONDS, self._left()))
        why: PenstockError | None = None
        urls: Sequence[str] = ()
        try:
            if fresh or self._store is None:
                self._store = self._make(self._region)
            urls = self._signed([self._written(key) for key in keys], timedelta(seconds=seconds))
        except Exception as error:
            # Its text may hold addresses with signatures: nothing of it goes on, not even as the context of another.
            why = _cannot_sign(error)
        if why is not None:
            raise why
        return [(url, {}, seconds) for url in urls]

    def _signed(self, keys: list[str], good_for: timedelta) -> Sequence[str]:
        def sign() -> Any:
            return self._module.sign(self._store, "GET", keys, good_for)

        if not (self._is_forked and self._asks):
            return sign()  # type: ignore[no-any-return]
        # As long as the parent's credentials are good, nothing has to be asked.
        pool = DaemonPool(1, "penstock-sign", "num_workers")
        future = pool.submit(sign)
        concurrent.futures.wait([future], _FORKED_SECONDS)
        pool.close(patience=0.0)
        if not future.done():
            raise StorageTimeoutError(
                "the machine's credentials have expired, and a forked process cannot ask for others",
                hint="Start worker processes by multiprocessing_context='spawn' or 'forkserver'",
            )
        return future.result()  # type: ignore[no-any-return]

    def use_region(self, region: str) -> bool:
        if self._region == region:
            return False
        self._region, self._store = region, None
        return True

    def lister(self) -> Any:
        return self._make(self._region)


def _cannot_sign(error: Exception) -> PenstockError:
    if isinstance(error, PenstockError):
        return error
    if type(error) is ValueError:
        return StorageError("the name of a file cannot be signed: it has an empty part, '.' or '..'")
    return AccessDeniedError(
        "no credentials were found: none in creds, in the environment, in a profile, or of this machine's role",
        hint="Give creds=, set the cloud's environment variables, or say that the bucket is public: "
        "creds={'unsigned': True}",
    )


class Credentials:
    """Credentials as they are given: a mapping, or a callable that gives one and is asked again before that expires.

    Args:
        given: The mapping or the callable. A mapping may say when it ends: "expiration" or "expires_at", a datetime, a
            number of seconds since 1970, or text as ISO 8601 has it.
    """

    def __init__(self, given: Any) -> None:
        self._given = given
        self._found: Mapping[str, Any] | None = None if callable(given) else given or {}
        self._asked = time.time()

    def __call__(self) -> Mapping[str, Any]:
        """The credentials, asked for where there are none that are good for a while."""
        if callable(self._given) and (self._found is None or self.left() < _MARGIN_SECONDS):
            self.renew()
        assert self._found is not None
        return self._found

    def renew(self) -> None:
        """Asks anew, where they come from a callable."""
        if not callable(self._given):
            return
        failed: str | None = None
        found = None
        try:
            found = self._given()
        except PenstockError:
            raise
        except Exception as error:
            # Its text may hold what it knows.
            failed = type(error).__name__
        if failed is not None:
            raise AccessDeniedError(f"the callable that gives credentials failed: {failed}", hint="See to what it does")
        if not isinstance(found, Mapping):
            raise ConfigError(f"the callable that gives credentials must give a dict, not a {type(found).__name__}")
        self._found, self._asked = found, time.time()

    def left(self) -> float:
        """For how many seconds they are good."""
        return seconds_left(self._found or {})


def seconds_left(given: Mapping[str, Any]) -> float:
    """For how many seconds credentials are good that say when they end; infinite where they do not.

    Raises:
        ConfigError: What they say is no time.
    """
    end = given.get("expiration", given.get("expires_at"))
    if end is None or end == "":
        return float("inf")
    if isinstance(end, str):
        try:
            end = float(end)
        except ValueError:
            try:
                end = datetime.fromisoformat(end.replace("Z", "+00:00"))
            except ValueError:
                raise ConfigError("creds: 'expiration' is no time") from None
    if isinstance(end, datetime):
        # One without a zone is UTC, as the clouds' are.
        end = (end if end.tzinfo else end.replace(tzinfo=timezone.utc)).timestamp()
    if isinstance(end, bool) or not isinstance(end, (int, float)):
        raise ConfigError(f"creds: 'expiration' is no time: {described(type(end))}")
    return float(end) - time.time()

"""What the answers of a cloud or of a web server mean."""

from __future__ import annotations

import random
import re

from penstock.errors import AccessDeniedError, DatasetNotFoundError, StorageError
from penstock.storage.address import Address
from penstock.storage.http_client import Answer, TransientError
from penstock.storage.network import NetworkOptions

__all__ = ["backoff", "may_have_expired", "other_region", "piece_of", "refused"]

#: Of a cloud's answer, the word that says why. Nothing else of it goes into an error: S3's quotes keys and signatures.
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "InvalidBucketName")
#: What other credentials may mend.
_EXPIRED = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired", "RequestExpired")
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


def piece_of(key: str, answer: Answer, offset: int, length: int | None) -> tuple[bytes, int] | None:
    """The bytes that were asked for and the size of the whole; None of an answer that has none.

    Raises:
        TransientError: The answer is to another question.
        StorageError: The server compresses what it sends.
    """
    is_range = bool(offset) or length is not None
    if answer.status in (200, 206) and answer.headers.get("content-encoding", "identity") != "identity":
        raise StorageError(f"'{key}' is sent compressed, though nobody asked for that")
    if answer.status == 200:
        # A server that knows no ranges gives all of it.
        end = None if length is None else offset + length
        return (answer.body[offset:end] if is_range else answer.body), len(answer.body)
    if answer.status == 206 and is_range:
        found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found is not None:
            first, last, size = (int(number) for number in found.groups())
            wanted = size if length is None else min(size, offset + length)
            if first <= offset and last + 1 >= wanted and len(answer.body) == last + 1 - first:
                # Some give more than was asked for: s3rver takes "0-0" for all.
                return answer.body[offset - first : wanted - first], size
        raise TransientError("the server sent another part than it was asked for")
    if answer.status == 416 and is_range:
        # S3, GCS and Azure all say so of a range that begins at the end; not all say where that is.
        size_told = answer.headers.get("content-range", "").rpartition("/")[2]
        return b"", int(size_told) if size_told.isdecimal() and len(size_told) < 20 else offset
    return None


def refused(key: str, answer: Answer, address: Address) -> Exception:
    """The error that an answer without the bytes means."""
    status, code = answer.status, _code_of(answer)
    if code in _NO_BUCKET and address.scheme not in ("http", "https"):
        return DatasetNotFoundError(
            f"there is no bucket '{address.bucket}'", path=address.text, hint="Correct the address, or the endpoint"
        )
    if status in (404, 410):
        return FileNotFoundError(key)
    why = f"{status} {code}".strip()
    if status in (401, 403) or code in _EXPIRED:
        return AccessDeniedError(f"'{key}' may not be read ({why})", path=address.text, hint=_access_hint(code))
    if status in _TRY_AGAIN:
        return TransientError(f"the server answers {why}", wait_seconds=_retry_after(answer))
    if status == 412:
        return StorageError(f"'{key}' has changed while it was read", path=address.text, hint="Open the dataset again")
    return StorageError(f"'{key}' cannot be read: the server answers {why}", path=address.text)


def may_have_expired(answer: Answer) -> bool:
    """Whether other credentials may bring another answer."""
    return answer.status in (401, 403) or (answer.status == 400 and _code_of(answer) in _EXPIRED)


def other_region(answer: Answer) -> str | None:
    """The region in which a bucket is, of an answer that says that it is not in the one where it was asked for."""
    region = answer.headers.get("x-amz-bucket-region", "")
    is_told = answer.status in (301, 307, 400, 403) and _REGION.fullmatch(region)
    return region if is_told else None


def backoff(options: NetworkOptions, attempt: int, failure: TransientError) -> float:
    """For how many seconds to wait before the next attempt, where so many have failed."""
    if failure.at_once:
        return 0.0
    most = min(options.backoff_cap_seconds, options.backoff_seconds * 2.0 ** min(attempt - 1, 60))
    return max(failure.wait_seconds, random.uniform(0.0, most))


def _code_of(answer: Answer) -> str:
    found = _CODE.search(answer.body)
    code = found[1].decode() if found else answer.headers.get("x-ms-error-code", "")
    return code if re.fullmatch(r"[A-Za-z0-9]{1,60}", code) else ""


def _retry_after(answer: Answer) -> float:
    """The seconds that a server asks for; a date, which it may give instead, counts as none."""
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isdecimal() and len(told) < 6 else 0.0


def _access_hint(code: str) -> str:
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed", "InvalidAuthenticationInfo"):
        return "The storage does not know the key, or the secret is not its own: correct creds, or the environment's"
    if code in _EXPIRED:
        return "The credentials have expired: give new ones, or a callable that does"
    if code == "RequestTimeTooSkewed":
        return "Set this machine's clock"
    return (
        "Give creds with permission to read; s3:ListBucket too, without which S3 says this of files that are missing. "
        "A public bucket is read with creds={'unsigned': True}"
    )

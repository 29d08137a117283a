"""An S3 that takes no request without a right signature: moto, behind a check by botocore's own signer."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.buckets import S3

__all__ = ["StrictS3"]


class StrictS3(S3):
    """Takes GET requests with a signature in their query, as signed addresses have it.

    Attributes:
        keys: Access key -> its secret key, and the session token that belongs to it ("" for none).
    """

    def __init__(self, keys: dict[str, tuple[str, str]]) -> None:
        self.keys = keys
        super().__init__()

    def answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        why = self._refusal(environ) if environ["REQUEST_METHOD"] == "GET" else None
        if why is None:
            return super().answer(environ, start_response)
        body = f"<Error><Code>{why}</Code><AWSAccessKeyId>shown</AWSAccessKeyId></Error>".encode()
        start_response("403 Forbidden", [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
        return [body]

    def _refusal(self, environ: dict[str, Any]) -> str | None:
        from botocore.auth import S3SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        parts = urlsplit(environ["REQUEST_URI"])
        query = dict(parse_qsl(parts.query))
        given = query.pop("X-Amz-Signature", None)
        if given is None:
            return "AccessDenied"
        key, _, region, service, _ = query["X-Amz-Credential"].split("/")
        if key not in self.keys:
            return "InvalidAccessKeyId"
        begun = timegm(time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        if not begun - 60 <= time.time() <= begun + int(query["X-Amz-Expires"]):
            return "AccessDenied"
        secret, token = self.keys[key]
        if query.get("X-Amz-Security-Token", "") != token:
            return "InvalidToken"
        request = AWSRequest("GET", f"{self.url}{parts.path}", params=query)
        request.headers["host"] = environ["HTTP_HOST"]
        request.context["timestamp"] = query["X-Amz-Date"]
        signer = S3SigV4QueryAuth(Credentials(key, secret), service, region)
        signed = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return None if signed == given else "SignatureDoesNotMatch"

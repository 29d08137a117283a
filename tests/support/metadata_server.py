"""What a machine of a cloud asks for its own credentials: the metadata services of Amazon, Azure and Google."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["MetadataServer"]

_SESSION = "a session of the metadata service"
_DELEGATION_KEY = """<?xml version="1.0" encoding="utf-8"?>
<UserDelegationKey><SignedOid>o</SignedOid><SignedTid>t</SignedTid><SignedStart>{begin}</SignedStart>
<SignedExpiry>{end}</SignedExpiry><SignedService>b</SignedService><SignedVersion>2023-11-03</SignedVersion>
<Value>c2VjcmV0LWtleQ==</Value></UserDelegationKey>"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MetadataServer

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        self.server.asked.append(f"{self.command} {parts.path}")
        status, answer = self.server.answer(self.command, parts.path, parse_qs(parts.query), dict(self.headers))
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Content-Type", "application/json" if answer.startswith(b"{") else "text/plain")
        self.send_header("Metadata-Flavor", "Google")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


class MetadataServer(ThreadingHTTPServer):
    """Gives credentials of a role to who asks as its cloud's documentation says; 401 or 403 to others.

    Attributes:
        url: Its address, without a slash at the end.
        asked: Methods and paths of the requests so far.
        number: Of the credentials that are given next: it is a part of their key.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.number = 1
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str]
    ) -> tuple[int, bytes]:
        named = {name.lower(): value for name, value in headers.items()}
        if (method, path) == ("PUT", "/latest/api/token"):
            return 200, _SESSION.encode()
        if path.startswith("/latest/meta-data/iam/security-credentials"):
            if named.get("x-aws-ec2-metadata-token") != _SESSION:
                return 401, b""
            role = path.rstrip("/").rpartition("/")[2]
            return (200, b"the-role") if role == "security-credentials" else (200, self._amazon("instance"))
        if path == "/container":
            is_allowed = named.get("authorization") == "the container's token"
            return (200, self._amazon("container")) if is_allowed else (403, b"")
        if path == "/msi":
            return (200, self._azure()) if named.get("metadata") == "true" else (403, b"")
        if method == "POST" and query.get("comp") == ["userdelegationkey"]:
            is_allowed = named.get("authorization") == f"Bearer azure{self.number}"
            return (200, self._delegation_key()) if is_allowed else (403, b"")
        if path.startswith("/computeMetadata/v1") or path == "/":
            return (200, self._google(path)) if named.get("metadata-flavor") == "Google" else (403, b"")
        return 404, b""

    def _end(self) -> str:
        return (datetime.now(timezone.utc) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _amazon(self, who: str) -> bytes:
        found = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": self._end(),
            "AccessKeyId": f"{who}{self.number}",
            "SecretAccessKey": "sEcReT",
            "Token": f"token{self.number}",
            "Expiration": self._end(),
        }
        return json.dumps(found).encode()

    def _azure(self) -> bytes:
        end = int((datetime.now(timezone.utc) + timedelta(hours=6)).timestamp())
        found = {"access_token": f"azure{self.number}", "expires_on": str(end), "token_type": "Bearer"}
        return json.dumps(found).encode()

    def _delegation_key(self) -> bytes:
        begin = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _DELEGATION_KEY.format(begin=begin, end=self._end()).encode()

    def _google(self, path: str) -> bytes:
        if path.endswith("/token"):
            found: Any = {"access_token": f"google{self.number}", "expires_in": 3600, "token_type": "Bearer"}
        elif path.endswith("/project/project-id"):
            return b"a-project"
        elif path.endswith(("/default/", "/default")):
            found = {"email": "a@b.example", "scopes": ["s"], "aliases": ["default"]}
        else:
            return b"computeMetadata/"
        return json.dumps(found).encode()

"""nginx on the loopback: a web server, and a bucket to read from, near or far, that counts what it is asked for.

Objects of a bucket are files under a folder of its name. Signatures are not looked at, nor are lists given: clients of
S3 read by GET and HEAD alone. Distance is a wait before each answer (nginx's module echo): it costs no core anything,
unlike a program that passes bytes on. Connections are made at once, so TCP's and TLS's round trips are left out.

Debian: nginx-light, libnginx-mod-http-echo, openssl.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

__all__ = ["Counts", "Link", "Nginx"]

_ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
_FORMAT = "$msec $request_time $connection $body_bytes_sent $request_method $uri"
_CONFIGURATION = """
load_module {echo};
{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  log_format counts '{format}';
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 300s;
  keepalive_requests 1000000;
  open_file_cache max=10000 inactive=300s;
  default_type application/octet-stream;
{servers}
}}
"""
_SERVER = """
  server {{
    listen 127.0.0.1:{port} backlog=4096{ssl};
    {certificate}
    access_log {folder}/{number}.log counts;
    root {root};
    error_page 403 404 @missing;
    location / {{ {wait} }}
    location @files {{ {rate} }}
    location @missing {{
      default_type application/xml;
      return 404 '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>no such object</Message></Error>';
    }}
  }}
"""


@dataclass(frozen=True)
class Link:
    """A way to the server.

    Attributes:
        name: As it stands in results.
        latency: Seconds before each answer.
        connection_rate: Bytes a second on each connection; None: as many as the loopback carries.
        tls: Whether it is https.
    """

    name: str
    latency: float = 0.0
    connection_rate: int | None = None
    tls: bool = False


@dataclass(frozen=True)
class Counts:
    """What was asked for over a link, in some span of time.

    Attributes:
        data_requests, data_bytes: Of chunks, and of images that are objects by themselves.
        other_requests, other_bytes: Of everything else: metadata, indices.
        connections: So many different ones had a request for data.
        at_once: So many requests for data were under way at a time, at most.
    """

    data_requests: int
    data_bytes: int
    other_requests: int
    other_bytes: int
    connections: int
    at_once: int


class Nginx:
    """Serves the files under ``root`` over each of ``links``, from entering to leaving.

    Args:
        root: The folder that has a folder for each bucket.
        links: Each is a port of its own.
        folder: For its configuration, certificate and logs.

    Raises:
        FileNotFoundError: nginx, its module or openssl is not installed.
    """

    def __init__(self, root: Path, links: Sequence[Link], folder: Path) -> None:
        for program in ("nginx", "openssl"):
            if shutil.which(program, path=_path()) is None:
                raise FileNotFoundError(f"there is no {program}: install nginx-light and openssl")
        if not _ECHO.exists():
            raise FileNotFoundError(f"there is no {_ECHO}: install libnginx-mod-http-echo")
        self._folder = folder
        self._ports = {link.name: port for link, port in zip(links, _free_ports(len(links)), strict=True)}
        self._logs = {link.name: folder / f"{number}.log" for number, link in enumerate(links)}
        self._schemes = {link.name: "https" if link.tls else "http" for link in links}
        self.certificate = folder / "certificate.pem"
        _write_certificate(self.certificate, folder / "key.pem")
        servers = "".join(self._server(number, link, root) for number, link in enumerate(links))
        text = _CONFIGURATION.format(
            echo=_ECHO,
            # Else workers would be of a user who may not see the files.
            user="user root;\n" if os.geteuid() == 0 else "",
            folder=folder,
            format=_FORMAT,
            servers=servers,
        )
        (folder / "nginx.conf").write_text(text)

    def url(self, link: str) -> str:
        """The server's address by a link, without a slash at its end."""
        return f"{self._schemes[link]}://127.0.0.1:{self._ports[link]}"

    def leads(self, link: str) -> bool:
        """Whether there is a link of that name."""
        return link in self._ports

    def mark(self, link: str) -> int:
        """Where the counting of :meth:`counts` begins."""
        return self._logs[link].stat().st_size

    def counts(self, link: str, mark: int) -> Counts:
        """What was asked for over a link since a mark."""
        # A request is noted when its last byte has left, which may be after it has come.
        time.sleep(0.05)
        with self._logs[link].open() as log:
            log.seek(mark)
            lines = [line.split(" ", 5) for line in log]
        data = [line for line in lines if _is_data(line[5].strip())]
        others = [line for line in lines if not _is_data(line[5].strip())]
        return Counts(
            len(data),
            sum(int(line[3]) for line in data),
            len(others),
            sum(int(line[3]) for line in others),
            len({line[2] for line in data}),
            _most_at_once([(float(line[0]) - float(line[1]), float(line[0])) for line in data]),
        )

    def cpu_seconds(self) -> float:
        """What the server itself has used of the cores so far."""
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        ticks = 0
        for process in children:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Nginx:
        command = ["nginx", "-c", str(self._folder / "nginx.conf"), "-p", str(self._folder)]
        environment = {**os.environ, "PATH": _path()}
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        for port in self._ports.values():
            while not _answers(port):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._process.kill()
                    raise RuntimeError(f"nginx does not start: {(self._folder / 'error.log').read_text()}")
                time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def _server(self, number: int, link: Link, root: Path) -> str:
        wait = f"echo_sleep {link.latency}; echo_exec @files;" if link.latency else ""
        rate = f"limit_rate {link.connection_rate};" if link.connection_rate else ""
        certificate = f"ssl_certificate {self.certificate}; ssl_certificate_key {self._folder / 'key.pem'};"
        return _SERVER.format(
            port=self._ports[link.name],
            ssl=" ssl" if link.tls else "",
            certificate=certificate if link.tls else "",
            folder=self._folder,
            number=number,
            root=root,
            wait=wait or rate,
            rate=rate,
        )


def _most_at_once(spans: list[tuple[float, float]]) -> int:
    """Of spans of time, on a clock of milliseconds."""
    # Of a begin and an end in the same one, the end comes first.
    changes = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    most, under_way = min(len(spans), 1), 0
    for _, change in changes:
        under_way += change
        most = max(most, under_way)
    return most


def _is_data(path: str) -> bool:
    return "/chunks/" in path or path.endswith(".jpg")


def _path() -> str:
    # Where Debian has nginx; not all users look there.
    return f"{os.environ.get('PATH', '')}:/usr/sbin"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _write_certificate(certificate: Path, key: Path) -> None:
    """Self-signed, for 127.0.0.1."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=benchmark", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip

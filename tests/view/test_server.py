"""The server of penstock view: for this machine, under its own name, to those who know the address."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import ConfigError
from penstock.view.answers import Answers
from penstock.view.server import ViewServer
from support.view_clients import ask, viewing


def test_it_listens_on_the_loopback_alone(server: ViewServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.url.startswith(f"http://127.0.0.1:{server.server_port}/")


def test_each_server_has_an_address_of_its_own(seen: Path) -> None:
    with viewing(seen) as one, viewing(seen) as other:
        assert one.token != other.token
        assert min(len(one.token), len(other.token)) >= 22


@pytest.mark.parametrize("place", ["", "page.js", "api/dataset", "image?index=0"])
def test_without_the_token_there_is_nothing(place: str, server: ViewServer) -> None:
    root = f"http://127.0.0.1:{server.server_port}/"
    for path in (place, f"wrong/{place}", f"{server.token[:-1]}/{place}", f"{server.token}x/{place}", "%00/", "ü/"):
        answer = ask(root + path.encode("ascii", "ignore").decode())
        assert (answer.status, b"penstock view" in answer.body) == (404, False)
        assert server.token.encode() not in answer.body
    assert ask(server.url, place).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_other_names_are_refused(headers: dict[str, str], server: ViewServer) -> None:
    sent = {name: value.format(port=server.server_port) for name, value in headers.items()}
    for method in ("GET", "POST"):
        assert ask(server.url, "api/check", method, **sent).status == 403
    assert ask(server.url, "api/check").json["state"] == "idle"


def test_its_own_names_are_served(server: ViewServer) -> None:
    for name in ("127.0.0.1", "localhost"):
        own = f"{name}:{server.server_port}"
        assert ask(server.url, "api/dataset", Host=own, Origin=f"http://{own}").status == 200


@pytest.mark.parametrize(
    "place",
    [
        "../server.py",
        "static/page.js",
        "%2e%2e/server.py",
        "page.js/",
        "nothing",
        "..",
        "/etc/passwd",
        "api/",
        "index.html",
    ],
)
def test_there_are_no_other_files(place: str, server: ViewServer) -> None:
    assert ask(server.url, place).status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS"])
def test_other_methods_do_nothing(method: str, server: ViewServer) -> None:
    assert ask(server.url, "api/check", method).status == 501
    assert ask(server.url, "api/dataset", "POST").status == 404


def test_every_answer_forbids_what_is_from_elsewhere(server: ViewServer) -> None:
    for place in ("", "page.css", "api/dataset", "image?index=0", "nothing"):
        headers = ask(server.url, place).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy and "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert ask(server.url, "api/dataset").headers["Cache-Control"] == "no-store"


def test_the_page_names_nothing_from_elsewhere(server: ViewServer) -> None:
    for name in ("", "page.js", "drawing.js", "page.css"):
        text = ask(server.url, name).body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "//cdn" not in text
        assert "innerHTML" not in text and "insertAdjacentHTML" not in text and "document.write" not in text


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("api/sample?index=99", 400),
        ("api/sample?index=-1", 400),
        ("api/sample?index=x", 400),
        ("api/sample", 400),
        ("image?index=99", 400),
        ("masks?index=99", 400),
        ("api/samples?first=x", 400),
        ("api/samples?label=x", 400),
        ("api/fed?index=0", 400),
    ],
)
def test_questions_that_make_no_sense(place: str, status: int, server: ViewServer) -> None:
    answer = ask(server.url, place)
    assert (answer.status, list(answer.json)) == (status, ["error"])


def test_what_fails_is_said_and_ends_nothing(seen: Path) -> None:
    def broken(index: int, epoch: int) -> Any:
        raise RuntimeError("the <b>transform</b> failed")

    with viewing(seen, broken) as server:
        answer = ask(server.url, "api/fed?index=0&epoch=0")
        assert (answer.status, answer.json) == (500, {"error": "RuntimeError: the <b>transform</b> failed"})
        assert ask(server.url, "api/dataset").status == 200


def test_a_connection_is_used_again(server: ViewServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    for _ in range(3):
        connection.request("GET", f"/{server.token}/api/dataset")
        assert json.loads(connection.getresponse().read())["samples"] == 30
    # What comes with a request that has no business to bring anything is no request of its own.
    connection.request("POST", f"/{server.token}/api/check", b"GET /x HTTP/1.1\r\n\r\n")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection", "")) in ((200, ""), (200, "close"))
    answer.read()
    connection.close()


def test_many_at_once(server: ViewServer) -> None:
    statuses: list[int] = []

    def load(index: int) -> None:
        statuses.append(ask(server.url, f"image?index={index}").status)
        statuses.append(ask(server.url, f"api/sample?index={index}").status)

    threads = [threading.Thread(target=load, args=(index,)) for index in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 60


def test_a_port_that_is_taken(seen: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} cannot be had"):
            ViewServer(Answers.__new__(Answers), port)
    with pytest.raises(ConfigError, match="port 70000 cannot be had"):
        ViewServer(Answers.__new__(Answers), 70000)

"""A real server on a free port of loopback, in a thread or a process of its own."""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from sedt.detector import Detector, load
from sedt.events import Event
from sedt.serve.server import bind, make_server
from sedt.serve.settings import ServeSettings

RECORDING = Path(str(files("sedt") / "bundled" / "recording" / "recording.ogg"))
PATIENCE_S = 300
"""Enough for a busy machine to import torch."""


@cache
def demo() -> Detector:
    return load("demo")


@cache
def offline() -> list[Event]:
    """What `Detector.detect` finds in the bundled recording."""
    return demo().detect(RECORDING)


@contextmanager
def serving(number: int = 0, detector: Detector | None = None, **settings: Any) -> Iterator[str]:
    """A server in a thread, of the demonstration model unless another is given; its host and port."""
    port = bind("127.0.0.1", number)
    address = "{}:{}".format(*port.getsockname())
    server = make_server(detector or demo(), ServeSettings(**{"stop_s": 2, **settings}))
    thread = Thread(target=server.run, kwargs={"sockets": [port]})
    thread.start()
    try:
        until(lambda: server.started)
        yield address
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@contextmanager
def process(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`sedt serve` as a user starts it; host and port."""
    code = "from sedt.cli.main import run; run()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--port", "0", *options],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert server.stderr is not None
        ready, _, _ = select.select([server.stderr], [], [], PATIENCE_S)
        line = server.stderr.readline() if ready else "nothing was said"
        yield server, json.loads(line)["url"].removeprefix("http://").rstrip("/")
    finally:
        server.kill()
        server.communicate()


def until(condition: Any, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def post(address: str, path: str = "/detect", **options: Any) -> httpx.Response:
    """An upload; the bundled recording unless `files` says another."""
    options.setdefault("files", {"file": (RECORDING.name, RECORDING.read_bytes())})
    return httpx.post(f"http://{address}{path}", timeout=PATIENCE_S, **options)


def get(address: str, path: str, **options: Any) -> httpx.Response:
    return httpx.get(f"http://{address}{path}", timeout=PATIENCE_S, **options)


def assert_as_offline(entries: list[dict[str, Any]], events: list[Event] | None = None) -> None:
    """Within 1e-4 in score and 1 ms in time."""
    wanted = offline() if events is None else events
    assert [one["event_label"] for one in entries] == [event.label for event in wanted]
    for one, event in zip(entries, wanted, strict=True):
        assert abs(one["onset"] - event.onset) < 0.001
        assert abs(one["offset"] - event.offset) < 0.001
        assert abs(one["score"] - (event.score or 0)) < 1e-4


def half_sent(address: str, body: bytes, sent: int) -> socket.socket:
    """A connection on which a part of an upload was sent."""
    connection = connect(address)
    connection.sendall(head(address, len(body)) + body[:sent])
    return connection


def connect(address: str) -> socket.socket:
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), PATIENCE_S)


def head(address: str, length: int) -> bytes:
    return (
        f"POST /detect HTTP/1.1\r\nHost: {address}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


def form(name: str = RECORDING.name, data: bytes | None = None) -> bytes:
    """The body of an upload."""
    start = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return start.encode() + (RECORDING.read_bytes() if data is None else data) + b"\r\n--b--\r\n"


def answer(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of an answer that ends with its connection."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    top, _, body = data.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, json.loads(body)

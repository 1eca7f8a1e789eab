"""Connections that ask nothing: closed in time, and for others."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import ExitStack, suppress

import httpx
from serving import answer, assert_as_offline, connect, form, get, half_sent, post, serving, until


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_thousands_opened_and_left() -> None:
    with serving(max_connections=64, request_head_s=2, upload_start_s=600) as address, ExitStack() as stack:
        busy = stack.enter_context(half_sent(address, form(), 1000))
        until(lambda: get(address, "/health").json()["queue"] == 1)
        left = [stack.enter_context(connect(address)) for _ in range(2000)]
        assert get(address, "/health").json()["queue"] == 1
        until(lambda: sum(not is_closed(one) for one in left) <= 64)
        until(lambda: all(map(is_closed, left)), 60)
        busy.sendall(form()[1000:])
        assert_as_offline(answer(busy)[2]["events"])
        assert post(address).status_code == 200


def test_a_head_that_does_not_end_and_a_body_that_nobody_reads() -> None:
    with serving(request_head_s=2) as address, connect(address) as slow, connect(address) as second:
        second.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert second.recv(12) == b"HTTP/1.1 200"
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: ")
        deadline = time.monotonic() + 60
        while not is_closed(slow):  # bytes alone keep nothing open
            assert time.monotonic() < deadline
            time.sleep(0.1)
            slow.setblocking(True)
            with suppress(ConnectionError):
                slow.sendall(b"a")
    with serving(max_upload_bytes=1000) as address, connect(address) as connection:
        connection.sendall(
            b"POST /detect HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 1000000000\r\n\r\n"
        )
        assert answer(connection)[0] == 413


def test_a_slow_line_gets_all_of_a_long_answer() -> None:
    """Its rest waits in the server long after the request is done."""
    events = [{"onset": 1, "offset": 2, "event_label": "a"}] * 100_000
    body = json.dumps({"filename": "n" * 170 + ".wav", "events": events}).encode()
    head = b"POST /convert?format=csv HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with serving(request_head_s=1) as address, connect(address) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        line.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        got = line.recv(1 << 16)
        for _ in range(8):
            time.sleep(0.25)
            got += line.recv(1 << 16)
        assert got.startswith(b"HTTP/1.1 200"), got[:300]
        size = int(re.search(rb"(?i)content-length: (\d+)", got)[1])
        assert size > 15_000_000
        while len(got) < size and (more := line.recv(1 << 20)):
            got += more
        assert len(got) - got.index(b"\r\n\r\n") - 4 == size


def test_where_all_are_busy_one_more_is_told_so() -> None:
    with serving(max_connections=2) as address, ExitStack() as stack:
        busy = [stack.enter_context(half_sent(address, form(), 1000)) for _ in range(2)]
        with httpx.Client() as client:
            until(lambda: is_full(client, address))
            response = client.get(f"http://{address}/health")
            assert (response.status_code, response.headers["retry-after"]) == (503, "2")
            assert response.json() == {"detail": "too many connections: try later"}
        for one in busy:
            one.sendall(form()[1000:])
            assert answer(one)[0] == 200


def is_full(client: httpx.Client, address: str) -> bool:
    return client.get(f"http://{address}/health").status_code == 503


def test_connections_are_used_again() -> None:
    with serving() as address, httpx.Client(timeout=60) as client:
        for _ in range(3):
            assert client.get(f"http://{address}/health").status_code == 200
            assert client.get(f"http://{address}/nothing").status_code == 404

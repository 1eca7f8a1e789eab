"""`sedt serve` as a process: stopped, killed, in the way of another."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from serving import PATIENCE_S, answer, assert_as_offline, form, get, half_sent, post, process, until
from serving import connect as tcp
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def in_hand(address: str, number: int) -> None:
    until(lambda: get(address, "/health").json()["queue"] == number)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_lets_what_is_in_hand_end(number: int, code: int) -> None:
    with process("--stop-s", "60") as (server, address), half_sent(address, form(), 1000) as connection:
        in_hand(address, 1)
        server.send_signal(number)
        host, port = address.split(":")
        until(lambda: socket.socket().connect_ex((host, int(port))) != 0)
        connection.sendall(form()[1000:])
        status, _, found = answer(connection)
        assert status == 200
        assert_as_offline(found["events"])
        _, log = server.communicate(timeout=PATIENCE_S)
    assert server.returncode == code
    lines = log.splitlines()
    if number == signal.SIGINT:
        assert lines.pop() == "sedt: interrupted"
    entries = [json.loads(line) for line in lines]
    assert entries[-1]["message"] == "stopped"
    [request] = [one for one in entries if one.get("path") == "/detect"]
    told = {key: request[key] for key in ("method", "status", "audio_s", "events", "client", "level")}
    assert told == {
        "method": "POST",
        "status": 200,
        "audio_s": 20.0,
        "events": len(found["events"]),
        "client": "127.0.0.1",
        "level": "info",
    }


@pytest.mark.slow
def test_ctrl_c_twice_ends_at_once() -> None:
    with process("--stop-s", "600") as (server, address), half_sent(address, form(), 1000):
        in_hand(address, 1)
        server.send_signal(signal.SIGINT)
        time.sleep(2)
        assert server.poll() is None
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=PATIENCE_S)
    assert server.returncode == 130


@pytest.mark.slow
def test_a_stop_does_not_wait_for_ever() -> None:
    with process("--stop-s", "1") as (server, address), half_sent(address, form(), 1000):
        in_hand(address, 1)
        start = time.monotonic()
        server.send_signal(signal.SIGTERM)
        _, logged = server.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - start < 30
    assert server.returncode == 143
    assert "Traceback" not in logged
    assert '"status": 503' in logged


def test_killed_in_mid_request() -> None:
    with process("--token", "secret") as (server, address), ExitStack() as stack:
        websocket = stack.enter_context(connect(f"ws://{address}/stream?sample_rate=16000&token=secret"))
        websocket.send(bytes(64_000))
        waiting = stack.enter_context(tcp(address))
        waiting.sendall(
            b"POST /detect?token=secret HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + form()[:1000]
        )
        in_hand(address, 1)
        ended: list[object] = []

        def wait() -> None:
            try:
                ended.append(waiting.recv(100))
            except ConnectionError as error:
                ended.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        server.kill()
        thread.join(30)
        assert not thread.is_alive(), "who waits is told"
        assert ended == [b""] or isinstance(ended[0], ConnectionError)
        with pytest.raises(ConnectionClosed):
            websocket.recv(30)
        _, log = server.communicate(timeout=30)
    assert "secret" not in log


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_a_bomb_does_not_fill_memory() -> None:
    file = BytesIO()
    soundfile.write(file, np.zeros((4_000_000, 2), np.int16), 8000, format="FLAC")
    data = bytearray(file.getvalue())
    data[21] &= 0xF0
    data[22:26] = bytes(4)  # nothing is said of its length
    with process("--max-minutes", "1") as (server, address):
        assert post(address).status_code == 200
        before = peak_mb(server.pid)
        response = post(address, files={"file": ("a.flac", bytes(data))})
        assert response.status_code == 413
        assert peak_mb(server.pid) - before < 150


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024

"""The WebSocket: what comes of samples as they come is what `Detector.detect` has of the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from serving import RECORDING, assert_as_offline, demo, get, post, serving, until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sedt.audio import read_audio


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(max_streams=2, stream_idle_s=30) as at:
        yield at


def opened(address: str, query: str = "sample_rate=48000", **options: Any) -> ClientConnection:
    return connect(f"ws://{address}/stream?{query}", max_size=None, **options)


def samples(rate: int) -> NDArray[np.float32]:
    return read_audio(RECORDING, rate)


def messages(websocket: ClientConnection) -> tuple[list[dict[str, Any]], int | None, str | None]:
    """All that come, and code and reason of the close."""
    found = []
    try:
        while True:
            found.append(json.loads(websocket.recv(60)))
    except ConnectionClosed:
        pass
    return found, websocket.close_code, websocket.close_reason


@pytest.mark.parametrize(("block", "rate"), [(4801, 48_000), (10**7, 44_100), (1600, 16_000)])
def test_events_are_those_of_the_whole(address: str, block: int, rate: int) -> None:
    audio = samples(rate)
    with opened(address, f"sample_rate={rate}&format=f32") as websocket:
        for start in range(0, len(audio), block):
            websocket.send(audio[start : start + block].tobytes())
        websocket.send(b"")
        found, code, _ = messages(websocket)
    end = found.pop()
    assert (end, code) == ({"end": True, "duration": pytest.approx(20.0)}, 1000)
    ordered = sorted(found, key=lambda one: (one["onset"], one["offset"]))
    assert_as_offline(ordered, demo().detect(audio, rate))


def test_integers_and_a_threshold(address: str) -> None:
    audio = np.rint(samples(16_000) * 32767).astype("<i2")
    with opened(address, "sample_rate=16000&format=s16&threshold=0.8") as websocket:
        websocket.send(audio.tobytes())
        websocket.send(b"")
        *found, _ = messages(websocket)[0]
    assert_as_offline(found, demo().detect(audio, 16_000, threshold=0.8))


def test_an_event_comes_before_the_end(address: str) -> None:
    audio = np.tile(samples(16_000), 2)
    with opened(address, "sample_rate=16000") as websocket:
        websocket.send(audio[: 21 * 16_000].tobytes())
        first = json.loads(websocket.recv(60))
        assert first["offset"] < 6
        websocket.send(b"")
        assert messages(websocket)[0][-1] == {"end": True, "duration": 21.0}


def test_a_message_that_is_too_long(address: str) -> None:
    with opened(address) as websocket:
        with suppress(ConnectionClosed):  # the server stops to read in its midst
            websocket.send(bytes(17 << 20))
        found, code, _ = messages(websocket)
        assert found == []
        assert code in {1009, 1006}
    until(lambda: get(address, "/health").json()["streams"] == 0)
    assert post(address).status_code == 200


def test_nothing_sent_but_the_end(address: str) -> None:
    with opened(address) as websocket:
        websocket.send(b"")
        assert messages(websocket) == ([{"end": True, "duration": 0.0}], 1000, "")


@pytest.mark.parametrize(
    ("sent", "code", "told"),
    [
        ("text", 1003, "text came"),
        (b"abc", 1003, "3 bytes are no whole samples of float32"),
        (
            np.full(80_000, np.nan, np.float32).tobytes(),
            1003,
            "audio: a sample at 0.000 s is not a finite number",
        ),
        (
            np.r_[np.zeros(4800), np.inf].astype(np.float32).tobytes(),
            1003,
            "a sample at 0.100 s is not a finite",
        ),
    ],
)
def test_what_are_no_samples(address: str, sent: str | bytes, code: int, told: str) -> None:
    with opened(address) as websocket:
        websocket.send(sent)
        found, closed, reason = messages(websocket)
    assert (found, closed) == ([], code)
    assert told in str(reason)
    assert post(address).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sample_rate=0",
        "sample_rate=x",
        "sample_rate=-16000",
        "sample_rate=999999999999",
        "sample_rate=1e4",
    ]
    + [f"sample_rate=16000&{one}" for one in ("format=mp3", "threshold=2", "threshold=nan", "threshold=x")],
)
def test_wrong_queries(address: str, query: str) -> None:
    with opened(address, query) as websocket:
        found, code, reason = messages(websocket)
    assert (found, code) == ([], 1008)
    assert "must" in str(reason)


def test_too_many_streams_and_those_that_leave(address: str) -> None:
    with opened(address) as first, opened(address):
        until(lambda: get(address, "/health").json()["streams"] == 2)
        with opened(address) as third:
            assert messages(third)[1:] == (1013, "2 streams are open: try again later")
        first.send(samples(48_000).tobytes())
        first.socket.close()  # no farewell
    until(lambda: get(address, "/health").json()["streams"] == 0)
    with opened(address) as again:
        again.send(b"")
        assert messages(again)[1] == 1000


def test_one_that_sends_nothing_is_closed() -> None:
    with serving(stream_idle_s=0.2) as address, opened(address) as websocket:
        assert messages(websocket)[1:] == (1008, "no samples for 0.2 s")


def test_tokens_and_other_sites() -> None:
    with serving(token="right") as address:
        for query in ("sample_rate=48000", "sample_rate=48000&token=wrong"):
            with opened(address, query) as websocket:
                _, code, reason = messages(websocket)
            assert code == 1008
            assert "token" in str(reason)
        for query, headers in (("&token=right", {}), ("", {"Authorization": "Bearer right"})):
            with opened(address, f"sample_rate=48000{query}", additional_headers=headers) as websocket:
                websocket.send(b"")
                assert messages(websocket)[1] == 1000
        with opened(address, "sample_rate=48000&token=right", origin="https://example.org") as websocket:
            assert messages(websocket)[1] == 1008


def test_a_stop_ends_streams() -> None:
    with ExitStack() as stack:
        with serving() as address:
            websocket = stack.enter_context(opened(address))
            websocket.send(samples(48_000).tobytes())
        assert messages(websocket)[1] == 1012


def test_other_paths_have_no_websocket(address: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://{address}/detect")

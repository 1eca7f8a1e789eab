"""What is wrong with a request is told in one line; the server goes on."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from serving import (
    RECORDING,
    answer,
    assert_as_offline,
    connect,
    form,
    get,
    half_sent,
    head,
    offline,
    post,
    serving,
    until,
)

from sedt.audio import write_audio

LIMITS = {"max_upload_bytes": 200_000, "max_duration_s": 60.0}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(**LIMITS) as at:
        yield at
        assert get(at, "/health").json()["queue"] == 0
        assert_as_offline(post(at).json()["events"])


def wav(samples: Any, rate: int = 16_000, container: str = "WAV", subtype: str | None = None) -> bytes:
    file = BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype)
    return file.getvalue()


def assert_told(response: Any, status: int, told: str) -> None:
    assert response.status_code == status, response.text
    assert set(response.json()) == {"detail"}
    assert told in response.json()["detail"]
    assert len(response.json()["detail"].splitlines()) == 1
    assert "/tmp" not in response.text


NAN = np.r_[np.zeros(8000), np.nan, np.zeros(8000)]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.wav", b"", "a.wav: an empty file (0 bytes)"),
        ("a.wav", b"RIFF", "a.wav: not audio that can be decoded"),
        ("a.txt", b"some text\n" * 100, "a.txt: not audio that can be decoded"),
        ("a.mp3", wav(np.zeros(0)), "a.mp3: has no samples"),
        ("a.wav", wav(NAN, subtype="FLOAT"), "a.wav: a sample at 0.500 s is not a finite number"),
        ("a.ogg", RECORDING.read_bytes()[:200], "a.ogg: "),
        ("a.wav", wav(np.zeros(10), rate=3), "a.wav: 3 samples per second: must be 1000 to 800000"),
        ("../a.wav", b"x", "'../a.wav': a file name must not have a path"),
        ("..\\a.wav", b"x", "a file name must not have a path"),
        ("/etc/passwd", b"x", "'/etc/passwd': a file name must not have a path"),
        ("..", b"x", "'..': a file name must not have a path"),
        (".hidden.wav", b"x", "must not begin with a dot"),
        ("a\x7f.wav", b"x", "control characters"),
        ("ä" * 100 + ".wav", b"x", "a file name of more than 180 bytes"),
    ],
)
def test_files(address: str, name: str, data: bytes, told: str) -> None:
    assert_told(post(address, files={"file": (name, data)}), 400, told)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"threshold": "1.5"}, "threshold: Input should be less than or equal to 1, not '1.5'"),
        ({"threshold": "-0.1"}, "threshold: "),
        ({"threshold": "nan"}, "threshold: "),
        ({"threshold": "much"}, "threshold: "),
        ({"undecided": "perhaps"}, "undecided: "),
        ({"format": "mp3"}, "format 'mp3': must be one of tsv, csv, json"),
        ({"threshold": "0.5", "undecided": "true"}, "no threshold can be applied"),
    ],
)
def test_queries(address: str, query: dict[str, str], told: str) -> None:
    assert_told(post(address, params=query), 400, told)


def test_an_upload_that_is_too_large_whatever_its_head_says(address: str) -> None:
    assert_told(post(address, files={"file": ("a.wav", bytes(300_000))}), 413, "limit of 0.2 MB")
    with connect(address) as connection:  # by its head alone
        connection.sendall(head(address, 10**12))
        assert answer(connection)[0] == 413

    def chunks() -> Iterator[bytes]:
        yield form(data=b"")[:-8]
        for _ in range(40):
            yield bytes(10_000)

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert_told(post(address, content=chunks(), headers=kind, files=None), 413, "limit of 0.2 MB")


def test_decompression_bombs(address: str, tmp_path: Path) -> None:
    flac = wav(np.zeros(4000 * 3600 * 3, np.int16), 4000, "FLAC", "PCM_16")
    write_audio(tmp_path / "a.ogg", np.zeros(8000 * 900, np.float32), 8000)
    for name, data in (("a.flac", flac), ("a.ogg", (tmp_path / "a.ogg").read_bytes())):
        assert len(data) < 200_000
        assert_told(post(address, files={"file": (name, data)}), 413, "longer than the limit of 1 minutes")


def test_a_bomb_whose_head_says_nothing(address: str) -> None:
    data = bytearray(wav(np.zeros(4000 * 3600 * 3, np.int16), 4000, "FLAC", "PCM_16"))
    assert data[:4] == b"fLaC"
    data[21] &= 0xF0  # STREAMINFO: 36 bits of total samples; 0 means unknown
    data[22:26] = bytes(4)
    start = time.monotonic()
    assert_told(post(address, files={"file": ("a.flac", bytes(data))}), 413, "longer than the limit")
    assert time.monotonic() - start < 60, "it is not decoded to its end"


def test_forms(address: str) -> None:
    assert_told(post(address, files={"other": ("a.wav", b"x")}), 422, "no file in a field `file`")
    assert_told(
        post(address, files={}, data={"file": "text"}), 415, "not 'application/x-www-form-urlencoded'"
    )
    assert_told(post(address, files={}, content=b"RIFF"), 415, "no type is given")
    assert_told(post(address, files=None, json={"a": 1}), 415, "not 'application/json'")
    two = [("file", ("a.wav", b"x")), ("file", ("b.wav", b"x"))]
    assert_told(post(address, files=two), 422, "Too many files")
    for body in (b"", b"no form", b"--b\r\n\r\n", form()[:-9]):
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        assert_told(post(address, files=None, content=body, headers=kind), 422, "")
    kind = {"Content-Type": "multipart/form-data"}
    assert_told(post(address, files=None, content=form(), headers=kind), 422, "Missing boundary")


def test_paths_and_methods(address: str) -> None:
    assert_told(get(address, "/nothing"), 404, "no such path: '/nothing'")
    assert_told(get(address, "/page/../../settings.py"), 404, "")
    assert_told(get(address, "/page/%2e%2e/settings.py"), 404, "")
    assert_told(get(address, "/page/%2e%2e%2fsettings.py"), 404, "")
    assert_told(httpx.request("MADEUP", f"http://{address}/detect"), 405, "MADEUP is not answered")
    assert "MADEUP" not in get(address, "/metrics").text
    assert_told(get(address, "/detect"), 405, "GET is not answered at /detect")
    assert_told(post(address, "/corrections"), 404, "saves no corrections")


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        ({"filename": "a.wav"}, 422, "events: Field required"),
        ({"filename": "a.wav", "events": [{"onset": 1}]}, 422, "events.0.offset: Field required"),
        ({"filename": "a.wav", "events": 3}, 422, "events: "),
        ([], 422, "body: "),
        ({"filename": "../a", "events": []}, 400, "must not have a path"),
        (
            {"filename": "a.wav", "events": [{"onset": 2, "offset": 1, "event_label": "x"}]},
            400,
            "events[0]: offset",
        ),
        ({"filename": "a.wav", "events": [{"onset": 0, "offset": 1, "event_label": "x\ty"}]}, 400, ""),
        (
            {"filename": "a.wav", "events": [{"onset": 0, "offset": 1, "event_label": "x", "score": 7}]},
            400,
            "score",
        ),
    ],
)
def test_conversions(address: str, sent: Any, status: int, told: str) -> None:
    assert_told(post(address, "/convert", params={"format": "tsv"}, files={}, json=sent), status, told)


def test_conversions_of_what_is_no_json(address: str) -> None:
    for text in (
        b"{",
        b"",
        b"\xff",
        b'{"filename":"a","events":[{"onset":NaN,"offset":1,"event_label":"x"}]}',
        b"[" * 100_000,
    ):
        response = post(address, "/convert", params={"format": "tsv"}, files={}, content=text)
        assert_told(response, 400 if b"NaN" in text else 422, "")
    assert_told(post(address, "/convert", files={}, json={}), 400, "format: Field required")


def test_what_is_no_http(address: str) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET\r\n\r\n", b"A" * 100_000):
        with connect(address) as connection:
            connection.sendall(sent)
            assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_a_sender_who_leaves(address: str) -> None:
    """Nothing is detected for one: 499 is logged and counted."""

    def given_up() -> float:
        told = get(address, "/metrics").text
        counts = re.findall(r"^sedt_requests_total\{(.*)\} (.*)$", told, re.MULTILINE)
        return sum(float(n) for labels, n in counts if '"/detect"' in labels and 'status="499"' in labels)

    before = given_up()
    connection = half_sent(address, form(), 50_000)
    until(lambda: get(address, "/health").json()["queue"] == 1)
    connection.close()
    until(lambda: get(address, "/health").json()["queue"] == 0)
    connection = half_sent(address, form(), len(form()))  # all is sent, the answer is not waited for
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()
    until(lambda: get(address, "/health").json()["queue"] == 0)
    until(lambda: given_up() == before + 2, patience_s=10)


def test_a_half_sent_body_is_given_up() -> None:
    with serving(upload_start_s=0.3, upload_bytes_per_s=1_000_000) as address:
        with half_sent(address, form(), 5000) as connection:
            status, _, told = answer(connection)
        assert status == 408
        assert re.search(r"bytes came in \d+ s: given up", told["detail"])
        assert get(address, "/health").json()["queue"] == 0


def test_tokens() -> None:
    with serving(token="right") as address:
        assert_told(post(address), 401, "a token is needed")
        assert get(address, "/metrics").headers["www-authenticate"] == "Bearer"
        for wrong in ("wrong", "right2", "righ", "\xe9"):
            head = {"Authorization": f"Bearer {wrong}".encode("latin-1")}
            assert_told(post(address, headers=head), 401, "the token is wrong")
        assert_told(
            get(address, "/model", headers={"Authorization": "Basic right"}), 401, "a token is needed"
        )
        assert_told(get(address, "/model", params={"token": "wrong"}), 401, "the token is wrong")
        assert_as_offline(
            post(address, headers={"Authorization": "Bearer right"}).json()["events"], offline()
        )
        assert get(address, "/model", params={"token": "right"}).status_code == 200
        for path in ("/", "/health", "/page/index.html"):
            assert get(address, path).status_code == 200


def test_pages_of_other_sites(address: str) -> None:
    assert_told(post(address, headers={"Origin": "https://example.org"}), 403, "may not use this server")
    assert post(address, headers={"Origin": f"http://{address}"}).status_code == 200
    # A name that somebody has pointed at this machine makes their page one site with it.
    rebound = {"Origin": "http://evil.example", "Host": "evil.example"}
    assert_told(post(address, headers=rebound), 403, "may not use this server")
    with serving(origins=("http://evil.example",)) as known:
        assert post(known, headers=rebound).status_code == 200
    with serving(origins=("https://example.org",)) as other:
        allowed = {"Origin": "https://example.org"}
        response = post(other, headers=allowed)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == "https://example.org"
        before = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        asked = httpx.options(f"http://{other}/detect", headers={**allowed, **before})
        assert asked.status_code == 200
        assert_told(post(other, headers={"Origin": "http://["}), 403, "may not use this server")
        assert_told(post(other, headers={"Origin": "null"}), 403, "may not use this server")


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with serving(**LIMITS) as address:
        for name in ("a.wav", "../a.wav"):
            post(address, files={"file": (name, b"no audio")})
        post(address)
        post(address, params={"format": "tsv"})
        post(address, files={"file": ("a.wav", bytes(300_000))})
        half_sent(address, form(), 5000).close()
        until(lambda: get(address, "/health").json()["queue"] == 0)
    assert list(tmp_path.iterdir()) == []

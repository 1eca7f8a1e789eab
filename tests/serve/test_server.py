"""What is served is what the detector finds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from serving import (
    RECORDING,
    answer,
    assert_as_offline,
    demo,
    form,
    get,
    half_sent,
    offline,
    post,
    serving,
    until,
)

from sedt.audio import read_audio
from sedt.events import Event
from sedt.formats import FORMATS, read_events


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as at:
        yield at


def test_detection_is_the_detectors(address: str) -> None:
    response = post(address)
    assert response.status_code == 200
    found = response.json()
    assert set(found) == {"filename", "duration", "model", "events"}
    assert (found["filename"], found["model"]) == ("recording.ogg", "demo")
    assert found["duration"] == pytest.approx(demo().duration_s(RECORDING), abs=0.001)
    assert len(found["events"]) >= 4
    assert_as_offline(found["events"])


@pytest.mark.parametrize("threshold", [0.05, 0.9])
def test_a_threshold(address: str, threshold: float) -> None:
    found = post(address, params={"threshold": threshold}).json()["events"]
    assert_as_offline(found, demo().detect(RECORDING, threshold=threshold))


def test_undecided(address: str) -> None:
    found = post(address, params={"undecided": True}).json()["events"]
    wanted = demo().detect(RECORDING, undecided=True)
    assert len(wanted) > 20
    assert_as_offline(found, wanted)


def test_a_sweep_is_the_detector_at_every_threshold(address: str) -> None:
    found = post(address, params={"sweep": True}).json()
    assert_as_offline(found["events"])
    assert [one["threshold"] for one in found["sweep"]] == [round(0.05 * step, 2) for step in range(1, 20)]
    for one in found["sweep"]:
        assert_as_offline(one["events"], demo().detect(RECORDING, threshold=one["threshold"]))
    assert len({len(one["events"]) for one in found["sweep"]}) > 2
    refused = post(address, params={"sweep": True, "threshold": 0.5})
    assert (refused.status_code, refused.json()["detail"].split(":")[0]) == (
        400, "sweep is JSON of all thresholds"
    )  # fmt: skip


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "json"])
def test_formats(address: str, tmp_path: Path, name: str) -> None:
    response = post(address, params={"format": name})
    assert response.status_code == 200
    ending = FORMATS[name].ending
    assert response.headers["content-disposition"].endswith(f"recording.ogg.{ending}")
    (tmp_path / f"recording.ogg.{ending}").write_bytes(response.content)
    [events] = read_events(tmp_path / f"recording.ogg.{ending}", name).values()
    tolerance_s = 0.03 if name == "scores" else 0.0011
    assert sorted((e.label, e.onset) for e in events) == [
        (label, pytest.approx(onset, abs=tolerance_s))
        for label, onset in sorted((e.label, e.onset) for e in offline())
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_convert(address: str, tmp_path: Path, name: str) -> None:
    given = [
        {"onset": 0.5, "offset": 1.25, "event_label": "dog", "score": 0.75},
        {"onset": 2, "offset": 3, "event_label": "cat", "score": None},
    ]
    given = given[:1] if name == "scores" else given
    response = post(
        address, "/convert", params={"format": name}, files={}, json={"filename": "a.wav", "events": given}
    )
    assert response.status_code == 200, response.text
    path = tmp_path / f"a.wav.{FORMATS[name].ending}"
    path.write_bytes(response.content)
    [events] = read_events(path, name).values()
    tolerance_s = 0.03 if name == "scores" else 0.0011
    got = sorted(events, key=lambda e: e.label, reverse=True)
    assert [(e.label, e.onset, e.offset) for e in got] == [
        (one["event_label"], approx(one["onset"], tolerance_s), approx(one["offset"], tolerance_s))
        for one in given
    ]
    if FORMATS[name].holds_scores:
        assert [e.score for e in got] == [one["score"] for one in given]


def approx(seconds: object, tolerance_s: float) -> object:
    return pytest.approx(seconds, abs=tolerance_s)


def test_silence(address: str) -> None:
    file = BytesIO()
    soundfile.write(file, np.zeros(320_000), 16_000, format="WAV")
    response = post(address, files={"file": ("silence.wav", file.getvalue())})
    assert response.status_code == 200
    assert_as_offline(response.json()["events"], demo().detect(np.zeros(320_000), 16_000))


def test_any_container(address: str) -> None:
    for container, name in (
        ("FLAC", "a.flac"),
        ("WAV", "b"),
        ("AIFF", "Straße 7 at 2.05.00\u202fPM.aif"),
    ):
        file = BytesIO()
        soundfile.write(file, read_audio(RECORDING, 44_100), 44_100, format=container)
        found = post(address, files={"file": (name, file.getvalue())}).json()
        assert found["filename"] == name
        assert {e["event_label"] for e in found["events"]} == {e.label for e in offline()}


def test_requests_that_wait_share_batches() -> None:
    with serving(workers=12) as address:
        with ThreadPoolExecutor(24) as threads:
            answers = list(threads.map(lambda _: post(address), range(24)))
        assert {one.status_code for one in answers} == {200}
        for one in answers:
            assert_as_offline(one.json()["events"])
        counts = get(address, "/metrics").text
    batches, requests = (value(counts, f"sedt_batch_requests_{name}") for name in ("count", "sum"))
    assert requests == 24
    assert batches < 24
    assert value(counts, 'sedt_requests_total{method="POST",route="/detect",status="200"}') == 24
    assert value(counts, "sedt_audio_seconds_total") == 480


def test_a_full_queue_answers_503() -> None:
    body = form()
    with serving(queue=1) as address:
        with half_sent(address, body, 1000) as first:
            until(lambda: get(address, "/health").json()["queue"] == 1)
            refused = post(address)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            assert refused.json() == {"detail": "1 requests are in hand: try again later"}
            assert get(address, "/model").status_code == 200
            first.sendall(body[1000:])
            status, _, found = answer(first)
        assert status == 200
        assert_as_offline(found["events"])
        assert post(address).status_code == 200


def test_what_it_says_of_itself(address: str) -> None:
    model = get(address, "/model").json()
    assert model["classes"] == get(address, "/labels").json()["labels"] == demo().classes
    assert (model["window_s"], model["hop_s"], model["sample_rate"]) == (10, 5, 16_000)
    assert model["thresholds"] == dict.fromkeys(demo().classes, 0.5)
    assert model["formats"] == list(FORMATS)
    assert model["saves_corrections"] is False
    health = get(address, "/health").json()
    assert (health["status"], health["model"], health["queue"]) == ("ok", "demo", 0)


def test_pages_load_nothing_from_outside(address: str) -> None:
    for path in ("/", "/page/index.html", "/docs"):
        response = get(address, path)
        assert response.status_code == 200
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", response.text)
    for path in ("/detect", "/convert", "/corrections", "/model", "/stream"):
        assert path in get(address, "/docs").text
    described = get(address, "/openapi.json").json()
    assert {"/detect", "/convert", "/corrections", "/health"} <= set(described["paths"])
    assert json.dumps(described["paths"]["/detect"]).count("binary") == 1


def value(counts: str, name: str) -> float:
    """Of a line of Prometheus' format."""
    [found] = [line.split()[-1] for line in counts.splitlines() if line.startswith(f"{name} ")]
    return float(found)


def test_events_keep_their_digits(address: str) -> None:
    events = [Event(1 / 3, 2 / 3, "ä", 0.1234567890123)]
    sent = {
        "filename": "a.wav",
        "events": [{"onset": 1 / 3, "offset": 2 / 3, "event_label": "ä", "score": 0.1234567890123}],
    }
    response = post(address, "/convert", params={"format": "json"}, files={}, json=sent)
    assert response.json()["files"][0]["events"] == [
        {"onset": events[0].onset, "offset": events[0].offset, "label": "ä", "score": events[0].score}
    ]

"""`sedt listen`: a process that is fed through a pipe."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from typer.testing import CliRunner

from sedt.audio import read_audio
from sedt.cli.main import app
from sedt.detector import load
from sedt.events import Event

SEDT = [sys.executable, "-c", "from sedt.cli.main import run; run()"]
HEADER = "filename\tonset\toffset\tevent_label\tscore\n"
RATE = 16_000
PATIENCE_S = 120
"""Enough for a busy machine to import torch."""


@pytest.fixture(scope="module")
def samples() -> NDArray[np.float32]:
    """The bundled recording three times: a minute with sounds that the bundled model knows."""
    with as_file(files("sedt") / "bundled" / "recording" / "recording.ogg") as file:
        return np.tile(read_audio(file, RATE), 3)


@pytest.fixture(scope="module")
def events(samples: NDArray[np.float32]) -> list[Event]:
    found = load("demo").detect(as_sent(samples), RATE)
    assert len(found) > 8
    return found


def as_sent(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(samples * 32767).astype("<i2")


@contextmanager
def listening(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*SEDT, "listen", "-", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell starts what runs in its background with Ctrl-C ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[bytes], patience_s: float = PATIENCE_S) -> str:
    """The next line that it prints."""
    assert process.stdout is not None
    deadline, line = time.monotonic() + patience_s, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing printed within {patience_s} s"
        piece = process.stdout.raw.read(1)  # type: ignore[attr-defined]
        assert piece, process.communicate()
        line += piece
    return line.decode()


def send(process: subprocess.Popen[bytes], samples: NDArray[Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(samples.tobytes())
    process.stdin.flush()


def rows(table: str) -> list[tuple[float, float, str]]:
    fields = [line.split("\t") for line in table.splitlines()]
    return sorted((float(onset), float(offset), label) for _, onset, offset, label, _ in fields)


def expected(events: list[Event]) -> list[tuple[float, float, str]]:
    return sorted((event.onset, event.offset, event.label) for event in events)


def assert_same(found: list[tuple[float, float, str]], events: list[Event]) -> None:
    assert [label for _, _, label in found] == [label for _, _, label in expected(events)]
    for edge in (0, 1):
        wanted = [times[edge] for times in expected(events)]
        assert [times[edge] for times in found] == pytest.approx(wanted, abs=0.002)


def test_each_event_is_printed_a_window_and_a_hop_after_its_end_at_the_latest(
    samples: NDArray[np.float32], events: list[Event]
) -> None:
    detector = load("demo")
    longest_s = detector.window_s + detector.hop_s
    data, sent, table = as_sent(samples), 0, ""
    with listening() as process:
        assert line_of(process) == HEADER
        for event in sorted(events, key=lambda e: e.offset):
            # No more is sent until its line is out; so it cannot have needed more.
            until = min(round((event.offset + longest_s) * RATE), len(data) - 1)
            send(process, data[sent:until])
            sent = max(sent, until)
            if until < len(data) - 1:
                table += line_of(process)
        send(process, data[sent:])
        rest, notes = process.communicate(b"x", timeout=PATIENCE_S)
        assert (process.returncode, notes.decode()) == (
            0,
            "note: the last 1 bytes are no whole sample of 1 x s16le: left out\n",
        )
    assert len(table.splitlines()) > 5
    assert_same(rows(table + rest.decode()), events)


def test_ctrl_c_prints_the_last_events_and_exits_with_130(
    samples: NDArray[np.float32], events: list[Event]
) -> None:
    with listening("--jsonl") as process:
        send(process, as_sent(samples)[: 20 * RATE])
        first = line_of(process)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert errors.decode() == "sedt: interrupted\n"
    found = [json.loads(line) for line in [first, *out.decode().splitlines()]]
    assert {tuple(entry) for entry in found} == {("filename", "onset", "offset", "event_label", "score")}
    ended = [event for event in events if event.offset < 10]
    assert {event.label for event in ended} <= {entry["event_label"] for entry in found}
    assert max(entry["offset"] for entry in found) > 15, "what the last window has is printed, too"


@pytest.mark.slow
def test_two_channels_of_floats_at_another_rate(samples: NDArray[np.float32], events: list[Event]) -> None:
    mono = soxr.resample(samples, RATE, 48_000)
    stereo = np.stack([mono * np.float32(1.5), mono * np.float32(0.5)], axis=1)
    with listening("--rate", "48000", "--channels", "2", "--format", "f32le") as process:
        out, errors = process.communicate(stereo.tobytes(), timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, b"")
    found = rows(out.decode().removeprefix(HEADER))
    wanted = load("demo").detect(stereo, 48_000)
    assert_same(found, wanted)
    assert abs(len(wanted) - len(events)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "told"),
    [(signal.SIGTERM, 143, ""), (signal.SIGINT, 130, "sedt: interrupted\n")],
)
def test_a_signal_before_anything_was_sent(number: int, code: int, told: str) -> None:
    with listening() as process:
        assert line_of(process) == HEADER
        process.send_signal(number)
        out, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, errors.decode()) == (code, b"", told)


@pytest.mark.slow
def test_a_reader_that_is_gone_ends_it_quietly(samples: NDArray[np.float32]) -> None:
    with listening() as process:
        assert line_of(process) == HEADER
        assert process.stdout is not None
        process.stdout.close()
        send(process, as_sent(samples)[: 20 * RATE])
        assert process.wait(PATIENCE_S) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.slow
def test_samples_that_are_no_numbers_are_told_after_what_came_before(samples: NDArray[np.float32]) -> None:
    data = np.concatenate([samples[: 20 * RATE], np.full(RATE, np.nan, np.float32)])
    with listening("--format", "f32le") as process:
        out, errors = process.communicate(data.tobytes(), timeout=PATIENCE_S)
    assert process.returncode == 2
    assert errors.decode() == "sedt: audio: a sample at 20.000 s is not a finite number (NaN or infinity)\n"
    wanted = load("demo").detect(samples[: 20 * RATE], RATE)
    lines = [line.split("\t") for line in out.decode().splitlines()[1:]]
    assert sorted((label, float(onset)) for _, onset, _, label, _ in lines) == [
        (event.label, pytest.approx(event.onset, abs=0.002))
        for event in sorted(wanted, key=lambda e: (e.label, e.onset))
    ]
    assert len(lines) > 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.wav"], "a.wav: `sedt listen -` reads standard input"),
        (["-", "--format", "mp3"], "--format mp3: must be one of s16le, f32le"),
        (["-", "--microphone", "3"], "--microphone 3: a pipe has none"),
        (["-", "--device", "moon"], "device moon: "),
        (["--format", "s16le"], "--format: is for samples in a pipe"),
        (["-", "--model", "nothing"], "nothing: no such model"),
    ],
)
def test_wrong_use(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["listen", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith(f"sedt: {told}")


def test_no_microphone_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = CliRunner().invoke(app, ["listen"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "sedt: the microphone needs the extra: pip install 'sedt[mic]'\n"

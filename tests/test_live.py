"""Raw samples from a pipe; blocks that a thread takes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from threading import Event, Thread
from types import SimpleNamespace
from typing import Self

import numpy as np
import pytest

from sedt.errors import InputError
from sedt.live import Block, Microphone, ahead, read_raw


def through_a_pipe(data: bytes, piece: int, channels: int, sample_format: str) -> tuple[Block, list[str]]:
    """What comes out of a pipe into which `piece` bytes at a time are written."""
    reader, writer = os.pipe()

    def write() -> None:
        for first in range(0, len(data), piece):
            os.write(writer, data[first : first + piece])
        os.close(writer)

    thread = Thread(target=write)
    thread.start()
    notes: list[str] = []
    blocks = list(read_raw(reader, 8000, channels, sample_format, notes.append))
    thread.join()
    os.close(reader)
    return np.concatenate([np.zeros((0, channels)), *blocks]), notes


@pytest.mark.parametrize("piece", [1, 3, 64, 100_000])
@pytest.mark.parametrize(("sample_format", "dtype"), [("s16le", "<i2"), ("f32le", "<f4")])
def test_samples_come_out_as_they_went_in(piece: int, sample_format: str, dtype: str) -> None:
    samples = np.random.default_rng(0).integers(-9999, 9999, (1000, 3)).astype(dtype)
    found, notes = through_a_pipe(samples.tobytes(), piece, 3, sample_format)
    np.testing.assert_array_equal(found, samples)
    assert notes == []


@pytest.mark.parametrize("extra", [1, 2, 3])
def test_bytes_too_many_are_left_out_and_told(extra: int) -> None:
    samples = np.arange(20, dtype="<i2").reshape(10, 2)
    found, notes = through_a_pipe(samples.tobytes() + b"abc"[:extra], 7, 2, "s16le")
    np.testing.assert_array_equal(found, samples)
    assert notes == [f"the last {extra} bytes are no whole sample of 2 x s16le: left out"]


def test_nothing_comes_out_of_a_pipe_that_is_closed_at_once() -> None:
    assert len(through_a_pipe(b"", 1, 1, "s16le")[0]) == 0


def test_what_cannot_be_read(tmp_path: object) -> None:
    folder = os.open(str(tmp_path), os.O_RDONLY)
    with pytest.raises(InputError, match="standard input cannot be read: Is a directory"):
        list(read_raw(folder, 8000, 1, "s16le", print))
    os.close(folder)


def numbered(how_many: int | None, pause_s: float = 0.0) -> Iterator[Block]:
    number = 0
    while how_many is None or number < how_many:
        time.sleep(pause_s)
        yield np.array([[number]])
        number += 1


def test_blocks_taken_ahead_are_all_there_in_order() -> None:
    assert [block.item() for block in ahead(numbered(1000), Event())] == list(range(1000))


def test_blocks_are_taken_while_nobody_asks_for_them() -> None:
    taken: list[int] = []

    def noted() -> Iterator[Block]:
        for block in numbered(5):
            taken.append(block.item())
            yield block

    blocks = ahead(noted(), Event())
    next(blocks)
    deadline = time.monotonic() + 10
    while len(taken) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert taken == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("pause_s", [0.0, 0.01, 1000.0])
def test_stopping_ends_a_source_without_end_after_what_was_taken(pause_s: float) -> None:
    stop = Event()
    blocks = ahead(numbered(None, pause_s), stop)
    first = [next(blocks).item() for _ in range(0 if pause_s > 1 else 20)]
    stop.set()
    start = time.monotonic()
    rest = [block.item() for block in blocks]
    assert first + rest == list(range(len(first) + len(rest)))
    assert len(rest) <= 200
    assert time.monotonic() - start < 5


def test_what_goes_wrong_in_the_thread_is_raised_here() -> None:
    def failing() -> Iterator[Block]:
        yield from numbered(3)
        raise InputError("gone")

    found: list[int] = []
    with pytest.raises(InputError, match="gone"):
        found.extend(block.item() for block in ahead(failing(), Event()))
    assert found == [0, 1, 2]


def test_without_the_extra_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # what an import finds that is not installed
    with pytest.raises(InputError, match=r"the microphone needs the extra: pip install 'sedt\[mic\]'"):
        Microphone()


class PortAudioError(Exception):
    pass


class InputStream:
    """What sounddevice would give: two blocks, then samples were lost, then the device is gone."""

    def __init__(self, **settings: object) -> None:
        assert settings == {"device": 4, "samplerate": 48_000, "channels": 2, "dtype": "float32"}
        self.reads = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, size: int) -> tuple[Block, bool]:
        self.reads += 1
        if self.reads == 5:
            raise PortAudioError("device is gone")
        return np.full((size, 2), self.reads, np.float32), self.reads > 2


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine that runs tests has a microphone, so a stand-in takes the place of the library."""

    def query_devices(device: object, kind: str) -> dict[str, object]:
        if device == "none":
            raise ValueError("No input device matching 'none'")
        return {"index": 4, "name": "USB", "default_samplerate": 48_000.0}

    module = SimpleNamespace(
        PortAudioError=PortAudioError,
        InputStream=InputStream,
        query_devices=query_devices,
        check_input_settings=lambda **settings: None,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", module)


@pytest.mark.usefixtures("library")
def test_a_microphone_until_it_is_gone() -> None:
    microphone = Microphone("USB", channels=2)
    assert (microphone.name, microphone.rate) == ("USB", 48_000)
    notes: list[str] = []
    found: list[Block] = []
    with pytest.raises(InputError, match=r"microphone: device is gone"):
        found.extend(microphone.blocks(Event(), notes.append))
    assert [block.shape for block in found] == [(4800, 2)] * 4
    assert notes == ["from 0.2 s on samples are lost: the machine is too slow"]
    with pytest.raises(InputError, match=r"microphone: No input device matching 'none' \("):
        Microphone("none")


@pytest.mark.usefixtures("library")
def test_a_microphone_until_it_is_stopped() -> None:
    stop = Event()
    blocks = Microphone(channels=2).blocks(stop, print)
    next(blocks)
    stop.set()
    assert list(blocks) == []

"""Audio as it comes: raw samples from a pipe, or a microphone (extra `mic`); blocks for `Detector.stream`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedt.errors import InputError

SAMPLE_FORMATS = {"s16le": "<i2", "f32le": "<f4"}
"""Names of raw samples, as ffmpeg has them, and their numpy types."""

BLOCK_S = 0.1
"""Seconds that are read at a time."""
_WAITING_BLOCKS = 100  # a sender is kept waiting if so many wait for the model
_POLL_S = 0.1
_FAREWELL_S = 0.5

Block = NDArray[Any]
"""(samples, channels)."""


def read_raw(
    file: int, rate: int, channels: int, sample_format: str, note: Callable[[str], None]
) -> Iterator[Block]:
    """Interleaved samples from an open file descriptor until its end, in blocks as they come.

    Bytes at the end that are less than one sample of every channel are left out; `note` is told.

    Raises:
        InputError: it cannot be read.
    """
    dtype = np.dtype(SAMPLE_FORMATS[sample_format])
    frame_bytes = dtype.itemsize * channels
    most_bytes = max(1, round(rate * BLOCK_S)) * frame_bytes
    rest = b""
    while data := _read(file, most_bytes):
        data = rest + data
        whole = len(data) - len(data) % frame_bytes
        rest = data[whole:]
        if whole:
            yield np.frombuffer(data[:whole], dtype).reshape(-1, channels)
    if rest:
        note(f"the last {len(rest)} bytes are no whole sample of {channels} x {sample_format}: left out")


class Microphone:
    """An input device of this machine, by PortAudio."""

    def __init__(self, device: str | None = None, rate: int | None = None, channels: int = 1) -> None:
        """`device` is a number or a part of a name; without it, and without `rate`, the system's defaults.

        Raises:
            InputError: the extra is not installed, there is no such device, or not with this rate and these
                channels.
        """
        self._sounddevice = _sounddevice()
        chosen = int(device) if device is not None and device.isdecimal() else device
        try:
            found = self._sounddevice.query_devices(chosen, "input")
            self.rate = rate or int(found["default_samplerate"])
            self._settings = {
                "device": found["index"],
                "samplerate": self.rate,
                "channels": channels,
                "dtype": "float32",
            }
            self._sounddevice.check_input_settings(**self._settings)
        except (ValueError, self._sounddevice.PortAudioError) as error:
            raise _failed(
                error if chosen is not None else f"none is found, or not as asked for: {error}"
            ) from error
        self.name = str(found["name"])

    def blocks(self, stop: Event, note: Callable[[str], None]) -> Iterator[Block]:
        """What it hears until `stop` is set. `note` is told once if samples are lost: times are early then.

        Raises:
            InputError: the device fails or is gone.
        """
        size, done, told = max(1, round(self.rate * BLOCK_S)), 0, False
        try:
            with self._sounddevice.InputStream(**self._settings) as stream:
                while not stop.is_set():
                    block, is_overflow = stream.read(size)
                    if is_overflow and not told:
                        told = True
                        note(f"from {done / self.rate:.1f} s on samples are lost: the machine is too slow")
                    done += len(block)
                    yield block
        except self._sounddevice.PortAudioError as error:
            raise _failed(error) from error


def ahead(blocks: Iterable[Block], stop: Event) -> Iterator[Block]:
    """The same blocks, taken by a thread of their own, so that their sender need not wait for the model.

    Ends with the blocks, or when `stop` is set and what was taken before that is used up. What `blocks`
    raises is raised here.
    """
    waiting: Queue[Block | BaseException | None] = Queue(_WAITING_BLOCKS)
    thread = Thread(target=_take, args=(blocks, waiting), daemon=True)
    thread.start()
    left = None
    while left is None or left > 0:
        if left is None and stop.is_set():
            left = waiting.qsize()  # a sender that goes on sending must not go on for ever
            continue
        try:
            block = waiting.get(timeout=_POLL_S)
        except Empty:
            continue
        if block is None:
            return
        if isinstance(block, BaseException):
            raise block
        left = None if left is None else left - 1
        yield block
    thread.join(_FAREWELL_S)  # a microphone wants to be closed; a pipe may never send again


def _read(file: int, most_bytes: int) -> bytes:
    try:
        return os.read(file, most_bytes)
    except OSError as error:
        raise InputError(f"standard input cannot be read: {error.strerror}") from error


def _take(blocks: Iterable[Block], waiting: Queue[Block | BaseException | None]) -> None:
    try:
        for block in blocks:
            waiting.put(block)
        waiting.put(None)
    except BaseException as error:
        waiting.put(error)


def _sounddevice() -> Any:
    """The library. Raises InputError: it, or the PortAudio that it needs, is not installed."""
    try:
        import sounddevice
    except ImportError as error:
        raise InputError("the microphone needs the extra: pip install 'sedt[mic]'") from error
    except OSError as error:
        raise InputError(
            f"the microphone needs PortAudio, which this system lacks (Debian: libportaudio2): {error}"
        ) from error
    return sounddevice


def _failed(error: object) -> InputError:
    return InputError(f"microphone: {error} (`python -m sounddevice` lists the devices)")

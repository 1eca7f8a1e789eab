"""Requests in hand, and the threads that detect for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag

from starlette.exceptions import HTTPException

from sedt.audio_files import open_recording
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from sedt.serve.batching import SharedBatches, StoppedError
from sedt.serve.settings import ServeSettings

RETRY_AFTER_S = 2
RATES = (1_000, 800_000)
"""Lowest and highest sample rate of a recording."""
SWEPT = tuple(step / 20 for step in range(1, 20))
"""Thresholds of a sweep, as the web page has them on its slider."""
BATCH_WINDOWS = 16
"""Windows that go through the model at once, at most."""


@dataclass(frozen=True)
class Found:
    """What is detected in a recording."""

    events: list[Event]
    duration_s: float
    sweep: dict[float, list[Event]] = field(default_factory=dict)
    """Threshold -> events, where they were asked for."""


@dataclass(frozen=True)
class Question:
    """What is asked of a recording."""

    path: Path
    name: str
    """What its sender calls it."""
    threshold: float | None = None
    undecided: bool = False
    sweep: bool = False
    """Whether events at each of `SWEPT` are wanted, too."""


class Workplace:
    """Detects for many requests at once: few threads read, one runs the model."""

    def __init__(
        self, detector: Detector, settings: ServeSettings, observe: Callable[[int, int], None]
    ) -> None:
        """`observe` is told of each batch, as `SharedBatches` tells it."""
        self._settings = settings
        self._batches = SharedBatches(detector.run_windows, BATCH_WINDOWS, observe)
        self.detector = detector.through(self._batches)
        """For any thread."""
        self._threads = ThreadPoolExecutor(settings.workers, "sedt-request")
        self.num_in_hand = 0
        self._is_stopping = Flag()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A request in hand. Raises HTTPException: there are as many as may be."""
        self.check_room()
        self.num_in_hand += 1
        try:
            yield
        finally:
            self.num_in_hand -= 1

    def check_room(self) -> None:
        """Raises HTTPException: no further request is taken now."""
        if self.num_in_hand >= self._settings.queue:
            wait = {"Retry-After": str(RETRY_AFTER_S)}
            raise HTTPException(503, f"{self.num_in_hand} requests are in hand: try again later", wait)

    async def detect(self, question: Question, gone: Flag) -> Found:
        """Events of a recording; given up once `gone` is set.

        Raises:
            InputError: the recording cannot be read.
            HTTPException: it is too long, or the server is being stopped.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._detect, question, gone
            )
        except (StoppedError, asyncio.CancelledError) as error:
            raise HTTPException(503, "the server is being stopped") from error

    def stop(self) -> None:
        """Give up what is worked on. Returns when all threads have ended."""
        self._is_stopping.set()
        self._batches.stop()
        self._threads.shutdown(cancel_futures=True)

    def check_length(self, duration_s: float | None) -> None:
        """Raises HTTPException: more than a recording may have."""
        most_s = self._settings.max_duration_s
        if duration_s is not None and duration_s > most_s:
            raise HTTPException(413, f"longer than the limit of {most_s / 60:g} minutes")

    def check_recording(self, path: Path) -> None:
        """What the header says. Raises InputError: no audio, or of no such rate; HTTPException: too long."""
        with closing(open_recording(path)) as recording:
            self.check_length(recording.stated_s)
            if not RATES[0] <= recording.sample_rate <= RATES[1]:
                # Resampling such a one takes minutes or gigabytes, however short the file is.
                rate = recording.sample_rate
                raise InputError(f"{path}: {rate} samples per second: must be {RATES[0]} to {RATES[1]}")

    def _detect(self, question: Question, gone: Flag) -> Found:
        done_s = 0.0

        def progress(seconds: float) -> None:
            nonlocal done_s
            done_s += seconds
            self.check_length(done_s)  # a header may lie
            if gone.is_set() or self._is_stopping.is_set():
                raise StoppedError("given up")

        progress(0)
        try:
            self.check_recording(question.path)
            if question.sweep:
                own, *swept = self.detector.detect_at(
                    question.path, thresholds=(None, *SWEPT), progress=progress
                )
                return Found(list(own), done_s, dict(zip(SWEPT, map(list, swept), strict=True)))
            events = self.detector.detect(
                question.path,
                threshold=question.threshold,
                undecided=question.undecided,
                progress=progress,
            )
        except InputError as error:
            raise InputError(str(error).replace(str(question.path), question.name)) from error
        return Found(events, done_s)

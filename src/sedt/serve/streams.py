"""WebSockets: raw samples in, events out as soon as they are decided."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from queue import Full, Queue
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.websockets import WebSocket, WebSocketDisconnect

from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from sedt.serve.batching import StoppedError
from sedt.serve.gate import refusal
from sedt.serve.logs import LOG, note
from sedt.serve.metrics import Metrics
from sedt.serve.settings import ServeSettings
from sedt.serve.tables import EventEntry

SAMPLE_FORMATS = {"f32": "<f4", "s16": "<i2"}
RATES = (4_000, 192_000)
"""Lowest and highest sample rate."""

_NOT_SAMPLES, _NOT_ALLOWED, _TRY_LATER, _FAILED = 1003, 1008, 1013, 1011
_WAITING_BLOCKS = 2
_POLL_S = 0.02
_REASON_BYTES = 120  # a closing frame has room for 123


class ClosingError(Exception):
    """The stream ends before its end: code and reason of the WebSocket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Streams:
    """All WebSockets of a server."""

    def __init__(self, detector: Detector, settings: ServeSettings, metrics: Metrics) -> None:
        """`detector` may be called by any thread."""
        self._detector, self._settings, self._metrics = detector, settings, metrics
        self.num_open = 0

    async def serve(self, websocket: WebSocket) -> None:
        """One from its opening to its close, and a line in the log."""
        start, code, reason = time.monotonic(), 1000, None
        await websocket.accept()
        stream = None
        try:
            stream = self._admit(websocket)
            self.num_open += 1
            self._metrics.streams.inc()
            try:
                await stream.run(websocket)
            finally:
                self.num_open -= 1
                self._metrics.streams.dec()
        except ClosingError as closing:
            code, reason = closing.code, closing.reason
        except WebSocketDisconnect as gone:
            code, reason = gone.code, "gone before the end"
        except Exception:
            LOG.exception("a stream failed")
            code, reason = _FAILED, "the server failed; its log says why"
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # gone already
            await websocket.close(code, _short(reason))
        told = {"audio_s": round(stream.duration_s, 3), "events": stream.num_events} if stream else {}
        seconds = round(time.monotonic() - start, 3)
        client = websocket.client.host if websocket.client else None
        note("stream", path="/stream", code=code, reason=reason, seconds=seconds, client=client, **told)

    def _admit(self, websocket: WebSocket) -> _Stream:
        """Raises ClosingError: it is not let in."""
        _, reason = refusal(websocket.scope, self._settings)
        if reason is not None:
            raise ClosingError(_NOT_ALLOWED, reason)
        query = websocket.query_params
        rate, dtype = _rate(query.get("sample_rate")), _dtype(query.get("format", "f32"))
        threshold = _threshold(query.get("threshold"))
        if self.num_open >= self._settings.max_streams:
            raise ClosingError(_TRY_LATER, f"{self.num_open} streams are open: try again later")
        return _Stream(self._detector, self._metrics, rate, dtype, threshold, self._settings.stream_idle_s)


class _Stream:
    """Samples go to a thread that detects, events come back."""

    def __init__(
        self,
        detector: Detector,
        metrics: Metrics,
        rate: int,
        dtype: np.dtype[Any],
        threshold: float | None,
        idle_s: float,
    ) -> None:
        self._detector, self._metrics = detector, metrics
        self._rate, self._dtype, self._threshold, self._idle_s = rate, dtype, threshold, idle_s
        self._blocks: Queue[NDArray[Any] | None] = Queue(_WAITING_BLOCKS)
        self._events: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._is_given_up = False
        self._num_samples = 0
        self.num_events = 0

    @property
    def duration_s(self) -> float:
        """Of the audio that came."""
        return self._num_samples / self._rate

    async def run(self, websocket: WebSocket) -> None:
        """To the end. Raises ClosingError, WebSocketDisconnect."""
        thread = Thread(target=self._detect, name="sedt-stream", daemon=True)
        thread.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take(websocket))
                group.create_task(self._give(websocket))
        except ExceptionGroup as errors:  # not `except*`: what that raises is a group again in Python 3.11.2
            expected, others = errors.split((ClosingError, WebSocketDisconnect))
            if expected is None or others is not None:
                raise
            raise _first(expected) from None
        finally:
            self._is_given_up = True
            with contextlib.suppress(Full):
                self._blocks.put_nowait(None)
            self._metrics.audio_s.inc(self.duration_s)
            self._metrics.events.inc(self.num_events)

    async def _take(self, websocket: WebSocket) -> None:
        """Samples until the empty message."""
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    message = await websocket.receive()
            except TimeoutError:
                raise ClosingError(_NOT_ALLOWED, f"no samples for {self._idle_s:g} s") from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1006), message.get("reason"))
            data = message.get("bytes")
            if data is None:
                raise ClosingError(_NOT_SAMPLES, "text came, where only binary messages of samples are taken")
            if len(data) % self._dtype.itemsize:
                raise ClosingError(_NOT_SAMPLES, f"{len(data)} bytes are no whole samples of {self._dtype}")
            await self._hand_on(np.frombuffer(data, self._dtype) if data else None)
            if not data:
                return
            self._num_samples += len(data) // self._dtype.itemsize

    async def _hand_on(self, block: NDArray[Any] | None) -> None:
        """Keeps its sender waiting while the model has enough to do."""
        while True:
            try:
                return self._blocks.put_nowait(block)
            except Full:
                await asyncio.sleep(_POLL_S)

    async def _give(self, websocket: WebSocket) -> None:
        """Events as they come, then the end."""
        while (found := await self._events.get()) is not None:
            if isinstance(found, InputError):
                raise ClosingError(_NOT_SAMPLES, str(found))
            if isinstance(found, Exception):
                raise found
            self.num_events += 1
            await websocket.send_json(EventEntry.of(found).model_dump())
        await websocket.send_json({"end": True, "duration": self.duration_s})

    def _detect(self) -> None:
        """The thread."""
        try:
            for event in self._detector.stream(self._received(), self._rate, threshold=self._threshold):
                self._tell(event)
            self._tell(None)
        except StoppedError:
            self._tell(ClosingError(1012, "the server is being stopped"))
        except Exception as error:
            self._tell(error)

    def _received(self) -> Iterator[NDArray[Any]]:
        while True:
            block = self._blocks.get()
            if self._is_given_up:
                raise StoppedError("given up")
            if block is None:
                return
            yield block

    def _tell(self, found: Event | Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._events.put_nowait, found)


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _rate(text: str | None) -> int:
    rate = int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not RATES[0] <= rate <= RATES[1]:
        raise ClosingError(_NOT_ALLOWED, f"sample_rate {ascii(text)[:20]}: must be {RATES[0]} to {RATES[1]}")
    return rate


def _dtype(name: str) -> np.dtype[Any]:
    if name not in SAMPLE_FORMATS:
        raise ClosingError(_NOT_ALLOWED, f"format {name[:20]!a}: must be {' or '.join(SAMPLE_FORMATS)}")
    return np.dtype(SAMPLE_FORMATS[name])


def _threshold(text: str | None) -> float | None:
    try:
        threshold = None if text is None else float(text)
    except ValueError:
        threshold = -1.0
    if threshold is not None and not 0 <= threshold <= 1:
        raise ClosingError(_NOT_ALLOWED, f"threshold {ascii(text)[:20]}: must lie in 0..1")
    return threshold


def _short(reason: str | None) -> str | None:
    text = " ".join((reason or "").split())
    return text.encode()[:_REASON_BYTES].decode(errors="ignore") or None

"""One thread owns the model; windows of all requests that wait go through it together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sedt.audio import Waveform
from sedt.batch import Probabilities
from sedt.detector import WindowRun

Answer = tuple[Probabilities, NDArray[np.float64]]


class _Asked(NamedTuple):
    windows: list[Waveform]
    answer: Future[Answer]


class StoppedError(RuntimeError):
    """The server is being stopped."""


class SharedBatches:
    """Calls `run` in its own thread, with windows of all threads that wait for it, at most `most` at once.

    Nothing is waited for: while the model works, further windows gather, and alone one goes alone.
    """

    def __init__(self, run: WindowRun, most: int, observe: Callable[[int, int], None]) -> None:
        """`observe` is told of each batch its windows, and of how many askers they are."""
        self._run, self._most, self._observe = run, most, observe
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._left: _Asked | None = None
        self._is_stopped = False
        self._lock = Lock()  # nobody asks once the thread has looked for the last time
        self._thread = Thread(target=self._work, name="sedt-model", daemon=True)
        self._thread.start()

    def __call__(self, windows: list[Waveform]) -> Answer:
        """As `Detector.run_windows`; called by any thread, which waits. Raises StoppedError."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._is_stopped:
                raise StoppedError("the server is being stopped")
            self._asked.put(_Asked(windows, answer))
        return answer.result()

    def stop(self) -> None:
        """Let the batch that runs end; who still waits gets `StoppedError`."""
        with self._lock:
            self._is_stopped = True
            self._asked.put(None)
        self._thread.join()

    def _work(self) -> None:
        while not self._is_stopped:
            batch = self._gather()
            if batch:
                self._serve(batch)
        self._refuse_the_rest()

    def _gather(self) -> list[_Asked]:
        """Who waits, in order, while their windows fit in one batch; at least one, which is waited for."""
        first = self._left or self._asked.get()
        self._left = None
        batch: list[_Asked] = [] if first is None else [first]
        count = len(first.windows) if first else self._most
        while count < self._most:
            try:
                one = self._asked.get_nowait()
            except Empty:
                break
            if one is None:
                break
            count += len(one.windows)
            if count > self._most:
                self._left = one
            else:
                batch.append(one)
        return batch

    def _serve(self, batch: list[_Asked]) -> None:
        windows = [window for one in batch for window in one.windows]
        try:
            probabilities, lengths_s = self._run(windows)
        except BaseException as error:
            for one in batch:
                one.answer.set_exception(error)
            return
        self._observe(len(windows), len(batch))
        start = 0
        for one in batch:
            part = slice(start, start + len(one.windows))
            one.answer.set_result((probabilities.rows(part), lengths_s[part]))
            start = part.stop

    def _refuse_the_rest(self) -> None:
        waiting = [self._left] if self._left else []
        while True:
            try:
                one = self._asked.get_nowait()
            except Empty:
                break
            waiting += [one] if one else []
        for one in waiting:
            one.answer.set_exception(StoppedError("the server is being stopped"))

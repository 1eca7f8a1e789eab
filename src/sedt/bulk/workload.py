"""How much audio is done, how much is left, and how long that will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock, Thread

from sedt.audio import stated_duration
from sedt.bulk.job import Result, Watcher
from sedt.bulk.sources import Source


class Workload(Watcher):
    """Adds up seconds of audio. What is left is told by what the files state, asked for in the background.

    A file that states nothing, or was not asked yet, counts as the mean of the others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._looker: Thread | None = None
        self._begin: float | None = None
        self._stated: dict[str, float | None] = {}  # of recordings that are not done
        self._stated_s, self._num_stated, self._mean_s = 0.0, 0, 0.0
        self._at: dict[str, float] = {}  # how far those are that are being done
        self.num_files = self.num_done = 0
        self.heard_s = 0.0
        """Seconds of audio that were gone through."""
        self.done_s = 0.0
        """The same with those that an earlier process had gone through."""

    def planned(self, sources: list[Source]) -> None:
        """These are to be done: look at what they state."""
        self.num_files = len(sources)
        self._stated = dict.fromkeys(source.name for source in sources)
        self._looker = Thread(target=self._look, args=(list(sources),), daemon=True)
        self._looker.start()

    def wait(self) -> None:
        """Until all files were looked at."""
        if self._looker:
            self._looker.join()

    def started(self, source: Source, from_s: float) -> None:
        """One is begun; so time counts from the first one on, without what it takes to load a model."""
        with self._lock:
            self._begin = self._clock() if self._begin is None else self._begin
            self._at[source.name] = from_s
            self.done_s += from_s

    def heard(self, source: Source, seconds: float) -> None:
        """So much more of one is done."""
        with self._lock:
            self._at[source.name] += seconds
            self.heard_s += seconds
            self.done_s += seconds

    def finished(self, source: Source, result: Result) -> None:
        """Nothing of it is left."""
        self._end(source)

    def failed(self, source: Source, reason: str) -> None:
        """Nothing of it is left."""
        self._end(source)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first recording was begun."""
        return 0.0 if self._begin is None else self._clock() - self._begin

    @property
    def speed(self) -> float:
        """Seconds of audio a second."""
        return self.heard_s / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float:
        """Seconds of audio that are left, about."""
        with self._lock:
            unknown = len(self._stated) - self._num_stated
            done = sum(min(at, self._stated.get(name) or self._mean_s) for name, at in self._at.items())
            return max(0.0, self._stated_s + unknown * self._mean_s - done)

    def _end(self, source: Source) -> None:
        with self._lock:
            self.num_done += 1
            self._at.pop(source.name, None)
            stated = self._stated.pop(source.name, None)
            if stated is not None:
                self._stated_s, self._num_stated = self._stated_s - stated, self._num_stated - 1

    def _look(self, sources: list[Source]) -> None:
        total_s = num_known = 0.0
        for source in sources:
            seconds = stated_duration(source.path)
            if seconds is None:
                continue
            total_s, num_known = total_s + seconds, num_known + 1
            with self._lock:
                self._mean_s = total_s / num_known
                if source.name in self._stated:
                    self._stated[source.name] = seconds
                    self._stated_s, self._num_stated = self._stated_s + seconds, self._num_stated + 1

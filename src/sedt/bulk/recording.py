"""One recording of many: from the file to its tables, in parts if it must be."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sedt.audio import read_audio
from sedt.bulk.job import LONGEST_PICTURE_S, Failure, Job, Result, Stamp
from sedt.bulk.partial import Partial, Progress
from sedt.bulk.sources import Source
from sedt.decoding.overlaps import by_time
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import FORMATS, write_events
from sedt.pictures import draw_events

RESERVED = ("events", "totals", "by_hour", "failed")
"""Names of tables of all recordings."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


class CannotWriteError(InputError):
    """The disk is full or broken: no other recording could be written either."""


def detect_recording(
    detector: Detector,
    job: Job,
    run: str,
    source: Source,
    started: Callable[[float], None],
    heard: Callable[[float], None],
) -> Result | Failure:
    """Detect in a recording and write its tables; with `job.output` it goes on where it was interrupted.

    On KeyboardInterrupt it notes how far it is, and raises it. `started` is told from which second on,
    `heard` how many more seconds are done.

    Raises:
        CannotWriteError: nothing more can be written.
    """
    try:
        _check_name(source.name, job)
        stamp = Stamp.of(source.path)
        events, seconds = _Listener(detector, job, run, source, stamp).listen(started, heard)
        with _writing():
            _write(detector, job, source, events, seconds)
    except CannotWriteError:
        raise
    except InputError as error:
        return Failure(str(error))
    except (OSError, MemoryError) as error:
        return Failure(f"{source.path}: {error or type(error).__name__}")
    return Result(stamp, seconds, len(events), events if job.output is None else None)


class _Listener:
    """Goes through a recording, and saves now and then how far it is.

    What it saves is how far it was a batch of windows before: so there is always audio left to go on with.
    """

    def __init__(self, detector: Detector, job: Job, run: str, source: Source, stamp: Stamp) -> None:
        self._detector, self._job, self._path = detector, job, source.path
        place = job.partial(source)
        self._partial = None if place is None else Partial(place, run, stamp)
        progress = self._partial.load() if self._partial else Progress()
        self._events = progress.events
        self._joiner = detector.joiner(undecided=job.undecided, index=progress.index, held=progress.held)
        self._seconds = progress.index * detector.hop_s
        self._saved_at = time.monotonic()
        self._before = self._latest = self._now()

    def listen(
        self, started: Callable[[float], None], heard: Callable[[float], None]
    ) -> tuple[list[Event], float]:
        """Events ordered by onset, and the seconds of the recording."""

        def progress(seconds: float) -> None:
            self._advance(seconds)
            heard(seconds)

        started(self._seconds)
        events = self._detector.iter_detect(
            self._path,
            threshold=self._job.threshold,
            undecided=self._job.undecided,
            progress=progress,
            joiner=self._joiner,
        )
        try:
            for event in events:
                self._events.append(event)
        except KeyboardInterrupt:
            self._save()
            raise
        return by_time(self._events), self._seconds

    def _now(self) -> tuple[int, int, list[Event]]:
        """Final events, windows done, what the next one may change."""
        return len(self._events), self._joiner.index, list(self._joiner.held)

    def _advance(self, seconds: float) -> None:
        self._seconds += seconds
        self._before, self._latest = self._latest, self._now()
        if time.monotonic() - self._saved_at >= self._job.save_every_s:
            self._save()

    def _save(self) -> None:
        num_events, index, held = self._before
        if self._partial is not None and index:
            with _writing():
                self._partial.save(self._events[:num_events], index, held)
        self._saved_at = time.monotonic()


def _write(detector: Detector, job: Job, source: Source, events: list[Event], seconds: float) -> None:
    """A recording's tables and picture."""
    for name, table in job.tables(source).items():
        write_events(table, {source.name: events}, name)
    picture = job.picture(source)
    if picture is not None and seconds <= LONGEST_PICTURE_S:
        samples = read_audio(source.path, detector.sample_rate)
        draw_events(picture, samples, detector.sample_rate, events, title=source.name)


@contextmanager
def _writing() -> Iterator[None]:
    """What a full disk refuses to one recording it will refuse to all."""
    try:
        yield
    except InputError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL:
            raise CannotWriteError(str(error)) from error
        raise


def _check_name(name: str, job: Job) -> None:
    """Raise InputError for a name that no table can hold, or whose table is that of all recordings."""
    if any(character in name for character in "\t\n\r"):
        raise InputError(f"{name!r}: the name has a tab or a line end, which a table cannot hold")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{name!r}: the name is not valid text") from error
    if job.output is not None and name in RESERVED:
        ending = FORMATS[job.formats[0]].ending
        raise InputError(f"{name}: {name}.{ending} is the table of all recordings: give the file an ending")

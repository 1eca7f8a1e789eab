"""Many recordings: what is done is skipped, what fails stops nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sedt.bulk.job import LONGEST_PICTURE_S, Failure, Job, Result, Watcher
from sedt.bulk.ledger import Entry, Ledger, open_ledger
from sedt.bulk.pool import detect_in_workers
from sedt.bulk.recording import detect_recording
from sedt.bulk.sources import Source
from sedt.bulk.tables import all_tables, read_table
from sedt.errors import InputError
from sedt.events import Event
from sedt.files import is_there


@dataclass
class Outcome:
    """What came of a batch."""

    done: dict[str, float] = field(default_factory=dict)
    """Recordings that were done now or before, and their seconds."""
    events: dict[str, list[Event]] = field(default_factory=dict)
    """Theirs, without an output folder."""
    failures: dict[str, str] = field(default_factory=dict)
    """What could not be read, and why."""
    skipped: int = 0
    """Recordings that were done before."""
    changed: int = 0
    """Recordings that were done before, but are not what they were, so that they are to do again."""

    def order(self, names: Sequence[str]) -> None:
        """Put recordings in this order, whichever was done first."""
        for table in (self.done, self.events, self.failures):
            values = dict(table)
            table.clear()
            table.update((name, values[name]) for name in names if name in values)  # type: ignore[misc]


def detect_all(
    job: Job,
    sources: Sequence[Source],
    *,
    workers: int = 1,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    outcome: Outcome | None = None,
) -> Outcome:
    """Detect in every recording. With `job.output`, each gets its tables there; finished ones are skipped.

    What is done is noted in a journal there as soon as it is done, and long recordings note how far they are;
    so after an interrupt, or the death of the process, the same call goes on.

    Args:
        job: model, options, output.
        sources: the recordings.
        workers: processes; with 1 the work is done in this one. They share the processor's cores.
        overwrite: do finished ones again.
        watcher: is told how it goes.
        outcome: is filled; for callers who want to know how far it was when it was interrupted.

    Raises:
        InputError: a result cannot be written; or the output folder holds results of another model or other
            options. A recording that cannot be read is a failure of the outcome.
    """
    outcome = Outcome() if outcome is None else outcome
    batch = _Batch(job, outcome, watcher or Watcher())
    if job.output is not None:
        batch.ledger = open_ledger(job, sources, all_tables(job), overwrite)
    waiting = [source for source in sources if not batch.is_done(source)]
    try:
        batch.watcher.planned(waiting)
        if workers > 1 and waiting:
            detect_in_workers(job, batch.run, waiting, workers, batch.watcher, batch.finish)
        else:
            batch.work(waiting)
    finally:
        outcome.order([source.name for source in sources])
    return outcome


class _Batch:
    """What is known while the recordings are gone through."""

    def __init__(self, job: Job, outcome: Outcome, watcher: Watcher) -> None:
        self.watcher = watcher
        self.ledger: Ledger | None = None
        self._job, self._outcome = job, outcome

    @property
    def run(self) -> str:
        """Of the journal."""
        return self.ledger.run if self.ledger else ""

    def is_done(self, source: Source) -> bool:
        """Whether nothing is left to do; it is counted then."""
        entry = self.ledger.entry(source) if self.ledger else None
        if entry is None:
            self._outcome.changed += self.ledger is not None and self.ledger.changed(source)
            return False
        if not self._is_whole(source, entry):
            return False
        self._outcome.done[source.name] = entry.seconds
        self._outcome.skipped += 1
        return True

    def work(self, waiting: Sequence[Source]) -> None:
        """All recordings, in this process."""
        detector = self._job.load() if waiting else None
        for source in waiting:
            assert detector is not None
            tell = partial(self.watcher.started, source), partial(self.watcher.heard, source)
            self.finish(source, detect_recording(detector, self._job, self.run, source, *tell))

    def finish(self, source: Source, result: Result | Failure) -> None:
        """Count what came of a recording."""
        if isinstance(result, Failure):
            self._outcome.failures[source.name] = result.reason
            self.watcher.failed(source, result.reason)
            return
        if self.ledger is not None:
            self.ledger.add(source, result)
        place = self._job.partial(source)
        if place is not None:  # only now: a process that dies before this line goes on from there
            place.unlink(missing_ok=True)
        self._outcome.done[source.name] = result.seconds
        if result.events is not None:
            self._outcome.events[source.name] = result.events
        self.watcher.finished(source, result)

    def _is_whole(self, source: Source, entry: Entry) -> bool:
        """Whether all files that are wanted of a recording are there, and can be read."""
        picture = self._job.picture(source)
        if picture is not None and entry.seconds <= LONGEST_PICTURE_S and not is_there(picture):
            return False
        if not all(is_there(table) for table in self._job.tables(source).values()):
            return False
        try:
            read_table(self._job, source)
        except InputError:
            return False
        return True

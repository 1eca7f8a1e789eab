"""Tables of all recordings, made from the tables of each: no more than one recording is in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sedt.bulk.hours import split_hours, start_of
from sedt.bulk.job import Job
from sedt.bulk.sources import Source
from sedt.events import Event
from sedt.formats import FORMATS, read_events, write_events
from sedt.formats.tables import write_table

TOTALS, BY_HOUR, FAILED = "totals.tsv", "by_hour.tsv", "failed.tsv"


def all_tables(job: Job) -> list[Path]:
    """The files that `write_tables` writes."""
    if job.output is None:
        return []
    return [*_combined(job).values(), *(job.output / name for name in (TOTALS, BY_HOUR, FAILED))]


def read_table(job: Job, source: Source) -> list[Event]:
    """What the best of a recording's tables says. Raises InputError: it cannot be read."""
    name = job.best_format
    return _only(read_events(job.tables(source)[name], name))


def write_tables(job: Job, durations_s: Mapping[str, float], failures: Mapping[str, str]) -> int:
    """Write the tables of all recordings that are done, from their own; the number of events.

    `events.*` in each format that holds many recordings; `totals.tsv` and `by_hour.tsv`, unless events are
    undecided; `failed.tsv` if there are failures.

    Raises:
        InputError: a table cannot be read or written.
    """
    assert job.output is not None
    for name, target in _combined(job).items():
        write_events(target, _Tables(job, name, durations_s), name)
    counts = _Counts()
    for name, events in _Tables(job, job.best_format, durations_s).items():
        counts.add(name, durations_s[name], events)
    if not job.undecided:
        labels = sorted({*job.classes, *counts.totals})
        hours = sum(durations_s.values()) / 3600
        columns = ["event_label", "events", "seconds", "events_per_hour", "seconds_per_hour", "audio_hours"]
        write_table(job.output / TOTALS, columns, (_total(label, counts, hours) for label in labels))
        columns = ["hour", "event_label", "events", "seconds", "audio_seconds"]
        write_table(job.output / BY_HOUR, columns, _hours(labels, counts))
    failed = job.output / FAILED
    failed.unlink(missing_ok=True)
    if failures:
        rows = ([_printable(name), _printable(reason)] for name, reason in failures.items())
        write_table(failed, ["filename", "reason"], rows)
    return counts.num_events


class _Tables(Mapping[str, Sequence[Event]]):
    """The events of recordings, read when they are asked for."""

    def __init__(self, job: Job, format_name: str, durations_s: Mapping[str, float]) -> None:
        self._job, self._format, self._names = job, format_name, durations_s

    def __getitem__(self, name: str) -> Sequence[Event]:
        table = self._job.tables(Source(name, Path()))[self._format]
        return _only(read_events(table, self._format))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass
class _Sum:
    events: int = 0
    seconds: float = 0.0


@dataclass
class _Counts:
    """Events and seconds of each class, in all and by the hour."""

    num_events: int = 0
    totals: defaultdict[str, _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    by_hour: defaultdict[tuple[str, str], _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    audio_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, name: str, duration_s: float, events: Sequence[Event]) -> None:
        """Those of a recording. An event counts in the hour of its onset, its seconds where they are."""
        begin = start_of(name)
        for hour, seconds in split_hours(begin, 0.0, duration_s):
            self.audio_s[hour] += seconds
        self.num_events += len(events)
        for event in events:
            total = self.totals[event.label]
            total.events, total.seconds = total.events + 1, total.seconds + event.duration
            for number, (hour, seconds) in enumerate(split_hours(begin, event.onset, event.offset)):
                part = self.by_hour[hour, event.label]
                part.events, part.seconds = part.events + (not number), part.seconds + seconds


def _combined(job: Job) -> dict[str, Path]:
    """Format -> the file of all events."""
    assert job.output is not None
    names = [name for name in job.formats if not FORMATS[name].holds_one]
    return {name: job.output / f"events.{FORMATS[name].ending}" for name in names}


def _only(table: dict[str, list[Event]]) -> list[Event]:
    """Of a file of one recording; some formats leave out one that has no events."""
    return next(iter(table.values()), [])


def _total(label: str, counts: _Counts, hours: float) -> list[str]:
    found = counts.totals[label]
    rates = (f"{value / hours:.3f}" if hours else "" for value in (found.events, found.seconds))
    return [label, str(found.events), f"{found.seconds:.3f}", *rates, f"{hours:.4f}"]


def _hours(labels: Sequence[str], counts: _Counts) -> Iterator[list[str]]:
    """Every class in every hour in which there is audio: no events is a finding, too."""
    for hour in sorted(counts.audio_s, key=lambda name: (name.startswith("+"), len(name), name)):
        for label in labels:
            found = counts.by_hour.get((hour, label), _Sum())
            audio = f"{counts.audio_s[hour]:.3f}"
            yield [hour, label, str(found.events), f"{found.seconds:.3f}", audio]


def _printable(text: str) -> str:
    """What a table can hold of a name that is no valid text, or that has a tab."""
    valid = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return valid.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")

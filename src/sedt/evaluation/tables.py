"""What is held against what: the tables of an evaluation, read, checked and cut to what counts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from sedt.errors import InputError
from sedt.events import Event, EventTable, labels_of
from sedt.formats import read_events
from sedt.formats.dcase import read_durations, read_weak
from sedt.metrics import Collars, class_labels

Path: TypeAlias = str | os.PathLike[str]
Events: TypeAlias = EventTable | Path
"""A table of events, or a file of them."""
Durations: TypeAlias = Mapping[str, float] | Path
"""File name -> seconds, or a file of them."""
Tags: TypeAlias = Mapping[str, Iterable[str]] | Path
"""File name -> its tags, or a file of them."""
T = TypeVar("T")
TagTable: TypeAlias = Mapping[str, frozenset[str]]

INTERSECTION_THRESHOLD = 0.5
"""Intersection-based F1 counts scores above it, as is the field's habit, unless a threshold is given."""


@dataclass(frozen=True)
class Settings:
    """How to count; see `evaluate`."""

    threshold: float | None = None
    onset_collar_s: float = 0.2
    offset_collar_s: float | None = 0.2
    offset_ratio: float = 0.2
    class_agnostic: bool = False
    labels: Sequence[str] | None = None
    labelled_only: bool = False

    @property
    def collars(self) -> Collars:
        """Those of the event-based metric. Raises InputError: one is negative."""
        return Collars(self.onset_collar_s, self.offset_collar_s, self.offset_ratio)


@dataclass(frozen=True)
class Tables:
    """What counts. Files are those of `true`, classes `labels`."""

    true: EventTable
    found: EventTable
    """Events of the estimate from the threshold up."""
    scored: EventTable
    """All events of the estimate, from which PSDS takes every threshold."""
    likely: EventTable
    """Events of the estimate for the intersection-based metric."""
    labels: Sequence[str]
    durations: Mapping[str, float] | None
    tags: TagTable | None
    notes: Sequence[str]
    why_no_psds: str | None
    """None: there is one."""


def tables_of(
    reference: Events,
    estimated: Events,
    durations: Durations | None = None,
    tags: Tags | None = None,
    settings: Settings = Settings(),
    undecided: Events | None = None,
) -> Tables:
    """Read and check. Raises InputError: see `evaluate`."""
    true, decided = _events(reference), _events(estimated)
    scored = decided if undecided is None else _events(undecided)
    said = None if tags is None else _tags(tags)
    seconds = durations if durations is None or isinstance(durations, Mapping) else read_durations(durations)
    left_out = []
    if settings.labelled_only:
        left_out = [name for name in {**decided, **scored, **(said or {})} if name not in true]
        if left_out and not any(name in true for name in decided):
            raise InputError(f"the reference names none of the estimated files (the first: {left_out[0]})")
        decided, scored = _named(decided, true), _named(scored, true)
        said, seconds = said and _named(said, true), seconds and _named(seconds, true)
    elif seconds is not None:
        true = {**dict.fromkeys(seconds, ()), **true}
    if not true:
        raise InputError("the reference has no files")
    _check_files(true, {**decided, **scored}, "estimated files")
    _check_files(true, said or {}, "files with tags")
    everything = [true, decided, scored, _as_events(said or {})]
    kept = class_labels({}, {}, labels_of(everything) if settings.labels is None else settings.labels)
    dropped = [label for label in labels_of(everything) if label not in kept]
    notes = _notes(true, decided, said, kept, dropped)
    if left_out:
        notes.append(f"files left out, which the reference does not name: {len(left_out)}")
    if settings.class_agnostic:
        true, decided, scored = (_one_label(table, kept) for table in (true, decided, scored))
        said = (
            None
            if said is None
            else {n: frozenset({"event"} if t & {*kept} else ()) for n, t in said.items()}
        )
        kept = ["event"]
    found = decided if settings.threshold is None else _from_threshold(decided, settings.threshold)
    return Tables(
        true,
        found,
        scored,
        _likely(found) if settings.threshold is None else found,
        kept,
        seconds,
        said,
        notes,
        _why_no_psds(true, scored, kept, seconds),
    )


def _events(events: Events) -> EventTable:
    return events if isinstance(events, Mapping) else read_events(events)


def _tags(tags: Tags) -> TagTable:
    table = tags if isinstance(tags, Mapping) else read_weak(tags)
    return {name: frozenset(names) for name, names in table.items()}


def _as_events(tags: TagTable) -> EventTable:
    return {name: [Event(0.0, 0.0, tag) for tag in names] for name, names in tags.items()}


def _check_files(true: EventTable, named: Iterable[str], what: str) -> None:
    names = list(named)
    extra = [name for name in names if name not in true]
    if extra:
        raise InputError(
            f"{len(extra)} of {len(names)} {what} are not in the reference (the first: {extra[0]}); "
            "a table of durations can name files without events, or leave them out (`labelled_only`, "
            "`--labelled-only`)"
        )


def _named(table: Mapping[str, T], true: EventTable) -> dict[str, T]:
    """What is of the files of the reference."""
    return {name: value for name, value in table.items() if name in true}


def _notes(
    true: EventTable, found: EventTable, tags: TagTable | None, kept: Sequence[str], dropped: Sequence[str]
) -> list[str]:
    notes = []
    for table, what, without in ((found, "the estimate", "detections"), (tags, "the table of tags", "tags")):
        missing = [] if table is None else [name for name in true if name not in table]
        if missing:
            notes.append(
                f"{len(true) - len(missing)} of {len(true)} files are in {what}; the others count as "
                f"without {without} (the first: {missing[0]})"
            )
    known = set(labels_of([true]))
    unknown = [x for x in labels_of([found, _as_events(tags or {})]) if x in set(kept) - known]
    if unknown:
        notes.append(
            "labels that the reference does not have count as false alarms, but macro F1 and PSDS leave them "
            f"out: {', '.join(unknown)}"
        )
    if dropped:
        notes.append(f"labels left out: {', '.join(dropped)}")
    return notes


def _why_no_psds(
    true: EventTable, scored: EventTable, kept: Sequence[str], durations: Mapping[str, float] | None
) -> str | None:
    wanted = set(kept)
    if durations is None:
        return "no PSDS: it needs the durations of the files"
    untimed = [name for name in true if name not in durations]
    if untimed:
        return f"no PSDS: {len(untimed)} of {len(true)} files have no duration (the first: {untimed[0]})"
    for name, events in scored.items():
        for event in events:
            if event.score is None and event.label in wanted:
                return f"no PSDS: it needs scores ({name}: the {event.label} at {event.onset:g} s has none)"
    if not any(event.label in wanted for events in true.values() for event in events):
        return "no PSDS: the reference has no events"
    return None


def _from_threshold(table: EventTable, threshold: float) -> EventTable:
    def keep(name: str, event: Event) -> bool:
        if event.score is None:
            raise InputError(
                f"{name}: the {event.label} at {event.onset:g} s has no score, so threshold {threshold:g} "
                "cannot be applied"
            )
        return event.score >= threshold

    return {name: [e for e in events if keep(name, e)] for name, events in table.items()}


def _likely(table: EventTable) -> EventTable:
    """Scores above one half; all events where one has no score, since somebody has decided then."""
    if any(event.score is None for events in table.values() for event in events):
        return table
    return {
        name: [e for e in events if e.score is not None and e.score > INTERSECTION_THRESHOLD]
        for name, events in table.items()
    }


def _one_label(table: EventTable, kept: Sequence[str]) -> EventTable:
    wanted = frozenset(kept)
    return {
        name: [replace(event, label="event") for event in events if event.label in wanted]
        for name, events in table.items()
    }

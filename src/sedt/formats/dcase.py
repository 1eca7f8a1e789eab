"""The tables of the DCASE challenge: strong, weak, unlabelled, durations (tab-separated, with a header)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.formats.tables import Row, file_name, read_table, unique, write_table

Path = str | os.PathLike[str]

CLIPPED_S = 0.1
"""A scored event may begin this far behind its offset: what a detector said behind the clip's end and a
program then clipped to it. It is read as an event of no length at its offset."""


def read_strong(path: Path, split: str | None = None) -> dict[str, list[Event]]:
    """Events from `filename onset offset event_label [score] [split]`; times in seconds.

    A file without events is a row with the other fields empty. Rows that repeat an earlier one are dropped.

    Raises:
        InputError: see `read_table`; a time that is not a number, negative, or not finite; an offset before
            its onset; a label without times or times without a label. The message names file and line.
    """
    table: dict[str, list[Event]] = {}
    for row in read_table(path, ("filename", "onset", "offset", "event_label"), split):
        events = table.setdefault(file_name(row), [])
        event = _event(row)
        if event is not None and event not in events:
            events.append(event)
    return table


def read_weak(path: Path, split: str | None = None) -> dict[str, list[str]]:
    """Tags from `filename event_labels`, comma-joined; repeated tags are dropped. Raises InputError."""
    table: dict[str, list[str]] = {}
    for row in read_table(path, ("filename", "event_labels"), split):
        tags = [tag.strip() for tag in row.fields["event_labels"].split(",") if tag.strip()]
        known = table.setdefault(file_name(row), [])
        known.extend(tag for tag in dict.fromkeys(tags) if tag not in known)
    return table


def read_unlabelled(path: Path, split: str | None = None) -> list[str]:
    """File names from `filename`, each once. Raises InputError."""
    return list(dict.fromkeys(file_name(row) for row in read_table(path, ("filename",), split)))


def read_durations(path: Path) -> dict[str, float]:
    """Seconds from `filename duration`. Raises InputError: a duration that is not more than 0 included."""

    def duration(row: Row) -> float:
        seconds = row.number("duration")
        if not 0 < seconds < float("inf"):
            raise InputError(f"{row.place}: duration {seconds:g} must be more than 0 seconds")
        return seconds

    return unique(path, read_table(path, ("filename", "duration")), duration)


def write_strong(path: Path, table: EventTable) -> None:
    """Write events ordered by time; a column `score` if any event has one. Raises InputError."""
    scored = any(event.score is not None for events in table.values() for event in events)
    columns = ["filename", "onset", "offset", "event_label"] + ["score"] * scored
    rows: list[Sequence[str]] = []
    for name, events in table.items():
        rows += [_fields(name, event, scored) for event in sorted(events, key=_order)]
        if not events:
            rows.append([name] + [""] * (len(columns) - 1))
    write_table(path, columns, rows)


def write_weak(path: Path, tags: Mapping[str, Iterable[str]]) -> None:
    """Write tags, comma-joined. Raises InputError."""
    write_table(path, ("filename", "event_labels"), [(name, ",".join(t)) for name, t in tags.items()])


def write_unlabelled(path: Path, names: Iterable[str]) -> None:
    """Write file names. Raises InputError."""
    write_table(path, ("filename",), [(name,) for name in names])


def write_durations(path: Path, durations: Mapping[str, float]) -> None:
    """Write seconds with three decimals. Raises InputError."""
    rows = [(name, f"{seconds:.3f}") for name, seconds in durations.items()]
    write_table(path, ("filename", "duration"), rows)


def _event(row: Row) -> Event | None:
    """The event of a row; None where the row says that the file has none."""
    onset, offset, label = (row.fields[name] for name in ("onset", "offset", "event_label"))
    if not onset and not offset and not label:
        return None
    if not label:
        raise InputError(f"{row.place}: event_label is empty")
    score = row.number("score") if row.fields.get("score") else None
    start, end = row.number("onset"), row.number("offset")
    if score is not None and 0 < start - end <= CLIPPED_S:
        start = end
    try:
        return Event(start, end, label, score)
    except InputError as error:
        raise InputError(f"{row.place}: {error}") from None


def _fields(name: str, event: Event, scored: bool) -> list[str]:
    fields = [name, f"{event.onset:.3f}", f"{event.offset:.3f}", event.label]
    return [*fields, "" if event.score is None else f"{event.score:.4f}"] if scored else fields


def _order(event: Event) -> tuple[float, float, str]:
    return event.onset, event.offset, event.label

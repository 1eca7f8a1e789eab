"""The tables of the DCASE challenge: strong, weak, unlabelled, durations (tab-separated, with a header)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.formats.tables import (
    REPEATED_NAME,
    REPEATED_ROW,
    REPEATED_TAG,
    Mends,
    PathLike,
    Row,
    read_table,
    write_table,
)

CLIPPED_S = 0.1
"""A scored event may begin this far behind its offset: what a detector said behind the clip's end and a
program then clipped to it. It is read as an event of no length at its offset."""


def read_strong(
    path: PathLike, split: str | None = None, mends: Mends | None = None
) -> dict[str, list[Event]]:
    """Events from `filename onset offset event_label [score] [split]`; times in seconds.

    A file without events is a row with the other fields empty. Rows that repeat an earlier one are dropped;
    `mends` is told of them.

    Raises:
        InputError: see `read_table`; a time that is not a number, negative, or not finite; an offset before
            its onset; a label without times or times without a label. The message names file and line.
    """
    table: dict[str, dict[Event, None]] = {}
    for row in read_table(path, ("filename", "onset", "offset", "event_label"), split):
        events = table.setdefault(row.file_name, {})
        event = _event(row)
        if event in events and mends is not None:
            mends.append((row.file_name, REPEATED_ROW))
        if event is not None:
            events[event] = None
    return {name: list(events) for name, events in table.items()}


def read_weak(path: PathLike, split: str | None = None, mends: Mends | None = None) -> dict[str, list[str]]:
    """Tags from `filename event_labels`, comma-joined; repeated ones are dropped, and `mends` told of them.

    Raises:
        InputError: see `read_table`.
    """
    table: dict[str, dict[str, None]] = {}
    for row in read_table(path, ("filename", "event_labels"), split):
        tags = table.setdefault(row.file_name, {})
        for tag in filter(None, map(str.strip, row.fields["event_labels"].split(","))):
            if tag in tags and mends is not None:
                mends.append((row.file_name, REPEATED_TAG))
            tags[tag] = None
    return {name: list(tags) for name, tags in table.items()}


def read_unlabelled(path: PathLike, split: str | None = None, mends: Mends | None = None) -> list[str]:
    """File names from `filename`, each once; `mends` is told of others. Raises InputError as `read_table`."""
    names: dict[str, None] = {}
    for row in read_table(path, ("filename",), split):
        if row.file_name in names and mends is not None:
            mends.append((row.file_name, REPEATED_NAME))
        names[row.file_name] = None
    return list(names)


def read_durations(path: PathLike) -> dict[str, float]:
    """Seconds from `filename duration`.

    Raises:
        InputError: see `read_table`; a duration that is not more than 0; a file with two durations.
    """
    durations: dict[str, float] = {}
    for row in read_table(path, ("filename", "duration")):
        name, seconds = row.file_name, row.number("duration")
        if seconds <= 0:
            raise InputError(f"{row.place}: duration {seconds:g} must be more than 0 seconds")
        if durations.setdefault(name, seconds) != seconds:
            raise InputError(f"{row.place}: {name} has two durations, {durations[name]:g} and {seconds:g}")
    return durations


def write_strong(path: PathLike, table: EventTable) -> None:
    """Write events ordered by time; a column `score` if any event has one.

    Times have 3 decimals, scores 4.

    Raises:
        InputError: a name or label that is empty or holds a tab; the file cannot be written.
    """
    scored = any(event.score is not None for events in table.values() for event in events)
    columns = ["filename", "onset", "offset", "event_label"] + ["score"] * scored
    write_table(path, columns, _rows(path, table, scored, len(columns)))


def write_weak(path: PathLike, tags: Mapping[str, Iterable[str]]) -> None:
    """Write tags, comma-joined. Raises InputError as `write_strong`, and for a tag that holds a comma."""
    rows = []
    for name, names in tags.items():
        present = list(names)
        _check(path, name, *present)
        if any("," in tag for tag in present):
            raise InputError(f"{path}: {name}: commas part the tags, so a tag cannot hold one: {present!r}")
        rows.append((name, ",".join(present)))
    write_table(path, ("filename", "event_labels"), rows)


def write_unlabelled(path: PathLike, names: Iterable[str]) -> None:
    """Write file names. Raises InputError as `write_strong`."""
    rows = [(name,) for name in names]
    for (name,) in rows:
        _check(path, name)
    write_table(path, ("filename",), rows)


def write_durations(path: PathLike, durations: Mapping[str, float]) -> None:
    """Write seconds with 3 decimals. Raises InputError as `write_strong`."""
    for name in durations:
        _check(path, name)
    rows = [(name, f"{seconds:.3f}") for name, seconds in durations.items()]
    write_table(path, ("filename", "duration"), rows)


def _rows(path: PathLike, table: EventTable, scored: bool, num_columns: int) -> Iterator[list[str]]:
    for name, events in table.items():
        _check(path, name, *(event.label for event in events))
        yield from (_fields(name, event, scored) for event in sorted(events, key=_order))
        if not events:
            yield [name] + [""] * (num_columns - 1)


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


def _check(path: PathLike, name: str, *labels: str) -> None:
    """A name or label of nothing but blanks could not be read back."""
    if not name.strip():
        raise InputError(f"{path}: a file name is empty")
    if not all(label.strip() for label in labels):
        raise InputError(f"{path}: {name}: a label is empty")

"""Raven's selection tables: of one recording, or of several (`Begin File`, `File Offset (s)`)."""

from __future__ import annotations

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.formats.fields import (
    base_name,
    checked_event,
    checked_number,
    one_line,
    recording_name,
    with_suffix,
)
from sedt.formats.tables import PathLike, Row, column_names, read_table, write_table

BEGIN, END, IN_FILE = "Begin Time (s)", "End Time (s)", "File Offset (s)"
LABELS = ("Annotation", "Species", "Common Name", "Label", "Class", "Call Type", "Type", "Species Code")
"""Columns that may hold what a selection is; the first that is there counts."""
FILES = ("Begin File", "Begin Path")
SCORES = ("Score", "Confidence")


def read_raven(path: PathLike) -> dict[str, list[Event]]:
    """Events of a selection table; the rows of several views of one selection are one event.

    Raises:
        InputError: no column that is needed; several recordings, but no `File Offset (s)` that tells where in
            its recording a selection lies; a time or label that cannot be. The message names the line.
    """
    there = column_names(path)
    rows = read_table(path, (BEGIN, END))
    label = next((name for name in LABELS if name in there), None)
    if label is None:
        raise InputError(
            f"{path}:1: no column `Annotation` that says what a selection is ({', '.join(there)})"
        )
    file = next((name for name in FILES if name in there), None)
    score = next((name for name in SCORES if name in there), None)
    names = {row.fields[file] for row in rows} if file else set()
    if len(names) > 1 and IN_FILE not in there:
        raise InputError(
            f"{path}:1: {len(names)} recordings, but no column `{IN_FILE}`: let Raven show that measurement"
        )
    table: dict[str, dict[Event, None]] = {}
    for row in rows:
        name = _name(row, file) if file else recording_name(path)
        found = _event(row, IN_FILE in there, row.fields[label], row.fields.get(score or ""))
        table.setdefault(name, {})[found] = None
    return {name: list(events) for name, events in table.items()} or {recording_name(path): []}


def write_raven(path: PathLike, table: EventTable) -> None:
    """Write selections with four decimals; frequencies span the whole of Raven's usual view.

    Recordings without events have no line. Raises InputError: a label holds a tab or a line end.
    """
    columns = ["Selection", "View", "Channel", BEGIN, END, "Low Freq (Hz)", "High Freq (Hz)"]
    columns += [FILES[0], IN_FILE, LABELS[0], SCORES[0]]
    events = ((name, one) for name, found in table.items() for one in sorted(found))
    rows = (_row(path, number, name, one) for number, (name, one) in enumerate(events, 1))
    write_table(path, columns, rows)


def _row(path: PathLike, number: int, name: str, one: Event) -> list[str]:
    onset, offset = f"{one.onset:.4f}", f"{one.offset:.4f}"
    score = "" if one.score is None else f"{one.score:.4f}"
    view = [str(number), "Spectrogram 1", "1", onset, offset, "0.0", "8000.0"]
    return [*view, name, onset, one_line(path, one.label), score]


def _event(row: Row, in_file: bool, label: str, score: str | None) -> Event:
    """Seconds in the recording; the begin times of several recordings count from the first one's begin."""
    stated = checked_event(row.place, row.number(BEGIN), row.number(END), label, score)
    if not in_file:
        return stated
    onset = checked_number(row.place, IN_FILE, row.fields[IN_FILE])
    # What is left of binary fractions after the sum is far below the table's own decimals.
    return checked_event(row.place, onset, round(onset + stated.duration, 9), label, score)


def _name(row: Row, column: str) -> str:
    stated = row.fields[column]
    if not stated:
        raise InputError(f"{row.place}: {column} is empty")
    absolute = stated.startswith(("/", "\\")) or stated[1:2] == ":"
    return with_suffix(base_name(stated) if absolute else stated.replace("\\", "/"))

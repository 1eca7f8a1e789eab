"""Comma-separated tables with a header, of whatever program: the usual names of columns are known."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import read_text, write_pieces
from sedt.formats.fields import checked_event, checked_number, recording_name
from sedt.formats.tables import PathLike

COLUMNS = {
    "file": ("filename", "file", "file_name", "recording", "audio", "path", "begin_file", "notated_path"),
    "onset": ("onset", "start", "begin", "start_time", "begin_time", "onset_s", "start_s", "begin_time_s"),
    "offset": ("offset", "end", "stop", "end_time", "stop_time", "offset_s", "end_s", "end_time_s"),
    "duration": ("duration", "length", "duration_s"),
    "label": ("event_label", "label", "class", "annotation", "event", "species", "common_name", "name"),
    "score": ("score", "confidence", "probability"),
}
"""What a column holds -> what it may be called; letter case, blanks and brackets do not count."""

NUMBERS = frozenset(("onset", "offset", "duration", "score"))


def plain(name: str) -> str:
    """A column's name as `COLUMNS` has it: `Begin Time (s)` is `begin_time_s`."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def delimiter_of(header: str) -> str:
    """The mark that parts most fields of a header line."""
    return max(",;\t", key=header.count)


def find_columns(header: list[str]) -> dict[str, int]:
    """What is known of -> its column; the first name of `COLUMNS` that is there counts."""
    names = [plain(name) for name in header]
    return {
        field: next(names.index(name) for name in known if name in names)
        for field, known in COLUMNS.items()
        if any(name in names for name in known)
    }


def is_event_header(line: str) -> bool:
    """Whether a line names columns of events."""
    found = find_columns(next(csv.reader([line], delimiter=delimiter_of(line)), []))
    return {"onset", "label"} <= found.keys() and bool({"offset", "duration"} & found.keys())


def read_csv(path: PathLike) -> dict[str, list[Event]]:
    """Events of a table; without a column of file names, of the one recording that its own name says.

    A row with a file name alone is a recording without events. Seconds; a duration may stand for the offset.
    Where semicolons part the fields, numbers may have a decimal comma, as many spreadsheets write.

    Raises:
        InputError: not text, no column that is needed, or a row whose times or label cannot be.
    """
    text = read_text(path)
    header, *lines = _rows(path, text)
    columns = find_columns(header[1])
    _check(f"{path}:{header[0]}", header[1], columns)
    has_decimal_commas = delimiter_of(text.lstrip().split("\n", 1)[0]) == ";"
    table: dict[str, dict[Event, None]] = {}
    for line, row in lines:
        if len(row) != len(header[1]):
            raise InputError(f"{path}:{line}: {len(row)} fields; the header has {len(header[1])}")
        fields = {name: row[column].strip() for name, column in columns.items()}
        if has_decimal_commas:
            fields |= {name: fields[name].replace(",", ".") for name in NUMBERS & fields.keys()}
        name = fields.pop("file", None)
        if name == "":
            raise InputError(f"{path}:{line}: the file name is empty")
        events = table.setdefault(name or recording_name(path), {})
        if any(fields.values()):
            events[_event(f"{path}:{line}", fields)] = None
    if not table and "file" not in columns:
        table[recording_name(path)] = {}
    return {name: list(events) for name, events in table.items()}


def write_csv(path: PathLike, table: EventTable) -> None:
    """Write `filename,onset,offset,event_label[,score]`; times as exact as they are. Raises InputError."""
    scored = any(one.score is not None for events in table.values() for one in events)
    columns = ["filename", "onset", "offset", "event_label", *["score"] * scored]
    write_pieces(path, _pieces(table, columns))


def _pieces(table: EventTable, columns: list[str]) -> Iterator[str]:
    """The header, and the rows of each recording."""
    yield _text([columns])
    for name, events in table.items():
        rows = [[name, f"{one.onset!r}", f"{one.offset!r}", one.label, _score(one)] for one in sorted(events)]
        yield _text([row[: len(columns)] for row in rows or [[name, "", "", "", ""]]])


def _score(one: Event) -> str:
    return "" if one.score is None else repr(one.score)


def _text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _rows(path: PathLike, text: str) -> list[tuple[int, list[str]]]:
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first:
        raise InputError(f"{Path(path)}: is empty; a header line with column names is needed")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(first))
    try:
        return [(reader.line_num, row) for row in reader if any(field.strip() for field in row)]
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: {error}") from None


def _check(place: str, header: list[str], columns: dict[str, int]) -> None:
    for field in ("onset", "label"):
        if field not in columns:
            raise InputError(f"{place}: no column `{COLUMNS[field][0]}` (columns: {', '.join(header)})")
    if not {"offset", "duration"} & columns.keys():
        raise InputError(f"{place}: no column `offset` or `duration` (columns: {', '.join(header)})")


def _event(place: str, fields: dict[str, str]) -> Event:
    onset = checked_number(place, "onset", fields["onset"])
    offset = fields.get("offset") or onset + checked_number(place, "duration", fields.get("duration"))
    return checked_event(place, onset, offset, fields["label"], fields.get("score"))

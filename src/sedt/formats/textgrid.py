"""Praat's TextGrid, long and short: intervals with text are events, points events of no length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import write_text
from sedt.formats.fields import checked_event, checked_number, lanes, only_recording, recording_name
from sedt.formats.tables import PathLike

# Names such as `xmin =` and indices in brackets, which the long format has besides, are none of these.
_VALUES = re.compile(r'"((?:[^"]|"")*)"|(<exists>|<absent>)|(?<![^\s=])([-+]?[\d.][\d.eE+-]*)(?!\S)')
_INTERVALS, _POINTS = "IntervalTier", "TextTier"


class _Value(NamedTuple):
    text: str
    line: int
    is_text: bool


class _Values:
    """The values of a file in their order; what is expected next is named in errors."""

    def __init__(self, path: PathLike, text: str) -> None:
        self._path = path
        self._found = self._scan(text)
        self._line = 1

    def _scan(self, text: str) -> Iterator[_Value]:
        line, done = 1, 0
        for match in _VALUES.finditer(text):
            line, done = line + text.count("\n", done, match.start()), match.start()
            quoted, flag, plain = match.groups()
            yield _Value(
                (quoted.replace('""', '"') if quoted is not None else flag or plain), line, quoted is not None
            )

    @property
    def place(self) -> str:
        """FILE:LINE of the last value."""
        return f"{self._path}:{self._line}"

    def text(self, what: str) -> str:
        """The next value, which must be a text or a flag."""
        value = self._next(what)
        if not value.is_text and not value.text.startswith("<"):
            raise InputError(f"{self.place}: {what} is needed, not {value.text}")
        return value.text

    def number(self, what: str) -> float:
        """The next value, which must be a number."""
        value = self._next(what)
        return checked_number(self.place, what, value.text if not value.is_text else f'"{value.text}"')

    def count(self, what: str) -> int:
        """The next value, which must be a number of things."""
        value = self.number(what)
        if value < 0 or value != int(value):
            raise InputError(f"{self.place}: {what} cannot be {value:g}")
        return int(value)

    def _next(self, what: str) -> _Value:
        value = next(self._found, None)
        if value is None:
            raise InputError(f"{self.place}: ends where {what} is needed")
        self._line = value.line
        return value


def read_textgrid(path: PathLike) -> dict[str, list[Event]]:
    """Events of all tiers; intervals without text are silence.

    Raises:
        InputError: no TextGrid, or it ends early or holds impossible times. The message names the line.
    """
    values = _Values(path, _decoded(Path(path)))
    if values.text("`ooTextFile`") != "ooTextFile" or values.text("`TextGrid`") != "TextGrid":
        raise InputError(f"{path}:1: not a TextGrid: `ooTextFile` and `TextGrid` must come first")
    for what in ("xmin", "xmax"):
        values.number(what)
    found: dict[Event, None] = {}
    if values.text("`<exists>`") == "<exists>":
        for _ in range(values.count("the number of tiers")):
            found.update(dict.fromkeys(_tier(values)))
    return {recording_name(path): sorted(found)}


def write_textgrid(path: PathLike, table: EventTable) -> None:
    """Write a tier for each label, a further one where its events overlap; times as exact as they are.

    Raises:
        InputError: more than one recording.
    """
    _, events = only_recording(path, table, "a TextGrid")
    end = max((one.offset for one in events), default=0.0) or 1.0
    tiers = []
    for label in sorted({one.label for one in events}):
        own = [one for one in events if one.label == label]
        tiers += [_interval_tier(label, lane, end) for lane in lanes([e for e in own if e.duration > 0])]
        points = [one for one in own if one.duration == 0]
        if points:
            tiers.append(
                [_POINTS, label, 0, end, len(points), *(x for e in points for x in (e.onset, label))]
            )
    values: list[object] = [0, end, "<exists>", len(tiers)]
    values += [value for tier in tiers for value in tier]
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *map(_written, values)]
    write_text(path, "\n".join(lines) + "\n")


def _tier(values: _Values) -> Iterator[Event]:
    kind = values.text("the class of a tier")
    if kind not in (_INTERVALS, _POINTS):
        raise InputError(f"{values.place}: a tier is {_INTERVALS} or {_POINTS}, not {kind!r}")
    values.text("the name of a tier")
    for what in ("xmin", "xmax"):
        values.number(what)
    for _ in range(values.count("the number of intervals or points")):
        onset = values.number("a time")
        offset = values.number("a time") if kind == _INTERVALS else onset
        place, text = values.place, values.text("a text")
        if text.strip():
            yield checked_event(place, onset, offset, text)


def _interval_tier(label: str, events: list[Event], end: float) -> list[object]:
    """The intervals of a tier, which leave no gap."""
    rows: list[object] = []
    number, at = 0, 0.0
    for one in events:
        if one.onset > at:
            rows, number = [*rows, at, one.onset, ""], number + 1
        rows, number, at = [*rows, one.onset, one.offset, label], number + 1, one.offset
    if at < end:
        rows, number = [*rows, at, end, ""], number + 1
    return [_INTERVALS, label, 0, end, number, *rows]


def _written(value: object) -> str:
    if isinstance(value, str) and value != "<exists>":
        return '"' + value.replace('"', '""') + '"'
    return str(float(value)) if isinstance(value, float) else str(value)


def _decoded(path: Path) -> str:
    """Praat writes UTF-8 or, with a byte order mark, UTF-16. Raises InputError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: neither UTF-8 nor UTF-16: {error.reason} at byte {error.start}") from error

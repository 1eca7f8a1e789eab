"""Praat's TextGrid, long and short: intervals with text are events, points events of no length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import read_text, write_text
from sedt.formats.fields import by_label, checked_event, checked_number, lanes, only_recording, recording_name
from sedt.formats.tables import PathLike

# Names such as `xmin =` and indices in brackets, which the long format has besides, are none of these. The
# last kind, alone in a line or behind `=`, is no value that could be, and is named as one that is wrong.
_VALUES = re.compile(
    r'"((?:[^"]|"")*)"|(<exists>|<absent>)|(?<![^\s=])([-+]?[\d.][\d.eE+-]*)(?!\S)'
    r'|(?:^|=)[ \t]*([^\s"=:]+)[ \t]*$',
    re.MULTILINE,
)
_INTERVALS, _POINTS = "IntervalTier", "TextTier"


class _Value(NamedTuple):
    text: str
    line: int
    is_text: bool


class _Tier(NamedTuple):
    """A tier to write."""

    name: str
    rows: list[tuple[float, float, str]]
    """Onset, offset, text."""
    kind: str = _INTERVALS


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
            quoted, *others = match.groups()
            found = next(filter(None, others), "") if quoted is None else quoted.replace('""', '"')
            yield _Value(found, line, quoted is not None)

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
        if value < 0 or not value.is_integer():
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
    values = _Values(path, read_text(path))
    is_known = values.text("`ooTextFile`") in ("ooTextFile", "ooTextFile short")
    if not is_known or values.text("`TextGrid`") != "TextGrid":
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
    end = float(max((one.offset for one in events), default=0.0) or 1.0)
    tiers: list[_Tier] = []
    for label, own in by_label(events).items():
        tiers += [_Tier(label, _filled(lane, end)) for lane in lanes([e for e in own if e.duration > 0])]
        points = [one for one in own if one.duration == 0]
        if points:
            tiers.append(_Tier(label, [(e.onset, e.offset, label) for e in points], _POINTS))
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, tier in enumerate(tiers, 1):
        lines += [f"    item [{number}]:", *_written(tier, end)]
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


def _filled(events: list[Event], end: float) -> list[tuple[float, float, str]]:
    """The intervals of a tier, which leave no gap."""
    rows: list[tuple[float, float, str]] = []
    at = 0.0
    for one in events:
        if one.onset > at:
            rows.append((at, one.onset, ""))
        rows.append((one.onset, one.offset, one.label))
        at = one.offset
    return [*rows, (at, end, "")] if at < end else rows


def _written(tier: _Tier, end: float) -> Iterator[str]:
    """Lines of the long format, which more programs read than the short one."""
    points = tier.kind == _POINTS
    what = "points" if points else "intervals"
    yield f'        class = "{tier.kind}"'
    yield f"        name = {_quoted(tier.name)}"
    yield from ("        xmin = 0", f"        xmax = {end}", f"        {what}: size = {len(tier.rows)}")
    for number, (onset, offset, label) in enumerate(tier.rows, 1):
        yield f"        {what} [{number}]:"
        if points:
            yield from (f"            number = {float(onset)}", f"            mark = {_quoted(label)}")
        else:
            yield from (f"            xmin = {float(onset)}", f"            xmax = {float(offset)}")
            yield f"            text = {_quoted(label)}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'

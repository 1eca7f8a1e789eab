"""RTTM (NIST): lines `TYPE file channel onset duration <NA> <NA> label confidence <NA>`."""

from __future__ import annotations

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import read_text, write_pieces
from sedt.formats.fields import checked_event, checked_number, with_suffix
from sedt.formats.tables import PathLike

TYPES = frozenset(
    [
        "SEGMENT",
        "NOSCORE",
        "NO_RT_METADATA",
        "LEXEME",
        "NON-LEX",
        "NON-SPEECH",
        "FILLER",
        "EDIT",
        "IP",
        "SU",
        "CB",
        "A/P",
        "SPEAKER",
        "SPKR-INFO",
    ]
)
_WITHOUT_TIMES = frozenset(("SPKR-INFO", "NO_RT_METADATA"))
_NONE = "<NA>"


def read_rttm(path: PathLike) -> dict[str, list[Event]]:
    """Events of all lines with times; the label is the name, or for a line without one its type.

    Raises:
        InputError: a line with fewer than eight fields, of no known type, or with impossible times.
    """
    table: dict[str, dict[Event, None]] = {}
    for line_number, line in enumerate(read_text(path).split("\n"), 1):
        fields, place = line.split(), f"{path}:{line_number}"
        if not fields or fields[0].startswith(";"):
            continue
        if len(fields) < 8 or fields[0] not in TYPES:
            raise InputError(
                f"{place}: not RTTM: `TYPE file channel onset duration <NA> <NA> label` is needed"
            )
        if fields[0] in _WITHOUT_TIMES:
            continue
        onset, duration = (
            checked_number(place, "onset", fields[3]),
            checked_number(place, "duration", fields[4]),
        )
        label = fields[7] if fields[7] != _NONE else fields[0]
        score = fields[8] if len(fields) > 8 and fields[8] != _NONE else None
        found = checked_event(place, onset, round(onset + duration, 9), label, score)
        table.setdefault(with_suffix(fields[1]), {})[found] = None
    return {name: list(events) for name, events in table.items()}


def write_rttm(path: PathLike, table: EventTable) -> None:
    """Write lines of type SPEAKER with six decimals; recordings without events have none.

    Raises:
        InputError: a file name or label with a blank, which RTTM cannot hold.
    """
    write_pieces(path, (_line(path, name, one) for name, events in table.items() for one in sorted(events)))


def _line(path: PathLike, name: str, one: Event) -> str:
    for text in (name, one.label):
        if len(text.split()) != 1:
            raise InputError(f"{path}: {text!r} holds a blank, which RTTM cannot")
    score = _NONE if one.score is None else f"{one.score:.6f}"
    times = f"{one.onset:.6f} {one.duration:.6f}"
    return f"SPEAKER {name} 1 {times} {_NONE} {_NONE} {one.label} {score} {_NONE}\n"

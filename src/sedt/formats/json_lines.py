"""JSON lines: each an event with its `filename`, or a recording with its `events`."""

from __future__ import annotations

import json
from typing import Any

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import read_text, write_pieces
from sedt.formats.fields import checked_event
from sedt.formats.tables import PathLike


def read_json_lines(path: PathLike) -> dict[str, list[Event]]:
    """Events of lines, which may be of both kinds; `event_label` may be called `label`.

    Raises:
        InputError: a line that is no JSON or lacks what is needed; the message names it.
    """
    table: dict[str, dict[Event, None]] = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        content = _object(place, line)
        name = content.get("filename")
        if not isinstance(name, str) or not name:
            raise InputError(f"{place}: needs a `filename`")
        entries = content.get("events", [content])
        if not isinstance(entries, list):
            raise InputError(f"{place}: `events` must be a list")
        table.setdefault(name, {}).update(dict.fromkeys(_event(place, entry) for entry in entries))
    return {name: list(events) for name, events in table.items()}


def write_json_lines(path: PathLike, table: EventTable) -> None:
    """Write a line for each recording; times and scores exact. Raises InputError: it cannot be written."""
    lines = (
        json.dumps({"filename": name, "events": [_entry(one) for one in events]}, ensure_ascii=False)
        for name, events in table.items()
    )
    write_pieces(path, (f"{line}\n" for line in lines))


def _object(place: str, line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON: {error.msg} in column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{place}: an object is needed, not {line.strip()[:40]}")
    return content


def _event(place: str, entry: Any) -> Event:
    if not isinstance(entry, dict):
        raise InputError(f"{place}: an event must be an object")
    label = entry.get("event_label", entry.get("label"))
    return checked_event(place, entry.get("onset"), entry.get("offset"), label, entry.get("score"))


def _entry(one: Event) -> dict[str, Any]:
    entry = {"onset": float(one.onset), "offset": float(one.offset), "event_label": one.label}
    return entry if one.score is None else {**entry, "score": float(one.score)}

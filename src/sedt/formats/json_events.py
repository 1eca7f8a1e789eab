"""Events as JSON: `{"files": [{"filename": NAME, "events": [{"onset": 0.5, "offset": 2, "label": "dog"}]}]}`.

An event may have a `score`. Times and scores come back exactly as they were written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import load_json, write_pieces
from sedt.formats.tables import PathLike


def read_json(path: PathLike) -> dict[str, list[Event]]:
    """Read events; other keys are ignored, repeated events dropped.

    Raises:
        InputError: the file cannot be read, is no JSON, or lacks what is needed; names the place in it.
    """
    path = Path(path)
    content = load_json(path)
    table: dict[str, dict[Event, None]] = {}
    for index, file in enumerate(_list(content, "files", f"{path}:")):
        place = f"{path}: files[{index}]"
        name = file.get("filename") if isinstance(file, dict) else None
        if not isinstance(name, str) or not name:
            raise InputError(f"{place} needs a `filename`")
        entries = _list(file, "events", place)
        events = [_event(entry, f"{place}.events[{i}]") for i, entry in enumerate(entries)]
        table.setdefault(name, {}).update(dict.fromkeys(events))
    return {name: list(events) for name, events in table.items()}


def write_json(path: PathLike, table: EventTable) -> None:
    """Write events in their order. Raises InputError: the file cannot be written."""
    write_pieces(path, _pieces(table))


def _pieces(table: EventTable) -> Iterator[str]:
    """What json.dumps(..., indent=1) makes of it all, a recording at a time."""
    yield '{\n "files": ['
    before = ""
    for name, events in table.items():
        file = {"filename": name, "events": [_entry(e) for e in events]}
        yield f"{before}\n{json.dumps(file, indent=1, ensure_ascii=False)}".replace("\n", "\n  ")
        before = ","
    yield "\n ]\n}\n" if before else "]\n}\n"


def _entry(event: Event) -> dict[str, Any]:
    entry = {"onset": float(event.onset), "offset": float(event.offset), "label": event.label}
    return entry if event.score is None else {**entry, "score": float(event.score)}


def _event(entry: Any, place: str) -> Event:
    label = entry.get("label") if isinstance(entry, dict) else None
    if not isinstance(label, str) or not label:
        raise InputError(f"{place} needs `onset`, `offset` and a `label`")
    onset, offset = (_number(entry, key, place) for key in ("onset", "offset"))
    score = None if entry.get("score") is None else _number(entry, "score", place)
    try:
        return Event(onset, offset, label, score)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _number(entry: dict[str, Any], key: str, place: str) -> float:
    value: Any = entry.get(key)
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{place}: `{key}` must be a finite number, not {repr(value)[:40]}")
    return number


def _list(value: Any, key: str, place: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise InputError(f"{place} needs a list `{key}`")
    return found

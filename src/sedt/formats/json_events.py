"""Events as JSON: `{"files": [{"filename": ..., "events": [{"onset": ..., "offset": ..., "label": ...}]}]}`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import write_text


def read_json(path: str | os.PathLike[str]) -> dict[str, list[Event]]:
    """Read events. Raises InputError naming the file and the place in it."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    table: dict[str, list[Event]] = {}
    for index, file in enumerate(_list(content, "files", str(path))):
        place = f"{path}: files[{index}]"
        name = file.get("filename") if isinstance(file, dict) else None
        if not isinstance(name, str) or not name:
            raise InputError(f"{place}: needs a `filename`")
        entries = _list(file, "events", place)
        table[name] = [_event(entry, f"{place}.events[{i}]") for i, entry in enumerate(entries)]
    return table


def write_json(path: str | os.PathLike[str], table: EventTable) -> None:
    """Write events, times in seconds. Raises InputError: it cannot be written."""
    files = [
        {"filename": name, "events": [_entry(event) for event in sorted(events, key=lambda e: e.onset)]}
        for name, events in table.items()
    ]
    write_text(path, json.dumps({"files": files}, indent=1, ensure_ascii=False) + "\n")


def _entry(event: Event) -> dict[str, Any]:
    entry: dict[str, Any] = {"onset": event.onset, "offset": event.offset, "label": event.label}
    return entry if event.score is None else {**entry, "score": event.score}


def _event(entry: Any, place: str) -> Event:
    if not isinstance(entry, dict) or not isinstance(entry.get("label"), str) or not entry["label"]:
        raise InputError(f"{place}: needs `onset`, `offset` and a `label`")
    for key in ("onset", "offset", "score"):
        value = entry.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) and not (key == "score" and value is None):
            raise InputError(f"{place}: `{key}` must be a number, not {value!r}")
    try:
        return Event(float(entry["onset"]), float(entry["offset"]), entry["label"], entry.get("score"))
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _list(value: Any, key: str, place: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise InputError(f"{place}: needs a list `{key}`")
    return found

"""An annotation of one clip: JAMS (Humphrey et al., ISMIR 2014), or lines, as in URBAN-SED and from Audacity.

Events of one class that overlap are joined, their times compared as numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sedt.audio import SUFFIXES
from sedt.errors import InputError
from sedt.events import Event, EventTable, merge_overlapping
from sedt.files import load_json, read_text, write_text
from sedt.formats.fields import checked_event, checked_number, one_line, only_recording, recording_name
from sedt.formats.tables import JOINED, Mends, PathLike

NAMESPACES = ("scaper", "sound_event", "segment_open", "tag_open")
"""JAMS annotations that hold events; of several in a file the first of these counts."""


def read_jams_file(path: PathLike, mends: Mends | None = None) -> dict[str, list[Event]]:
    """The recording of a JAMS file and its events, overlapping ones of a class joined. See `read_jams`."""
    path = Path(path)
    content = load_json(path)
    return _joined(recording_name(path, _title(content)), _events_of_jams(path, content), mends)


def read_line_file(path: PathLike, mends: Mends | None = None) -> dict[str, list[Event]]:
    """The recording of a file of lines and its events, overlapping ones joined. See `read_lines`."""
    return _joined(recording_name(path), read_lines(Path(path)), mends)


def _joined(name: str, events: list[Event], mends: Mends | None) -> dict[str, list[Event]]:
    joined = merge_overlapping(events)
    if mends is not None:
        mends += [(name, JOINED)] * (len(events) - len(joined))
    return {name: joined}


def read_jams(path: Path) -> list[Event]:
    """Events of a JAMS file as they stand there; of a scaper annotation those in the foreground.

    Raises:
        InputError: not JSON, no annotation of `NAMESPACES`, a time that is not a number or negative.
    """
    return _events_of_jams(path, load_json(path))


def write_jams(path: PathLike, table: EventTable) -> None:
    """Write one annotation of namespace `segment_open`; scores are its confidence.

    Raises:
        InputError: more than one recording.
    """
    name, events = only_recording(path, table, "JAMS")
    data = [
        {"time": one.onset, "duration": one.duration, "value": one.label, "confidence": one.score}
        for one in events
    ]
    end = max((one.offset for one in events), default=0.0)
    annotation = {
        "namespace": "segment_open",
        "data": data,
        "annotation_metadata": {},
        "sandbox": {},
        "time": 0.0,
        "duration": end,
    }
    metadata: dict[str, Any] = {"title": name, "artist": "", "release": "", "identifiers": {}}
    metadata |= {"duration": end, "jams_version": "0.3.4"}
    content = {"file_metadata": metadata, "annotations": [annotation], "sandbox": {}}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_lines(path: PathLike, table: EventTable) -> None:
    """Write an Audacity label track, in microseconds. Raises InputError: more than one recording."""
    _, events = only_recording(path, table, "Audacity")
    lines = [f"{one.onset:.6f}\t{one.offset:.6f}\t{one_line(path, one.label)}\n" for one in events]
    write_text(path, "".join(lines))


def _title(content: Any) -> str | None:
    """The name of an audio file, where the title of a JAMS file is one."""
    metadata = content.get("file_metadata") if isinstance(content, dict) else None
    title = metadata.get("title") if isinstance(metadata, dict) else None
    return title if isinstance(title, str) and Path(title).suffix.lower() in SUFFIXES else None


def _events_of_jams(path: Path, content: Any) -> list[Event]:
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(annotations, list):
        raise InputError(f"{path}: not JAMS: no list `annotations`")
    by_name = {str(a.get("namespace")): a for a in reversed(annotations) if isinstance(a, dict)}
    chosen = next((by_name[name] for name in NAMESPACES if name in by_name), None)
    if chosen is None:
        raise InputError(f"{path}: no annotation with namespace {', '.join(NAMESPACES)}")
    rows = _observations(chosen.get("data"))
    events = [_observed(path, number, row) for number, row in enumerate(rows)]
    return [event for event in events if event is not None]


def read_lines(path: Path) -> list[Event]:
    """Events of lines `onset offset label`, parted by tabs or blanks, as they stand; a label may hold blanks.

    Raises:
        InputError: not text, a line with fewer fields, a time that is not a number or negative. The message
            names the line.
    """
    rows = enumerate(read_text(path).split("\n"), 1)
    lines = ((f"{path}:{number}", line) for number, line in rows if line.strip())
    # Audacity writes the frequencies of a label on a line of its own, behind a backslash.
    return [_line(place, line) for place, line in lines if not line.startswith("\\")]


def _observations(data: Any) -> Iterator[dict[str, Any]]:
    """Rows of a JAMS annotation: a list of them, or, in early files, one list for each column."""
    if isinstance(data, dict):
        columns = {name: values for name, values in data.items() if isinstance(values, list)}
        for values in zip(*columns.values(), strict=False):
            yield dict(zip(columns, values, strict=True))
    elif isinstance(data, list):
        yield from (row if isinstance(row, dict) else {} for row in data)


def _observed(path: Path, number: int, row: dict[str, Any]) -> Event | None:
    """One event; None for what scaper put into the background."""
    place, value = f"{path}: observation {number + 1}", row.get("value")
    if isinstance(value, dict):
        if value.get("role") == "background":
            return None
        value = value.get("label")
    if not isinstance(value, str) or not value:
        raise InputError(f"{place}: no label")
    onset, duration = (checked_number(place, name, row.get(name)) for name in ("time", "duration"))
    return checked_event(place, onset, onset + duration, value)


def _line(place: str, line: str) -> Event:
    fields = line.split(maxsplit=2)
    if len(fields) < 3:
        raise InputError(f"{place}: {len(fields)} fields; `onset offset label` is needed")
    return checked_event(place, *fields)

"""Label Studio's export, JSON and JSON-MIN: regions of audio with labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sedt.audio import SUFFIXES
from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import load_json, write_text
from sedt.formats.fields import base_name, checked_event, with_suffix
from sedt.formats.tables import PathLike

_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the names of uploaded files."""

_UPLOADS = "/data/upload/"


def read_label_studio(path: PathLike) -> dict[str, list[Event]]:
    """Events of all tasks; of several annotations of one task the last that was not cancelled counts.

    Raises:
        InputError: not JSON, not a list of tasks, a task without audio, a region without times or labels.
    """
    tasks = load_json(path)
    if not isinstance(tasks, list):
        raise InputError(f"{path}: not of Label Studio: a list of tasks is needed")
    table: dict[str, dict[Event, None]] = {}
    for index, task in enumerate(tasks):
        place = f"{path}: task {index + 1}"
        if not isinstance(task, dict):
            raise InputError(f"{place}: not an object")
        events = table.setdefault(_name(place, task), {})
        events.update(dict.fromkeys(_events(place, task)))
    # Folders of a local storage count from its root, which nobody else knows: only where they tell two apart.
    plain = [base_name(name) for name in table]
    names = plain if len(set(plain)) == len(plain) else list(table)
    return {name: list(events) for name, events in zip(names, table.values(), strict=True)}


def write_label_studio(path: PathLike, table: EventTable) -> None:
    """Write tasks to import; regions are called `label` on `audio`, as in the template for sound events."""
    tasks = [
        {
            "data": {"audio": name},
            "annotations": [{"result": [_region(i, one) for i, one in enumerate(sorted(events), 1)]}],
        }
        for name, events in table.items()
    ]
    write_text(path, json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")


def _name(place: str, task: dict[str, Any]) -> str:
    data = task["data"] if isinstance(task.get("data"), dict) else task
    values = [data.get("audio"), *data.values()]
    for value in values:
        if not isinstance(value, str):
            continue
        name = _in_local_storage(value) or value
        if Path(base_name(name)).suffix.lower() not in SUFFIXES:
            continue
        if name != value or not ("://" in value or value.startswith("/")):
            return with_suffix(name)
        plain = unquote(value) if value.startswith(_UPLOADS) else value
        return with_suffix(_UPLOAD.sub("", base_name(plain)))
    raise InputError(f"{place}: names no audio file in `data`")


def _in_local_storage(value: str) -> str | None:
    """The path in it that `/data/local-files/?d=PATH` names, whatever server it is on."""
    url = urlsplit(value)
    named = [part[2:] for part in url.query.split("&") if part.startswith("d=")]
    return unquote(named[0]) if named and url.path.endswith("/local-files/") else None


def _events(place: str, task: dict[str, Any]) -> Iterator[Event]:
    if "annotations" in task:
        kept = [a for a in _list(place, task["annotations"]) if not a.get("was_cancelled")]
        regions = _list(place, kept[-1].get("result")) if kept else []
    else:  # JSON-MIN has the regions under the name of the control
        regions = [
            region
            for value in task.values()
            if isinstance(value, list)
            for region in value
            if isinstance(region, dict) and "start" in region
        ]
    for number, region in enumerate(regions, 1):
        found = region.get("value", region)
        if not isinstance(found, dict) or "start" not in found:
            continue  # choices for the whole clip, texts
        where = f"{place}, region {number}"
        labels = next((v for k, v in found.items() if k.endswith("labels") and isinstance(v, list)), None)
        if labels is None and not str(region.get("type", "")).endswith("labels"):
            continue  # texts, choices and ratings of a region
        if not labels:
            raise InputError(f"{where}: no label")
        for label in labels:
            yield checked_event(where, found["start"], found.get("end"), label, region.get("score"))


def _list(place: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise InputError(f"{place}: a list of objects is needed in `annotations` and `result`")
    return value


def _region(number: int, one: Event) -> dict[str, Any]:
    region: dict[str, Any] = {
        "id": f"r{number}",
        "from_name": "label",
        "to_name": "audio",
        "type": "labels",
        "value": {"start": one.onset, "end": one.offset, "channel": 0, "labels": [one.label]},
    }
    return region if one.score is None else {**region, "score": one.score}

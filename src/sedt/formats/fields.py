"""What all formats share: checked times and labels, and the name of a label file's recording."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from heapq import heappop, heappush
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote

from sedt.audio import SUFFIXES
from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.formats.tables import PathLike, no_number

AUDIO_SUFFIX = ".wav"
"""Recordings whose ending a format does not tell are called so in tables; find_file knows the others."""

AUDIO_SUFFIXES = (*sorted(SUFFIXES), *(suffix.upper() for suffix in sorted(SUFFIXES)))
"""Endings of audio as files have them: recorders in the field like to write `.WAV`."""

_OWN_ENDINGS = re.compile(
    r"(\.table\.\d+)?(\.selections?|\.audacity|\.raven|\.labels?|\.scores|\.label_studio|\.annotations?)?\.[^.]+$",
    re.IGNORECASE,
)
"""What stands behind the recording's name: `song.Table.1.selections.txt`, `song.wav.audacity.txt`."""


def checked_number(place: str, name: str, value: Any) -> float:
    """A value as a number. Raises InputError: it is none; the message begins with `place`."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{place}: {no_number(name, value)}") from None


def checked_event(place: str, onset: Any, offset: Any, label: Any, score: Any = None) -> Event:
    """An event of fields. Raises InputError: no label, or times that cannot be; it begins with `place`."""
    if not isinstance(label, str) or not label.strip():
        raise InputError(f"{place}: no label")
    times = checked_number(place, "onset", onset), checked_number(place, "offset", offset)
    confidence = None if score in (None, "") else checked_number(place, "score", score)
    if confidence is not None and not math.isfinite(confidence):
        raise InputError(f"{place}: score is {confidence}: a finite number is needed")
    try:
        return Event(*times, label.strip(), confidence)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def recording_name(path: PathLike, stated: str | None = None) -> str:
    """The recording that a label file is of: what it says itself, else what its own name says.

    `song.wav.audacity.txt` is of `song.wav`; `song.txt` of the audio that lies beside it, else of `song.wav`.
    """
    if stated:
        return with_suffix(base_name(stated))
    path = Path(path)
    name = _OWN_ENDINGS.sub("", path.name) or path.name
    if PurePosixPath(name).suffix.lower() in SUFFIXES:
        return name
    beside = (path.parent / f"{name}{suffix}" for suffix in AUDIO_SUFFIXES)
    return next((file.name for file in beside if file.is_file()), name + AUDIO_SUFFIX)


def base_name(path: str) -> str:
    """The last part of a path or URL as any system writes it."""
    plain = unquote(path.split("?")[0]) if "://" in path else path
    return PureWindowsPath(plain).name


def with_suffix(name: str) -> str:
    """The name of a recording; one that has no ending of audio gets the usual one."""
    return name if PurePosixPath(name).suffix.lower() in SUFFIXES else name + AUDIO_SUFFIX


def only_recording(path: PathLike, table: EventTable, format_name: str) -> tuple[str, list[Event]]:
    """The one recording of a table, events ordered. Raises InputError: the format holds no more, or none."""
    if len(table) != 1:
        raise InputError(
            f"{path}: {format_name} holds one recording in a file, not {len(table)}: write into a folder"
        )
    ((name, events),) = table.items()
    return name, sorted(events)


def one_line(path: PathLike, text: str) -> str:
    """A label for a format of lines. Raises InputError: it holds a tab or a line end."""
    if any(mark in text for mark in "\t\n\r"):
        raise InputError(f"{path}: {text!r} holds a tab or a line end, which this format cannot")
    return text


def lanes(events: list[Event]) -> list[list[Event]]:
    """Ordered events, dealt out so that none of a lane overlap: the first lane that is free takes each."""
    dealt: list[list[Event]] = []
    free: list[int] = []
    ends: list[tuple[float, int]] = []
    for one in events:
        while ends and ends[0][0] <= one.onset:
            heappush(free, heappop(ends)[1])
        if not free:
            heappush(free, len(dealt))
            dealt.append([])
        lane = heappop(free)
        dealt[lane].append(one)
        heappush(ends, (one.offset, lane))
    return dealt


def by_label(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Label, in order -> its events, in the order given."""
    found: dict[str, list[Event]] = {}
    for one in events:
        found.setdefault(one.label, []).append(one)
    return dict(sorted(found.items()))

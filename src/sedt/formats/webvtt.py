"""WebVTT: cues of one recording, each line of a cue a label."""

from __future__ import annotations

import html
import re

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import read_text, write_text
from sedt.formats.fields import checked_event, only_recording, recording_name
from sedt.formats.tables import PathLike

_TIME = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_CUE = re.compile(rf"\s*{_TIME}\s+-->\s+{_TIME}(?:\s.*)?")
_TAG = re.compile(r"<[^>]*>")
_BLOCKS = ("NOTE", "STYLE", "REGION")


def read_webvtt(path: PathLike) -> dict[str, list[Event]]:
    """Events of the cues; tags in their text are left out, notes and styles skipped.

    Raises:
        InputError: no WebVTT, or a cue without times or without text. The message names the line.
    """
    lines = read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not re.fullmatch(r"WEBVTT([ \t].*)?", lines[0]):
        raise InputError(f"{path}:1: not WebVTT: the first line must begin with WEBVTT")
    found: dict[Event, None] = {}
    for number, block in _blocks(lines):
        if not block[0].startswith(_BLOCKS):
            found.update(dict.fromkeys(_cue(path, number, block)))
    return {recording_name(path): list(found)}


def write_webvtt(path: PathLike, table: EventTable) -> None:
    """Write a cue for each event, in milliseconds. Raises InputError: more than one recording."""
    _, events = only_recording(path, table, "WebVTT")
    cues = [f"{_time(one.onset)} --> {_time(one.offset)}\n{_text(path, one.label)}\n" for one in events]
    write_text(path, "\n".join(["WEBVTT\n", *cues]))


def _blocks(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Blocks between blank lines behind the header, with the number of their first line."""
    blocks: list[tuple[int, list[str]]] = []
    open_block = True  # the header goes on to the first blank line
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            open_block = False
        elif not open_block:
            blocks.append((number, [line]))
            open_block = True
        elif blocks:
            blocks[-1][1].append(line)
    return blocks


def _cue(path: PathLike, number: int, block: list[str]) -> list[Event]:
    at = 0 if "-->" in block[0] else 1  # before the times a cue may have a name
    times = _CUE.fullmatch(block[at]) if at < len(block) else None
    if times is None:
        raise InputError(f"{path}:{number + min(at, len(block) - 1)}: no times `00:01.000 --> 00:02.500`")
    onset, offset = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
    place = f"{path}:{number + at}"
    labels = [html.unescape(_TAG.sub("", line)) for line in block[at + 1 :]] or [""]
    return [checked_event(place, onset, offset, label) for label in labels]


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return (hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + thousandths) / 1000


def _time(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _text(path: PathLike, label: str) -> str:
    if "\n" in label or "\r" in label or not label.strip():
        raise InputError(f"{path}: {label!r} is no line of text, which a cue needs")
    return html.escape(label, quote=False)

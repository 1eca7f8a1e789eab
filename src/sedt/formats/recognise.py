"""Which format a label file has: its content decides, then its ending."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sedt.errors import InputError
from sedt.files import files_below, load_json
from sedt.formats.csv_tables import is_event_header
from sedt.formats.rttm import TYPES

ENDINGS = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".txt": "audacity",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jams": "jams",
    ".rttm": "rttm",
    ".textgrid": "textgrid",
    ".eaf": "elan",
    ".vtt": "webvtt",
}
"""What a file is whose content does not tell."""

_FIRM = frozenset((".jams", ".rttm", ".textgrid", ".eaf", ".vtt", ".jsonl"))
"""Endings that only one format has: another content is a mistake."""

_HEAD_BYTES = 65_536


def recognise(path: Path) -> str:
    """The name of a label file's format.

    Raises:
        InputError: it cannot be read, neither content nor ending is known, or the two disagree.
    """
    ending = path.suffix.lower()
    by_content, by_ending = _of_content(path, _head(path)), ENDINGS.get(ending)
    if by_content and ending in _FIRM and by_content != by_ending:
        raise InputError(f"{path}: the name says {by_ending}, the content {by_content}: which one is it?")
    if by_content or by_ending:
        return by_content or str(by_ending)
    known = ", ".join(ENDINGS)
    given = f"events cannot be in a {ending} file" if ending else "a file of events needs an ending"
    raise InputError(f"{path}: {given} (known: {known})")


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    is_utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16" if is_utf16 else "utf-8-sig", "replace").lstrip()
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _of_content(path: Path, head: str) -> str | None:
    if not head:
        return None
    if head.startswith("WEBVTT"):
        return "webvtt"
    if "ooTextFile" in head.split("\n", 1)[0] and head.startswith("File type"):
        return "textgrid"
    if head[0] == "<" and "<ANNOTATION_DOCUMENT" in head:
        return "elan"
    if head[0] in "[{":
        return _of_json(path, head)
    lines = (line for line in head.split("\n") if line.strip())
    return _of_line(next((line for line in lines if not line.startswith(";")), ""))  # comments of RTTM


def _of_line(line: str) -> str | None:
    """By the first line that is not blank."""
    names = [field.strip() for field in line.split("\t")]
    if "Begin Time (s)" in names:
        return "raven"
    if "filename" in names:
        return "tsv"
    if names[:2] == ["onset", "offset"] and not {"label", "event_label"} & set(names):
        return "scores"
    words = line.split()
    if len(words) >= 8 and words[0] in TYPES:
        return "rttm"
    if len(words) >= 2 and all(map(is_number, words[:2])):
        return "audacity"
    return "csv" if is_event_header(line) else None


def _of_json(path: Path, head: str) -> str | None:
    """By the keys of the first object; None for what is no JSON, which the reader will tell."""
    try:
        first = json.loads(head.split("\n", 1)[0])
        if isinstance(first, dict) and "filename" in first:
            return "jsonl"
    except (ValueError, RecursionError):
        pass
    try:
        content: Any = load_json(path)
    except InputError:
        return None
    if isinstance(content, dict):
        return "json" if "files" in content else "jams" if "annotations" in content else None
    is_tasks = bool(content) and isinstance(content, list) and all(isinstance(task, dict) for task in content)
    return "label_studio" if is_tasks else None


def is_number(text: str) -> bool:
    """Whether Python reads it as one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def label_files(folder: Path) -> Sequence[Path]:
    """Files below a folder whose ending may be one of labels, in order; not hidden ones."""
    return [path for path in files_below(folder) if path.suffix.lower() in ENDINGS and path.is_file()]

"""Events <-> files. One module per format; the table below is all there is to add one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.formats.dcase import read_strong, write_strong
from sedt.formats.json_events import read_json, write_json


class Format(NamedTuple):
    """How a kind of file is read and written."""

    read: Callable[[str | os.PathLike[str]], dict[str, list[Event]]]
    write: Callable[[str | os.PathLike[str], EventTable], None]


FORMATS = {
    "tsv": Format(read_strong, write_strong),
    "txt": Format(read_strong, write_strong),
    "json": Format(read_json, write_json),
}
"""By file ending."""


def read_events(path: str | os.PathLike[str]) -> dict[str, list[Event]]:
    """Events of a file: DCASE TSV or JSON, told by its ending.

    Raises:
        InputError: an ending that is not known, or what the format's reader finds wrong.
    """
    return _format(path).read(path)


def write_events(path: str | os.PathLike[str], table: EventTable) -> None:
    """Write events in the format that the ending names. Raises InputError as `read_events` does."""
    _format(path).write(path, table)


def _format(path: str | os.PathLike[str]) -> Format:
    ending = Path(path).suffix.lstrip(".").lower()
    if ending not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise InputError(f"{path}: {ending or 'no ending'} is not a known table format ({known})")
    return FORMATS[ending]


__all__ = ["FORMATS", "Format", "read_events", "write_events"]

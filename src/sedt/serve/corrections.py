"""Corrected labels with their recordings, in a folder that `sedt new` learns from."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from threading import Lock

from sedt.errors import InputError
from sedt.events import Event
from sedt.files import atomic_path
from sedt.formats import write_events
from sedt.serve.names import checked_name, suffix_of

_LOCK = Lock()


def save_correction(folder: Path, name: str, audio: Path, events: Sequence[Event]) -> str:
    """Lay the recording and its labels (`NAME.tsv`) into `folder`; the name under which they are saved.

    The same audio under the same name replaces the labels; other audio gets a new name.

    Raises:
        InputError: a name that is none, or not of audio; the folder cannot be written.
    """
    checked_name(name)
    if not suffix_of(name):
        raise InputError(f"{name[:60]!a}: a file name needs an ending of audio, such as .wav")
    with _LOCK:
        target, is_there = _place(folder, name, audio)
        table = target.with_name(f"{target.name}.tsv")
        if is_there:
            write_events(table, {target.name: events}, "tsv")
            return target.name
        with atomic_path(target) as temporary:  # both or none: a disk may be full, a label unfit for a table
            shutil.copyfile(audio, temporary)
            write_events(table, {target.name: events}, "tsv")
    return target.name


def _place(folder: Path, name: str, audio: Path) -> tuple[Path, bool]:
    """Where the recording lies, or can lie; and whether it lies there."""
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in count(2):
        target = folder / name
        if not target.exists() and not target.is_symlink():
            return target, False
        if target.is_file() and filecmp.cmp(target, audio, shallow=False):
            return target, True
        name = f"{stem}_{number}{suffix}"
    raise AssertionError  # `count` does not end

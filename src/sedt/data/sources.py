"""Label files and audio folders of a recipe -> recordings; what is missing is counted, not fatal."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sedt.audio import audio_duration, find_audio
from sedt.batch import Supervision
from sedt.data.recordings import Files, Known
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats.dcase import read_durations, read_strong, read_unlabelled, read_weak

_Row = TypeVar("_Row")


def strong_files(
    labels: Path, folders: Sequence[Path], durations: Path | None = None, split: str | None = None
) -> Files:
    """Recordings with events, from a strong TSV. Raises InputError: unreadable, or no file is there."""

    def known(events: list[Event]) -> Known:
        return Known(Supervision.STRONG, events, frozenset(event.label for event in events))

    return _files(read_strong(labels, split), known, labels, folders, durations)


def weak_files(
    labels: Path, folders: Sequence[Path], durations: Path | None = None, split: str | None = None
) -> Files:
    """Recordings with tags, from a weak TSV (or a strong one, reduced). Raises InputError as above."""
    return _files(
        _tags(labels, split),
        lambda tags: Known(Supervision.WEAK, [], frozenset(tags)),
        labels,
        folders,
        durations,
    )


def unlabelled_files(
    labels: Path | None, folders: Sequence[Path], durations: Path | None = None, split: str | None = None
) -> Files:
    """Recordings without labels: those a TSV names, or all audio below the folders."""
    known = Known(Supervision.NONE)
    if labels is not None:
        rows = dict.fromkeys(read_unlabelled(labels, split), known)
        return _files(rows, lambda row: row, labels, folders, durations)
    paths = {path.relative_to(folder).as_posix(): path for folder in folders for path in find_audio(folder)}
    if not paths:
        raise InputError(f"{', '.join(map(str, folders))}: no audio files")
    return Files(list(paths), list(paths.values()), _durations(paths, durations), [known] * len(paths))


def _tags(labels: Path, split: str | None) -> Mapping[str, Sequence[str]]:
    """Tags of a weak TSV; a strong TSV is told by its onset column."""
    with labels.open(encoding="utf-8-sig", errors="replace") as stream:
        strong = "onset" in stream.readline().rstrip().split("\t")
    if not strong:
        return read_weak(labels, split)
    return {name: sorted({e.label for e in events}) for name, events in read_strong(labels, split).items()}


def _files(
    rows: Mapping[str, _Row],
    known: Callable[[_Row], Known],
    labels: Path,
    folders: Sequence[Path],
    durations: Path | None,
) -> Files:
    """Rows whose audio is there; the others are skipped with a count."""
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such audio folder")
    found = {name: path for name in rows if (path := _find(name, folders)) is not None}
    if not found:
        where = ", ".join(map(str, folders))
        raise InputError(f"{labels}: none of its {len(rows)} files is in {where}")
    if len(found) < len(rows):
        missing = next(name for name in rows if name not in found)
        warnings.warn(
            f"{labels}: {len(found)} of {len(rows)} files are there (first missing: {missing})", stacklevel=3
        )
    return Files(
        names=list(found),
        paths=list(found.values()),
        durations=_durations(found, durations),
        labels=[known(rows[name]) for name in found],
    )


def _find(name: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _durations(paths: Mapping[str, Path], table: Path | None) -> list[float]:
    given = read_durations(table) if table is not None else {}
    return [given[name] if name in given else audio_duration(path) for name, path in paths.items()]

"""Label files and audio folders of a recipe -> recordings; what is missing is counted, not fatal."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from sedt.audio import SUFFIXES, audio_duration, find_audio
from sedt.batch import Supervision
from sedt.data.recordings import Files, Known
from sedt.errors import InputError
from sedt.events import Event, merge_overlapping
from sedt.files import path_ends_with
from sedt.formats import read_labels
from sedt.formats.dcase import read_durations, read_strong, read_unlabelled, read_weak
from sedt.formats.fields import AUDIO_SUFFIXES
from sedt.formats.recognise import recognise
from sedt.formats.tables import Mends, column_names

_Row = TypeVar("_Row")

Part = tuple[float, float]
"""From where to where in 0..1 a file's place must lie; the upper end excluded."""

WHOLE: Part = (0.0, 1.0)

CUT = "events that end after their clip (cut in training)"
OUTSIDE = "events after the end of their clip (left out in training)"
OVERLAPS = "events over another one of their class (joined in training)"

LATE_S = 0.01
"""An offset so much behind a clip's end is called wrong; less is rounding."""


def strong_files(
    labels: Path,
    folders: Sequence[Path],
    durations: Path | None = None,
    split: str | None = None,
    part: Part = WHOLE,
    exclude: Sequence[str] = (),
) -> Files:
    """Recordings with events, from labels of any format. What is mended is warned of.

    Raises:
        InputError: unreadable, or no file is there.
    """
    mends: Mends = []

    def known(events: list[Event]) -> Known:
        return Known(Supervision.STRONG, events, frozenset(event.label for event in events))

    rows = chosen(read_events_of(labels, split, mends), part, exclude)
    files = _files(rows, known, labels, folders, durations)
    seconds = dict(zip(files.names, files.durations, strict=True))
    _note(labels, {**count_mends(mends, seconds), **count_events_to_mend(rows, seconds)})
    return files


def weak_files(
    labels: Path,
    folders: Sequence[Path],
    durations: Path | None = None,
    split: str | None = None,
    part: Part = WHOLE,
    exclude: Sequence[str] = (),
) -> Files:
    """Recordings with tags, from a weak TSV (or strong labels, reduced). Raises InputError as above."""
    mends: Mends = []
    rows = chosen(read_tags_of(labels, split, mends), part, exclude)
    files = _files(
        rows, lambda tags: Known(Supervision.WEAK, [], frozenset(tags)), labels, folders, durations
    )
    _note(labels, count_mends(mends, files.names))
    return files


def unlabelled_files(
    labels: Path | None,
    folders: Sequence[Path],
    durations: Path | None = None,
    split: str | None = None,
    part: Part = WHOLE,
    exclude: Sequence[str] = (),
) -> Files:
    """Recordings without labels: those a TSV names, or all audio below the folders."""
    known = Known(Supervision.NONE)
    if labels is not None:
        rows = chosen(dict.fromkeys(read_unlabelled(labels, split), known), part, exclude)
        return _files(rows, lambda row: row, labels, folders, durations)
    paths = chosen(audio_below(folders), part, exclude)
    if not paths:
        raise InputError(f"{', '.join(map(str, folders))}: no audio files")
    seconds = _durations(paths, durations)
    return Files(list(seconds), [paths[n] for n in seconds], list(seconds.values()), [known] * len(seconds))


def audio_below(folders: Sequence[Path]) -> dict[str, Path]:
    """All audio of the folders, by its place in them. Raises InputError: two have one name."""
    found: dict[str, Path] = {}
    for path, name in (
        (p, p.relative_to(folder).as_posix()) for folder in folders for p in find_audio(folder)
    ):
        if name in found and found[name] != path:
            raise InputError(
                f"{path} and {found[name]} have one name, {name}: give each folder a source of its own"
            )
        found[name] = path
    return found


def read_events_of(
    labels: Path, split: str | None = None, mends: Mends | None = None
) -> dict[str, list[Event]]:
    """Events of a label file, or of a folder of them, in any format. Raises InputError: it cannot be read."""
    if not labels.is_dir() and recognise(labels) == "tsv":
        return read_strong(labels, split, mends)
    if split is not None:
        what = "a folder of annotations has" if labels.is_dir() else "labels of this format have"
        raise InputError(f"{labels}: {what} no column `split`")
    return read_labels(labels, mends)


def read_tags_of(
    labels: Path, split: str | None = None, mends: Mends | None = None
) -> Mapping[str, Sequence[str]]:
    """Tags of a weak TSV, or of strong labels; a strong TSV is told by its onset column."""
    if not labels.is_dir() and recognise(labels) == "tsv" and "onset" not in column_names(labels):
        return read_weak(labels, split, mends)
    rows = read_events_of(labels, split, mends)
    return {name: sorted({event.label for event in events}) for name, events in rows.items()}


def count_mends(mends: Mends, names: Collection[str]) -> dict[str, int]:
    """What the reader mended in the files `names` -> how often."""
    return dict(Counter(what for name, what in mends if name in names))


def count_events_to_mend(rows: Mapping[str, Sequence[Event]], seconds: Mapping[str, float]) -> dict[str, int]:
    """What is mended where events become targets -> how often; `seconds` are the lengths of files in use.

    Scores are counted on the events as they were read.
    """
    counts: Counter[str] = Counter()
    for name, length_s in seconds.items():
        events = [event for event in rows[name] if event.onset < length_s]
        counts[OUTSIDE] += len(rows[name]) - len(events)
        counts[CUT] += sum(event.offset > length_s + LATE_S for event in events)
        counts[OVERLAPS] += len(events) - len(merge_overlapping(events))
    return {what: number for what, number in counts.items() if number}


def chosen(rows: Mapping[str, _Row], part: Part = WHOLE, exclude: Sequence[str] = ()) -> dict[str, _Row]:
    """Rows of the files that are not in `exclude` and whose place lies in `part`.

    Raises:
        InputError: none is left; or one of `exclude` is no file.
    """
    for ending in exclude:
        if rows and not any(path_ends_with(name, ending) for name in rows):
            raise InputError(f"exclude: {ending!r} is none of the {len(rows)} files")
    low, high = part
    kept = {
        name: row
        for name, row in rows.items()
        if (part == WHOLE or low <= place_of(name) < high)
        and not any(path_ends_with(name, ending) for ending in exclude)
    }
    if rows and not kept and part != WHOLE:
        raise InputError(f"part {list(part)}: none of {len(rows)} files lies in it")
    if rows and not kept:
        raise InputError(f"exclude: none of {len(rows)} files is left")
    return kept


def place_of(name: str) -> float:
    """A file's place in 0..1 (1 excluded), the same on every machine: it follows from the name alone."""
    # On disk a name may hold bytes that are no text; Python carries them as surrogates.
    data = name.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(data).digest()[:6], "big") / 2**48


def find_file(name: str, folders: Sequence[Path]) -> Path | None:
    """The first file of that name; else, in the same order, one of that stem with another audio ending."""
    path = PurePosixPath(name)
    stem = path.with_suffix("") if path.suffix.lower() in SUFFIXES else path
    candidates = [name, *(f"{stem}{suffix}" for suffix in AUDIO_SUFFIXES)]
    places = (folder / candidate for candidate in candidates for folder in folders)
    return next((place for place in places if _is_file(place)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the system, a folder that may not be entered
        return False


def _note(labels: Path, mended: Mapping[str, int]) -> None:
    """Warn of what was mended in a label file, in one line."""
    if mended:
        counts = ", ".join(f"{number} {what}" for what, number in mended.items())
        warnings.warn(f"{labels}: mended: {counts}", stacklevel=4)


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
    found = {name: path for name in rows if (path := find_file(name, folders)) is not None}
    if not found:
        where = ", ".join(map(str, folders))
        raise InputError(f"{labels}: none of its {len(rows)} files is in {where}")
    if len(found) < len(rows):
        missing = next(name for name in rows if name not in found)
        warnings.warn(
            f"{labels}: {len(found)} of {len(rows)} files are there (first missing: {missing})", stacklevel=3
        )
    seconds = _durations(found, durations)
    return Files(
        names=list(seconds),
        paths=[found[name] for name in seconds],
        durations=list(seconds.values()),
        labels=[known(rows[name]) for name in seconds],
    )


def _durations(paths: Mapping[str, Path], table: Path | None) -> dict[str, float]:
    """Seconds of the files that can be read; the others are left out with a warning."""
    given = read_durations(table) if table is not None else {}
    seconds: dict[str, float] = {}
    faults: list[str] = []
    for name, path in paths.items():
        try:
            seconds[name] = given[name] if name in given else audio_duration(path)
        except InputError as error:
            faults.append(str(error))
    if faults and not seconds:
        raise InputError(faults[0])
    if faults:
        skipped = f"{len(faults)} of {len(paths)} files cannot be read and are left out"
        warnings.warn(f"{skipped} (the first: {faults[0]})", stacklevel=4)
    return seconds

"""What a folder holds: recordings, labels, and which labels are of which recording."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sedt.audio import SUFFIXES, audio_duration, find_audio
from sedt.audio_files import open_recording
from sedt.errors import InputError
from sedt.events import Event
from sedt.files import read_text
from sedt.formats import agree, read_labels
from sedt.formats.dcase import read_strong
from sedt.formats.fields import recording_name
from sedt.formats.recognise import is_number, label_files, recognise
from sedt.formats.tables import Row, column_names, read_table

SPLITS = {
    "train": ("", "train", "training"),
    "validation": ("val", "valid", "validate", "validation", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""What rows are for -> what a column `split` says of them."""

PARTS = {said: part for part, words in SPLITS.items() for said in words}


@dataclass
class Survey:
    """Recordings and labels of a folder; names are POSIX paths in it."""

    folder: Path
    durations: dict[str, float] = field(default_factory=dict)
    """Seconds of each recording that can be read."""
    rates: Counter[int] = field(default_factory=Counter)
    """Sample rate -> number of recordings."""
    broken: dict[str, str] = field(default_factory=dict)
    """Recordings that cannot be read, and why."""
    label_files: list[Path] = field(default_factory=list)
    events: dict[str, list[Event]] = field(default_factory=dict)
    """Of the labelled recordings, inside of them."""
    parts: dict[str, str] = field(default_factory=dict)
    """What the labels themselves say a recording is for: train, validation or test."""
    without_audio: list[str] = field(default_factory=list)
    """Recordings that labels name, but that are not there or cannot be read."""
    broken_labels: dict[str, str] = field(default_factory=dict)
    """Label files that cannot be read, and why."""
    num_beyond: int = 0
    """Events behind the end of their recording, which are left out."""

    @property
    def labelled_s(self) -> float:
        """Seconds of labelled audio."""
        return sum(self.durations[name] for name in self.events)


class RecordingIndex:
    """Which recording a name in a label file means: the one whose path ends most like it."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_path: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._by_stem: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._folders: set[Path] = set()
        for name in names:
            self._folders.add(Path(name).parent)
            parts, stem = PurePosixPath(name).parts, PurePosixPath(name).with_suffix("").parts
            for first in range(len(parts)):
                self._by_path[parts[first:]].append(name)
                self._by_stem[stem[first:]].append(name)

    def holds(self, folder: Path) -> bool:
        """Whether recordings lie in this folder itself, given as a path below the whole."""
        return folder in self._folders

    def find(self, told: str, *, exactly: bool = False) -> str | None:
        """The recording, with its ending or without, or None: there is none, or several are meant alike.

        `exactly`: it lies where it is told, not at a place that ends like it.
        """
        path = PurePosixPath(told)
        has_ending = path.suffix.lower() in SUFFIXES
        stem = path.with_suffix("").parts if has_ending else path.parts
        for first in range(1 if exactly else len(path.parts)):
            for meant in (self._by_path.get(path.parts[first:]), self._by_stem.get(stem[first:])):
                if meant:
                    return meant[0] if len(meant) == 1 else None
        return None


def survey(folder: Path, labels: Path | None = None) -> Survey:
    """Look at a folder; `labels` is a label file or folder, if it is not to be searched for in `folder`.

    Raises:
        InputError: no such folder, no recording that can be read, no labels, or what is wrong with them.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found = Survey(folder)
    _look_at_audio(found)
    table = _labels_of(found, labels)
    _match(found, table)
    return found


def _look_at_audio(found: Survey) -> None:
    for path in find_audio(found.folder):
        name = path.relative_to(found.folder).as_posix()
        try:
            found.durations[name] = audio_duration(path)
            with closing(open_recording(path)) as recording:
                found.rates[recording.sample_rate] += 1
        except InputError as error:
            found.broken[name] = str(error)
    if not found.durations:
        reason = next(iter(found.broken.values()), f"{found.folder}: no audio files in this folder")
        raise InputError(reason)


def _labels_of(found: Survey, labels: Path | None) -> dict[str, list[Event]]:
    """Every event that is told, by the name the labels give."""
    if labels is not None and not labels.exists():
        raise InputError(f"{labels}: no such label file or folder")
    is_one = labels is not None and labels.is_file()
    files = [Path(str(labels))] if is_one else _candidates(labels or found.folder)
    index = RecordingIndex([*found.durations, *found.broken])
    table: dict[str, list[Event]] = {}
    origin: dict[str, Path] = {}
    for file in files:
        try:
            read = _read(file, found, index, labels)
        except InputError as error:
            found.broken_labels[file.as_posix()] = str(error)
            continue
        for name, events in read.items():
            if name in table and not agree(table[name], events):
                raise InputError(f"{file} and {origin[name]} disagree about {name}: keep one of them")
            table.setdefault(name, events)
            origin.setdefault(name, file)
        found.label_files.append(file)
    if not any(table.values()):
        if found.broken_labels:
            raise InputError(next(iter(found.broken_labels.values())))
        where = labels or found.folder
        raise InputError(
            f"{where}: no labels of events: put label files beside the audio, or name them by --labels "
            "(docs/formats.md has the formats)"
        )
    return table


def _candidates(folder: Path) -> list[Path]:
    """Files below a folder that hold events; tables of durations, readmes and the like are none."""
    files = []
    for file in label_files(folder):
        try:
            name = recognise(file)
            if name != "tsv" or "onset" in column_names(file):
                files.append(file)
        except InputError:
            continue
    return [file for file in files if not _is_prose(file)]


def _is_prose(file: Path) -> bool:
    """A `.txt` or `.json` of other things, whose ending alone makes it look like labels."""
    ending = file.suffix.lower()
    if ending not in (".txt", ".json"):
        return False
    try:
        text = read_text(file)  # all of it: what comes first may be recordings without events
    except InputError:  # no text, which its reader tells if it looks like labels
        text = file.read_bytes().decode("utf-8", "replace")
    if ending == ".txt":
        return bool(text.strip()) and recognise(file) == "audacity" and not is_number(text.split()[0])
    return 'label"' not in text and '"annotations"' not in text


def _read(file: Path, found: Survey, index: RecordingIndex, labels: Path | None) -> dict[str, list[Event]]:
    """Events by recording, or by the name in the file if that is none; what it says of the split is kept."""
    if recognise(file) == "tsv" and "split" in column_names(file):
        parts = _parts(read_table(file, ("filename", "split")))
        table = read_strong(file)
    else:
        parts, table = {}, read_labels(file)
    # A label file of one recording lies beside it, or in a folder that mirrors its own.
    roots = [root for root in (found.folder, labels) if root is not None and file.parent.is_relative_to(root)]
    above = file.parent.relative_to(roots[0]) if roots else Path()
    whole = {told: (above / told).as_posix() for told in table}
    is_beside = file.parent.is_relative_to(found.folder) and index.holds(above)
    own = recording_name(file)
    # Of a folder's own table, which names recordings of it, none means one of another folder.
    is_own = is_beside and above != Path() and any(index.find(w, exactly=True) for w in whole.values())
    chosen = {}
    for told in table:
        is_here = is_beside and (told == own or (is_own and "/" not in told))
        chosen[told] = index.find(whole[told], exactly=is_here) or (whole[told] if is_here else told)
    found.parts.update((chosen[told], part) for told, part in parts.items())
    return {chosen[told]: events for told, events in table.items()}


def _parts(rows: Iterable[Row]) -> dict[str, str]:
    """Recording -> part. Raises InputError: an unknown word, or two parts for one recording."""
    parts: dict[str, str] = {}
    for row in rows:
        said = row.fields["split"]
        if said.lower() not in PARTS:
            known = ", ".join(word for word in PARTS if word)
            raise InputError(f"{row.place}: split {said!r} is none of {known}")
        part = PARTS[said.lower()]
        if parts.setdefault(row.file_name, part) != part:
            raise InputError(f"{row.place}: {row.file_name} is for {part}, before for {parts[row.file_name]}")
    return parts


def _match(found: Survey, table: dict[str, list[Event]]) -> None:
    """Keep the events inside of recordings that are there."""
    found.without_audio = [name for name in table if name not in found.durations]
    for name, events in table.items():
        if name in found.durations:
            inside = [one for one in events if one.onset < found.durations[name]]
            found.num_beyond += len(events) - len(inside)
            found.events[name] = inside
    found.parts = {name: part for name, part in found.parts.items() if name in found.events}
    if not any(found.events.values()):
        first = found.without_audio[0] if found.without_audio else next(iter(table))
        raise InputError(
            f"{found.folder}: none of {len(table)} labelled recordings is there (first: {first})"
        )

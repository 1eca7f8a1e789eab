"""One source of a recipe: which of its files are there, what its labels say, what was mended in them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sedt.audio import audio_duration, stream_audio
from sedt.config import SourceConfig
from sedt.data.mixer import SceneMixer
from sedt.data.sources import (
    audio_below,
    chosen,
    count_events_to_mend,
    count_mends,
    find_file,
    read_events_of,
    read_tags_of,
)
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats.dcase import read_durations, read_unlabelled
from sedt.formats.tables import Mends

SCENES_LOOKED_AT = 200
"""Scenes of a mixer whose events are counted; all are of one kind."""

WRONG_LENGTH_S = 0.1
"""A table's duration may differ from the file's by so much."""

Row = Sequence[Event] | Sequence[str]
"""What is known of a file: its events, or its tags."""


@dataclass
class SourceReport:
    """What is in a source."""

    part: str
    """strong, weak, unlabelled, validation or test."""
    name: str
    """Its label file, its first audio folder, or what its scenes are made of."""
    fault: str | None = None
    """Why nothing of it can be used: labels that cannot be read, a folder that isn't there."""
    num_named: int = 0
    """Files that its labels name, or scenes."""
    durations: dict[str, float] = field(default_factory=dict)
    """Seconds of the files that can be used."""
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    """File -> what is wrong with it."""
    wrong_durations: dict[str, str] = field(default_factory=dict)
    """File -> what the table of durations says, and what is so."""
    hashes: dict[str, str] = field(default_factory=dict)
    """File -> hash of its bytes."""
    num_clips: Counter[str] = field(default_factory=Counter)
    """Label -> clips that have it."""
    num_events: Counter[str] = field(default_factory=Counter)
    """Label -> events; empty for weak labels."""
    event_lengths_s: list[float] = field(default_factory=list)
    mended: dict[str, int] = field(default_factory=dict)
    """What was mended in the labels -> how often."""
    labels: set[str] = field(default_factory=set)
    """Labels that clips have, or that scenes may have."""
    from_scenes: int | None = None
    """Scenes whose events were counted, for a source of scenes."""
    made_of: set[Path] = field(default_factory=set)
    """Files that its scenes are made of."""


@dataclass
class OpenSource:
    """A source whose labels are read, and whose files are not looked at yet."""

    report: SourceReport
    source: SourceConfig
    known: Mapping[str, Row] = field(default_factory=dict)
    mends: Mends = field(default_factory=list)
    mixer: SceneMixer | None = None

    def __len__(self) -> int:
        """How often `look` calls its `progress`."""
        return len(self.known) if self.mixer is None else min(len(self.mixer), SCENES_LOOKED_AT)

    def look(self, *, decode: bool, sample_rate: int, progress: Callable[[], None]) -> None:
        """Fill the report. With `decode` every file is read to its end, and not its header alone."""
        if self.mixer is not None:
            _look_at_scenes(self.report, self.mixer, progress)
            return
        for name in self.known:
            progress()
            self._look_at_file(name, sample_rate if decode else None)
        _check_durations(self.report, self.source)
        usable = {name: self.known[name] for name in self.report.durations}
        self.report.mended.update(count_mends(self.mends, usable))
        _count(usable, self.report)

    def _look_at_file(self, name: str, sample_rate: int | None) -> None:
        path = find_file(name, self.source.audio)
        if path is None:
            self.report.missing.append(name)
            return
        try:
            self.report.durations[name] = _length(path, sample_rate)
            with path.open("rb") as stream:
                self.report.hashes[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        except (InputError, OSError) as error:
            self.report.durations.pop(name, None)
            self.report.unreadable[name] = str(error)


def open_source(part: str, source: SourceConfig, sample_rate: int) -> OpenSource:
    """Read the labels of a source; what is wrong with them is the report's `fault`."""
    scenes = source.scenes
    place = f"scenes of {scenes.foreground}" if scenes is not None else str(source.labels or source.audio[0])
    opened = OpenSource(SourceReport(part, place), source)
    try:
        if scenes is not None:
            opened.mixer = SceneMixer(scenes, sample_rate)
            opened.report.num_named = len(opened.mixer)
            return opened
        for folder in source.audio:
            if not folder.is_dir():
                raise InputError(f"{folder}: no such audio folder")
        opened.known = chosen(_known(part, source, opened.mends), source.part, source.exclude)
        opened.report.num_named = len(opened.known)
    except InputError as error:
        opened.report.fault = str(error)
    return opened


def _known(part: str, source: SourceConfig, mends: Mends) -> Mapping[str, Row]:
    """File -> its events, or its tags, as training reads them."""
    if source.labels is None:
        if part != "unlabelled":
            raise InputError(f"{source.audio[0]}: a {part} source needs `labels`")
        return dict.fromkeys(audio_below(source.audio), ())
    if part == "unlabelled":
        return dict.fromkeys(read_unlabelled(source.labels, source.split, mends), ())
    read = read_tags_of if part == "weak" else read_events_of
    return read(source.labels, source.split, mends)


def _length(path: Path, sample_rate: int | None) -> float:
    """Seconds by the header; with a rate, the file is decoded."""
    if sample_rate is None:
        return audio_duration(path)
    return sum(len(block) for block in stream_audio(path, sample_rate, sample_rate)) / sample_rate


def _check_durations(report: SourceReport, source: SourceConfig) -> None:
    """Training goes by the table of durations, where there is one."""
    given = read_durations(source.durations) if source.durations is not None else {}
    for name, found_s in report.durations.items():
        said_s = given.get(name, found_s)
        if abs(said_s - found_s) > WRONG_LENGTH_S:
            report.wrong_durations[name] = f"{name}: {found_s:.3f} s, not {said_s:.3f} s"
        report.durations[name] = said_s


def _count(known: Mapping[str, Row], report: SourceReport) -> None:
    """Classes, lengths, and what training will mend."""
    events = {name: [one for one in row if isinstance(one, Event)] for name, row in known.items()}
    for name, row in known.items():
        report.num_clips.update({event.label for event in events[name]} or {str(tag) for tag in row})
        report.num_events.update(event.label for event in events[name])
        report.event_lengths_s += [event.duration for event in events[name]]
    report.labels = set(report.num_clips)
    report.mended.update(count_events_to_mend(events, report.durations))


def _look_at_scenes(report: SourceReport, mixer: SceneMixer, progress: Callable[[], None]) -> None:
    """Events of scenes, which are not mixed for it."""
    report.durations = {f"scene {i}": mixer.config.duration_s for i in range(len(mixer))}
    report.from_scenes = min(len(mixer), SCENES_LOOKED_AT)
    report.made_of = mixer.files()
    for index in range(report.from_scenes):
        progress()
        if report.part == "unlabelled":
            continue
        events = mixer.events(index)
        report.num_clips.update({event.label for event in events})
        report.num_events.update(event.label for event in events)
        report.event_lengths_s += [event.duration for event in events]
    report.labels = set() if report.part == "unlabelled" else set(mixer.labels)

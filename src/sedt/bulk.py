"""Many recordings: which files a source means, one result per file, and no failure that stops the rest."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sedt.audio import find_audio
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import FORMATS, write_events


@dataclass(frozen=True)
class Source:
    """A recording and the name that tables give it."""

    name: str
    """POSIX path relative to what the user named; the base name for a single file."""
    path: Path


@dataclass
class Outcome:
    """What came of a batch."""

    events: dict[str, list[Event]] = field(default_factory=dict)
    """Recordings that were read now or before, and their events."""
    failures: dict[str, str] = field(default_factory=dict)
    """Recordings that could not be read, and why."""
    skipped: int = 0
    """Recordings whose output was there."""


def find_sources(given: Sequence[str]) -> list[Source]:
    """Files, folders and globs -> recordings, each once, with names that are unique.

    Raises:
        InputError: a source is not there, or a folder or glob has no audio.
    """
    sources: dict[Path, Source] = {}
    for text in given:
        for source in _expand(text):
            sources.setdefault(source.path.resolve(), source)
    return _unique(list(sources.values()))


def detect_all(
    detector: Detector,
    sources: Sequence[Source],
    *,
    threshold: float | None = None,
    output: Path | None = None,
    formats: Sequence[str] = ("tsv",),
    overwrite: bool = False,
    on_start: Callable[[Source], None] = lambda source: None,
    on_progress: Callable[[float], None] = lambda seconds: None,
    on_done: Callable[[Source, list[Event]], None] = lambda source, events: None,
) -> Outcome:
    """Detect in every recording. With `output`, each gets its files there, and finished ones are skipped.

    A recording `a/b.wav` gets `output/a/b.wav.tsv`: the whole name is kept, so no two of them collide.
    """
    outcome = Outcome()
    for source in sources:
        targets = [] if output is None else [output_file(output, source, name) for name in formats]
        if targets and not overwrite and all(target.exists() for target in targets):
            outcome.events[source.name] = FORMATS[formats[0]].read(targets[0]).get(source.name, [])
            outcome.skipped += 1
            continue
        on_start(source)
        try:
            events = detector.detect(source.path, threshold=threshold, progress=on_progress)
        except InputError as error:
            outcome.failures[source.name] = str(error)
            continue
        for target in targets:
            write_events(target, {source.name: events})
        outcome.events[source.name] = events
        on_done(source, events)
    return outcome


def output_file(output: Path, source: Source, ending: str) -> Path:
    """Where a recording's result lies."""
    return output / f"{source.name}.{ending}"


def _expand(text: str) -> Iterator[Source]:
    path = Path(text)
    if path.is_dir():
        found = find_audio(path)
        if not found:
            raise InputError(f"{text}: no audio files in this folder")
        yield from (Source(file.relative_to(path).as_posix(), file) for file in found)
    elif path.exists():
        yield Source(path.name, path)
    elif glob.has_magic(text):
        matches = [Path(match) for match in sorted(glob.glob(text, recursive=True))]
        files = [match for match in matches if match.is_file()]
        if not files:
            raise InputError(f"{text}: matches no file")
        base = _fixed_part(text)
        yield from (Source(file.relative_to(base).as_posix(), file) for file in files)
    else:
        raise InputError(f"{text}: no such file or folder")


def _fixed_part(pattern: str) -> Path:
    """The folder before the first wildcard."""
    parts: list[str] = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _unique(sources: list[Source]) -> list[Source]:
    """Names that occur twice get their folders in front, as many as it takes."""
    names = [source.name for source in sources]
    depth = {i: 0 for i, name in enumerate(names) if names.count(name) > 1}
    while depth:
        for i in depth:
            depth[i] += 1
            names[i] = _with_parents(sources[i], depth[i])
        clashes = {i for i in depth if names.count(names[i]) > 1}
        depth = {i: level for i, level in depth.items() if i in clashes}
    return [Source(name, source.path) for name, source in zip(names, sources, strict=True)]


def _with_parents(source: Source, levels: int) -> str:
    parts = source.path.resolve().parts
    length = len(Path(source.name).parts)
    return Path(*parts[max(1, len(parts) - length - levels) :]).as_posix()

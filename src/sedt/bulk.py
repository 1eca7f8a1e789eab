"""Many recordings: which files a source means, one result per file, and no failure that stops the rest."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sedt.audio import SUFFIXES, find_audio, read_audio
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import FORMATS, read_events, write_events
from sedt.pictures import draw_events


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
    """What could not be read, and why."""
    skipped: int = 0
    """Recordings whose output was there."""


def find_sources(given: Sequence[str]) -> tuple[list[Source], dict[str, str]]:
    """Files, folders and globs -> recordings, each once, with names that are unique.

    Returns:
        The recordings, and of what was given the part that means none, with the reason.
    """
    sources: dict[Path, Source] = {}
    failures: dict[str, str] = {}
    for text in given:
        try:
            for source in _expand(text):
                sources.setdefault(source.path.parent.resolve() / source.path.name, source)
        except InputError as error:
            failures[text] = str(error)
    return _unique(list(sources.values())), failures


def detect_all(
    detector: Detector,
    sources: Sequence[Source],
    *,
    threshold: float | None = None,
    undecided: bool = False,
    output: Path | None = None,
    formats: Sequence[str] = ("tsv",),
    plot: bool = False,
    overwrite: bool = False,
    on_start: Callable[[Source], None] = lambda source: None,
    on_progress: Callable[[float], None] = lambda seconds: None,
    on_done: Callable[[Source, list[Event]], None] = lambda source, events: None,
) -> Outcome:
    """Detect in every recording. With `output`, each gets its files there, and finished ones are skipped.

    A recording `a/b.wav` gets `output/a/b.wav.tsv`: the whole name is kept, so no two of them collide.
    `threshold` and `undecided` are as for `Detector.detect`. With `plot` it gets `a/b.wav.png` beside that,
    or in the working folder without `output`.

    Raises:
        InputError: a result cannot be written. A recording that cannot be read is a failure of the outcome.
    """
    outcome = Outcome()
    for source in sources:
        targets = {} if output is None else {name: _target(output, source, name) for name in formats}
        picture = output_file(output or Path(), source, "png") if plot else None
        before = None if overwrite else _finished(source, targets, picture)
        if before is not None:
            outcome.events[source.name] = before
            outcome.skipped += 1
            continue
        on_start(source)
        try:
            _check_name(source.name)
            events = detector.detect(
                source.path, threshold=threshold, undecided=undecided, progress=on_progress
            )
        except InputError as error:
            outcome.failures[source.name] = str(error)
            continue
        if picture is not None:
            samples = read_audio(source.path, detector.sample_rate)
            draw_events(picture, samples, detector.sample_rate, events, title=source.name)
        for name, target in targets.items():
            write_events(target, {source.name: events}, name)
        outcome.events[source.name] = events
        on_done(source, events)
    return outcome


def output_file(output: Path, source: Source, ending: str) -> Path:
    """Where a recording's result lies."""
    return output / f"{source.name}.{ending}"


def _target(output: Path, source: Source, format_name: str) -> Path:
    return output_file(output, source, FORMATS[format_name].ending)


def _finished(source: Source, targets: Mapping[str, Path], picture: Path | None) -> list[Event] | None:
    """The events of an earlier run, if all its files are there; read from one that keeps most of them."""
    wanted = [*targets.values(), picture] if picture is not None else [*targets.values()]
    if not targets or not all(target.exists() for target in wanted):
        return None
    name, best = max(targets.items(), key=lambda item: FORMATS[item[0]].holds_scores)
    try:
        found = read_events(best, name)
    except InputError:
        return None
    return next(iter(found.values())) if FORMATS[name].holds_one else found.get(source.name)


def _check_name(name: str) -> None:
    """Raise InputError for a name that no table can hold."""
    if any(character in name for character in "\t\n\r"):
        raise InputError(f"{name!r}: the name has a tab or a line end, which a table cannot hold")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{name!r}: the name is not valid text") from error


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
        yield from _matches(text)
    else:
        raise InputError(f"{text}: no such file or folder")


def _matches(pattern: str) -> Iterator[Source]:
    """Files that a pattern means: those of its ending, or audio files where it names no ending."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    base, rest = Path(*parts[:fixed]), str(Path(*parts[fixed:]))
    any_ending = glob.has_magic(Path(pattern).suffix) or not Path(pattern).suffix
    found = False
    for file in sorted(base.glob(rest)):
        name = file.relative_to(base)
        hidden = any(part.startswith(".") for part in name.parts)
        if file.is_file() and not hidden and (not any_ending or file.suffix.lower() in SUFFIXES):
            found = True
            yield Source(name.as_posix(), file)
    if not found:
        raise InputError(f"{pattern}: matches no audio file")


def _unique(sources: list[Source]) -> list[Source]:
    """Names that occur twice get the folders above them in front, as many as it takes."""
    names = [source.name for source in sources]
    levels = [0] * len(names)
    while len(counts := Counter(names)) < len(names):
        for i, source in enumerate(sources):
            if counts[names[i]] > 1:
                levels[i] += 1
                names[i] = _with_folders(source, levels[i])
    return [Source(name, source.path) for name, source in zip(names, sources, strict=True)]


def _with_folders(source: Source, levels: int) -> str:
    """The name behind the last `levels` folders that lead to it."""
    inner = Path(source.name).parts
    outer = Path(*source.path.parts[: -len(inner)]).resolve().parts[1:]
    return Path(*outer[-levels:], *inner).as_posix()

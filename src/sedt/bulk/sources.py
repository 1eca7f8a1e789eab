"""Which recordings files, folders and globs mean, each once, under names that are unique."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sedt.audio import SUFFIXES, find_audio
from sedt.errors import InputError


@dataclass(frozen=True)
class Source:
    """A recording and the name that tables give it."""

    name: str
    """POSIX path relative to what the user named; the base name for a single file."""
    path: Path


def find_sources(given: Sequence[str]) -> tuple[list[Source], dict[str, str]]:
    """Files, folders and globs -> recordings, each once, with names that are unique.

    Returns:
        The recordings, and of what was given the part that means none, with the reason; so also folders
        in it that cannot be read.
    """
    sources: dict[Path, Source] = {}
    failures: dict[str, str] = {}
    for text in given:
        try:
            for source in _expand(text, failures):
                sources.setdefault(source.path.parent.resolve() / source.path.name, source)
        except InputError as error:
            failures[text] = str(error)
        except (OSError, RuntimeError) as error:  # a folder above it is closed, or links lead in a circle
            failures[text] = f"{text}: {getattr(error, 'strerror', None) or error}"
    return _unique(list(sources.values())), failures


def _expand(text: str, failures: dict[str, str]) -> Iterator[Source]:
    path = Path(text)
    if path.is_dir():
        closed: list[OSError] = []
        found = find_audio(path, closed.append)
        for error in closed:
            failures[str(error.filename)] = f"{error.filename}: this folder cannot be read: {error.strerror}"
        if not found and not closed:
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

"""The journal of an output folder: with what it was made, and which recordings are done.

A line of JSON that says model and options, then one for each finished recording. A line is added when the
recording's tables are there, so a process that is killed at any moment loses at most what it was at.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sedt
from sedt.bulk.job import Job, Result, Stamp
from sedt.bulk.sources import Source
from sedt.errors import InputError
from sedt.files import append_line, is_there, read_text, write_pieces

FILE = "sedt-detect.jsonl"
FORMAT = 1
WAY_OUT = "choose another --output, or --overwrite to do all again"


@dataclass(frozen=True)
class Entry:
    """A finished recording."""

    path: str
    stamp: Stamp
    seconds: float


class Ledger:
    """What an output folder holds."""

    def __init__(self, path: Path, run: str, entries: dict[str, Entry]) -> None:
        self._path = path
        self.run = run
        """Tells apart what was begun before and after an `--overwrite`."""
        self._entries = entries

    def entry(self, source: Source) -> Entry | None:
        """Of a recording that is done, and was not changed since.

        Raises:
            InputError: what is done under this name is another recording that lies elsewhere.
        """
        entry = self._entries.get(source.name)
        if entry is None:
            return None
        try:
            stamp = Stamp.of(source.path)
        except InputError:
            return None  # it is gone, which is told when its turn comes
        if stamp == entry.stamp:
            return entry
        if Path(entry.path) != source.path.absolute() and Path(entry.path).exists():
            raise InputError(
                f"{self._path.parent}: {source.name} there is {entry.path}, not {source.path}: {WAY_OUT}"
            )
        return None

    def changed(self, source: Source) -> bool:
        """Whether it was done before, as another file than it is now."""
        return source.name in self._entries

    def add(self, source: Source, result: Result) -> None:
        """A recording whose tables are written. Raises InputError: it cannot be noted."""
        entry = Entry(str(source.path.absolute()), result.stamp, result.seconds)
        append_line(self._path, _entry_line(source.name, entry))
        self._entries[source.name] = entry


def open_ledger(job: Job, sources: Sequence[Source], others: Iterable[Path], overwrite: bool) -> Ledger:
    """The journal of `job.output`; a new one where there is none, or with `overwrite`.

    Args:
        job: what is to be done now.
        sources: with which recordings.
        others: files that will be written beside their tables.
        overwrite: what is noted of these recordings counts no longer.

    Raises:
        InputError: the folder was made with another model or other options, or holds files of the names to
            be written that no journal knows of; it cannot be written.
    """
    assert job.output is not None
    path, settings = job.output / FILE, _settings(job)
    entries: dict[str, Entry] = {}
    if path.exists():
        found, run, entries = _read(path, overwrite)
        if not overwrite:
            _compare(job.output, found, settings)
            return Ledger(path, run, entries)
        given = {source.name for source in sources}
        same = all(found.get(key) == value for key, value in settings.items() if key != "model")
        entries = {name: entry for name, entry in entries.items() if same and name not in given}
    elif not overwrite:
        _check_nothing_is_lost(job, sources, others)
    run = secrets.token_hex(8)
    header = {"format": FORMAT, "sedt": sedt.__version__, "run": run, **settings}
    lines = [json.dumps(header), *(_entry_line(*item) for item in entries.items())]
    write_pieces(path, (line + "\n" for line in lines))
    return Ledger(path, run, entries)


def _settings(job: Job) -> dict[str, Any]:
    return {
        "model": job.model,
        "fingerprint": job.fingerprint,
        "threshold": job.threshold,
        "undecided": job.undecided,
    }


def _compare(output: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Results of two kinds in one folder would be taken for one."""
    if before.get("fingerprint") != now["fingerprint"]:
        was, is_now = f"the model {before.get('model')}", now["model"]
        if was.endswith(f" {is_now}"):
            is_now += ", which was changed since"
    elif before.get("undecided") != now["undecided"]:
        was, is_now = (f"{'un' * bool(one['undecided'])}decided events" for one in (before, now))
    elif before.get("threshold") != now["threshold"]:
        was, is_now = (f"{_threshold(one)}" for one in (before, now))
    else:
        return
    raise InputError(f"{output}: holds results with {was}, now it is {is_now}: {WAY_OUT}")


def _threshold(settings: dict[str, Any]) -> str:
    value = settings.get("threshold")
    return "the model's own thresholds" if value is None else f"the threshold {value:g}"


def _check_nothing_is_lost(job: Job, sources: Sequence[Source], others: Iterable[Path]) -> None:
    tables = (table for source in sources for table in job.tables(source).values())
    for file in (*others, *tables):
        if is_there(file):
            raise InputError(f"{file}: is there, and nothing tells what it was made with: {WAY_OUT}")


def _read(path: Path, overwrite: bool) -> tuple[dict[str, Any], str, dict[str, Entry]]:
    """Header, run, and entries; the last entry of a name counts, half a line of a killed writer does not."""
    try:
        header, *lines = read_text(path).split("\n")
        found = json.loads(header)
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        return found, str(found["run"]), dict(filter(None, map(_parse, lines)))
    except (InputError, ValueError, KeyError, TypeError) as error:
        if overwrite:
            return {}, "", {}
        raise InputError(f"{path}: not a journal that this version reads ({error}): {WAY_OUT}") from error


def _parse(line: str) -> tuple[str, Entry] | None:
    try:
        content = json.loads(line)
        stamp = Stamp(content["size"], content["mtime_ns"])
        return content["filename"], Entry(content["path"], stamp, float(content["seconds"]))
    except (ValueError, KeyError, TypeError):
        return None


def _entry_line(name: str, entry: Entry) -> str:
    content = {"filename": name, "path": entry.path, **asdict(entry.stamp), "seconds": entry.seconds}
    return json.dumps(content)

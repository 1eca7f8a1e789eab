"""Events <-> files. One module per format; a line in `FORMATS` adds one, its signs in `recognise.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.formats.annotations import read_jams_file, read_line_file, write_jams, write_lines
from sedt.formats.csv_tables import read_csv, write_csv
from sedt.formats.dcase import read_strong, write_strong
from sedt.formats.elan import read_elan, write_elan
from sedt.formats.json_events import read_json, write_json
from sedt.formats.json_lines import read_json_lines, write_json_lines
from sedt.formats.label_studio import read_label_studio, write_label_studio
from sedt.formats.raven import read_raven, write_raven
from sedt.formats.recognise import ENDINGS, label_files, recognise
from sedt.formats.rttm import read_rttm, write_rttm
from sedt.formats.score_tables import read_score_table, write_score_table
from sedt.formats.tables import Mends, PathLike
from sedt.formats.textgrid import read_textgrid, write_textgrid
from sedt.formats.webvtt import read_webvtt, write_webvtt

Reader = Callable[[PathLike, Mends | None], dict[str, list[Event]]]

SAME_S = 0.01
"""Two files say the same of a recording if no edge differs by more: formats round to milliseconds."""


@dataclass(frozen=True)
class Format:
    """How a kind of file is read and written."""

    ending: str
    """Of files that are written."""
    read: Reader
    write: Callable[[PathLike, EventTable], None]
    holds_one: bool = False
    """A file holds the events of one recording."""
    holds_scores: bool = True


def _plain(read: Callable[[PathLike], dict[str, list[Event]]]) -> Reader:
    """A reader that mends nothing."""
    return lambda path, mends: read(path)


FORMATS = {
    "tsv": Format("tsv", lambda path, mends: read_strong(path, None, mends), write_strong),
    "csv": Format("csv", _plain(read_csv), write_csv),
    "json": Format("json", _plain(read_json), write_json),
    "jsonl": Format("jsonl", _plain(read_json_lines), write_json_lines),
    "audacity": Format("audacity.txt", read_line_file, write_lines, holds_one=True, holds_scores=False),
    "raven": Format("raven.txt", _plain(read_raven), write_raven),
    "rttm": Format("rttm", _plain(read_rttm), write_rttm),
    "textgrid": Format("TextGrid", _plain(read_textgrid), write_textgrid, holds_one=True, holds_scores=False),
    "elan": Format("eaf", _plain(read_elan), write_elan, holds_one=True, holds_scores=False),
    "jams": Format("jams", read_jams_file, write_jams, holds_one=True, holds_scores=False),
    "label_studio": Format("label_studio.json", _plain(read_label_studio), write_label_studio),
    "webvtt": Format("vtt", _plain(read_webvtt), write_webvtt, holds_one=True, holds_scores=False),
    "scores": Format("scores.tsv", _plain(read_score_table), write_score_table, holds_one=True),
}
"""By name; docs/formats.md tells what each keeps."""

_ALSO_WRITTEN = {".txt": "tsv", ".ndjson": "jsonl"}
"""Further endings of files to write."""


def read_events(path: PathLike, format_name: str | None = None) -> dict[str, list[Event]]:
    """Events of a file, or of all label files below a folder: file name -> events.

    The format is recognised by the content, else by the ending, unless `format_name` (a key of `FORMATS`) is
    given.

    Raises:
        InputError: a format that is not known, or what its reader finds wrong; of a folder also: no label
            file, or two that disagree about a recording.
    """
    return read_labels(path, None, format_name)


def read_labels(
    path: PathLike, mends: Mends | None = None, format_name: str | None = None
) -> dict[str, list[Event]]:
    """As `read_events`; `mends` is told of what was mended."""
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, mends, format_name)
    return _known(format_name or recognise(path)).read(path, mends)


def write_events(path: PathLike, table: EventTable, format_name: str | None = None) -> None:
    """Write events to a file, in the format that its ending names or `format_name` (a key of `FORMATS`).

    What a format keeps differs: TSV milliseconds and 4 decimals of a score, JSON everything.

    Raises:
        InputError: a format that is not known, or cannot hold this; the file cannot be written.
    """
    _known(format_name or format_of_ending(path)).write(path, table)


def write_folder(folder: PathLike, table: EventTable, format_name: str) -> list[Path]:
    """Write a file for each recording, called as the recording with the format's ending behind; the files."""
    chosen = _known(format_name)
    targets = {name: Path(folder) / f"{name}.{chosen.ending}" for name in table}
    for name, target in targets.items():
        if not target.resolve().is_relative_to(Path(folder).resolve()):
            raise InputError(f"{target}: {name!r} leads out of the folder")
        chosen.write(target, {name: table[name]})
    return list(targets.values())


def format_of_ending(path: PathLike) -> str:
    """The name of the format that is written to such a file. Raises InputError: the ending is not known."""
    name = Path(path).name.lower()
    suffix = Path(name).suffix
    if suffix in _ALSO_WRITTEN and not name.endswith((".audacity.txt", ".raven.txt")):
        return _ALSO_WRITTEN[suffix]
    fitting = [known for known, one in FORMATS.items() if name.endswith(f".{one.ending.lower()}")]
    if fitting:
        return max(fitting, key=lambda known: len(FORMATS[known].ending))
    endings = ", ".join(f".{one.ending}" for one in FORMATS.values())
    given = f"events cannot be in a {suffix} file" if suffix else "a file of events needs an ending"
    raise InputError(f"{path}: {given} (known: {endings})")


def _known(name: str) -> Format:
    if name not in FORMATS:
        raise InputError(f"{name}: no such format of events (known: {', '.join(FORMATS)})")
    return FORMATS[name]


def _read_folder(folder: Path, mends: Mends | None, format_name: str | None) -> dict[str, list[Event]]:
    """All label files below a folder. Where there are JAMS files, texts are taken for copies of them."""
    files = label_files(folder)
    if any(file.suffix.lower() == ".jams" for file in files):
        files = [file for file in files if file.suffix.lower() != ".txt"]
    if not files:
        raise InputError(f"{folder}: no annotations ({', '.join(ENDINGS)}) in this folder")
    table: dict[str, list[Event]] = {}
    origin: dict[str, Path] = {}
    for file in files:
        read, above = read_labels(file, mends, format_name), file.parent.relative_to(folder)
        for name, events in read.items():
            # What `write_folder` wrote names the recording by its whole path already.
            whole = (Path(name) if Path(name).is_relative_to(above) else above / name).as_posix()
            if whole in table and not agree(table[whole], events):
                raise InputError(f"{file} and {origin[whole]} disagree about {whole}: keep one of them")
            table.setdefault(whole, events)
            origin.setdefault(whole, file)
    return table


def agree(one: list[Event], other: list[Event]) -> bool:
    """Whether two label files say the same of a recording, but for rounding."""
    pairs = zip(_by_label(one), _by_label(other), strict=False)
    return len(one) == len(other) and all(
        a.label == b.label and abs(a.onset - b.onset) <= SAME_S and abs(a.offset - b.offset) <= SAME_S
        for a, b in pairs
    )


def _by_label(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda one: (one.label, one.onset, one.offset))


__all__ = ["FORMATS", "Format", "agree", "read_events", "read_labels", "write_events", "write_folder"]

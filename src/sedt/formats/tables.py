"""Tab-separated tables with a header: rows as dictionaries, with line numbers for errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sedt.errors import InputError
from sedt.files import write_text


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    place: str
    """FILE:LINE, for errors."""
    fields: dict[str, str]

    def number(self, column: str) -> float:
        """A field as a number. Raises InputError: it is none."""
        text = self.fields[column]
        try:
            return float(text)
        except ValueError:
            raise InputError(f"{self.place}: {column} {text!r} is not a number") from None


def read_table(
    path: str | os.PathLike[str], columns: Sequence[str], split: str | None = None
) -> list[Row]:
    """Rows of a table that must have `columns`; fields are stripped, blank lines skipped.

    Raises:
        InputError: no such file, empty, not UTF-8, a column missing, a line with another number of fields, or
            `split` is given and there is no such column or no such row.
    """
    lines = _lines(Path(path))
    header = [name.strip() for name in lines[0][1].split("\t")]
    needed = [*columns, "split"] if split is not None else list(columns)
    for column in needed:
        if column not in header:
            raise InputError(f"{path}:{lines[0][0]}: no column `{column}` (columns: {', '.join(header)})")
    rows = [_row(path, number, line, header) for number, line in lines[1:]]
    if split is None:
        return rows
    chosen = [row for row in rows if row.fields["split"] == split]
    if not chosen:
        there = sorted({row.fields["split"] for row in rows})
        raise InputError(f"{path}: no row of split {split!r} (splits: {', '.join(there)})")
    return chosen


def write_table(path: str | os.PathLike[str], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table, atomically. Raises InputError: it cannot be written, or a field holds a tab."""
    lines = ["\t".join(columns)]
    for row in rows:
        if any("\t" in field or "\n" in field or "\r" in field for field in row):
            raise InputError(f"{path}: {row!r} holds a tab or a line end, which a table cannot")
        lines.append("\t".join(row))
    write_text(path, "\n".join(lines) + "\n")


def unique(path: str | os.PathLike[str], rows: Iterable[Row], value: Callable[[Row], float]) -> dict[str, float]:
    """One number per file name. Raises InputError: a file has two different ones."""
    found: dict[str, float] = {}
    for row in rows:
        name, number = file_name(row), value(row)
        if found.setdefault(name, number) != number:
            raise InputError(f"{row.place}: {name} has two values, {found[name]:g} and {number:g}")
    return found


def file_name(row: Row) -> str:
    """The `filename` field. Raises InputError: it is empty."""
    name = row.fields["filename"]
    if not name:
        raise InputError(f"{row.place}: filename is empty")
    return name


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise InputError(f"{path}: is empty; a header line with column names is needed")
    return lines


def _row(path: str | os.PathLike[str], number: int, line: str, header: list[str]) -> Row:
    place = f"{path}:{number}"
    fields = [field.strip() for field in line.rstrip("\r\n").split("\t")]
    # Editors drop empty fields at the end of a line: a clip without events is one such line.
    fields += [""] * (len(header) - len(fields))
    if len(fields) > len(header):
        raise InputError(f"{place}: {len(fields)} fields; the header has {len(header)}")
    return Row(place, dict(zip(header, fields, strict=True)))

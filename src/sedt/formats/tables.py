"""Tab-separated tables with a header: rows as dictionaries, with line numbers for errors."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sedt.errors import InputError
from sedt.files import read_text, write_pieces

PathLike = str | os.PathLike[str]

Mends = list[tuple[str, str]]
"""What a reader mended: (file name, what was done), once for each time."""

REPEATED_ROW = "repeated rows dropped"
REPEATED_TAG = "repeated tags dropped"
REPEATED_NAME = "repeated file names dropped"
JOINED = "overlapping events of one class joined"


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    place: str
    """FILE:LINE, for errors."""
    fields: dict[str, str]

    @property
    def file_name(self) -> str:
        """The field `filename`. Raises InputError: it is empty."""
        name = self.fields["filename"]
        if not name:
            raise InputError(f"{self.place}: filename is empty")
        return name

    def number(self, column: str) -> float:
        """A field as a number. Raises InputError: it is none, or not finite."""
        text = self.fields[column]
        try:
            value = float(text)
        except ValueError:
            raise InputError(f"{self.place}: {no_number(column, text)}") from None
        if not math.isfinite(value):
            raise InputError(f"{self.place}: {column} is {text}: a finite number is needed")
        return value


def no_number(name: str, value: object) -> str:
    """What to say of a value that is not the number it should be."""
    hint = " (decimals stand behind a point)" if re.fullmatch(r"[-+]?\d+,\d+", str(value)) else ""
    return f"{name} {repr(value)[:40]} is not a number{hint}"


def read_table(path: PathLike, columns: Sequence[str], split: str | None = None) -> list[Row]:
    """Rows of a table that must have `columns`; fields are stripped, blank lines skipped.

    A line of one field stands for one whose other fields are empty, since editors drop tabs at a line's end.
    With `split`, only rows whose column `split` says so.

    Raises:
        InputError: no such file, empty, not UTF-8, a column missing or there twice, a line with another
            number of fields, or `split` is given and there is no such column or no such row.
    """
    (first, names), *lines = _lines(Path(path))
    header = _fields(names)
    for column in [*columns, "split"] if split is not None else columns:
        if header.count(column) != 1:
            fault = "more than one" if column in header else "no"
            raise InputError(f"{path}:{first}: {fault} column `{column}` (columns: {', '.join(header)})")
    rows = [_row(f"{path}:{number}", line, header) for number, line in lines]
    if split is None:
        return rows
    chosen = [row for row in rows if row.fields["split"] == split]
    if not chosen:
        there = ", ".join(sorted({row.fields["split"] for row in rows})) or "none"
        raise InputError(f"{path}: no row of split {split!r} (splits: {there})")
    return chosen


def column_names(path: PathLike) -> list[str]:
    """The columns that a table's header names. Raises InputError as `read_table`."""
    return _fields(_lines(Path(path))[0][1])


def write_table(path: PathLike, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table, atomically, row by row.

    Raises:
        InputError: it cannot be written, or a field holds a tab.
    """
    write_pieces(path, (_line(path, row) for row in chain([columns], rows)))


def _line(path: PathLike, row: Sequence[str]) -> str:
    if any(mark in field for field in row for mark in "\t\n\r"):
        raise InputError(f"{path}: {list(row)!r} holds a tab or a line end, which a table cannot")
    return "\t".join(row) + "\n"


def _lines(path: Path) -> list[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1 on."""
    # Not splitlines(), which also cuts at characters that may stand in a file name.
    lines = [(number, line) for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    if not lines:
        raise InputError(f"{path}: is empty; a header line with column names is needed")
    return lines


def _fields(line: str) -> list[str]:
    return [field.strip() for field in line.split("\t")]


def _row(place: str, line: str, header: list[str]) -> Row:
    fields = _fields(line)
    if len(fields) == 1:
        fields += [""] * (len(header) - 1)
    if len(fields) != len(header):
        raise InputError(f"{place}: {len(fields)} fields; the header has {len(header)}")
    return Row(place, dict(zip(header, fields, strict=True)))

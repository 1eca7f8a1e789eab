"""`metrics.csv`, checked: an epoch a row."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sedt.errors import InputError
from sedt.files import read_text

_PLACE = ("stage", "epoch", "step", "seconds")


@dataclass(frozen=True)
class Epoch:
    """What is known of one."""

    stage: str
    number: int
    """From 1 on."""
    seconds: float
    values: Mapping[str, float]
    """Losses, scores, learning rates; those that were not measured are not there."""


def read_epochs(file: Path) -> list[Epoch]:
    """All epochs, in order; none where the file is not there.

    Raises:
        InputError: a column is missing, a row has too many or too few fields, a field is no number.
    """
    if not file.exists():
        return []
    reader = csv.DictReader(read_text(file).splitlines())
    missing = [name for name in ("stage", "epoch", "seconds") if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{file}:1: no column `{missing[0]}`: not the metrics of a run")
    return [_epoch(row, f"{file}:{reader.line_num}") for row in reader]


def _epoch(row: dict[str | None, str | None], place: str) -> Epoch:
    if None in row or None in row.values():
        raise InputError(f"{place}: another number of fields than the header has")
    fields = {str(name): str(text) for name, text in row.items()}
    numbers = {name: _number(text, name, place) for name, text in fields.items() if name != "stage" and text}
    if "epoch" not in numbers or numbers["epoch"] < 0 or not fields["stage"]:
        raise InputError(f"{place}: a row needs a stage, and an epoch from 0 on")
    # A loss that ran away is written as nan or inf; a line has a gap there.
    values = {k: v for k, v in numbers.items() if k not in _PLACE and math.isfinite(v)}
    return Epoch(fields["stage"], int(numbers["epoch"]) + 1, numbers.get("seconds", 0.0), values)


def _number(text: str, name: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{place}: {name} {text[:40]!r} is not a number") from None
    if name in _PLACE and not math.isfinite(value):
        raise InputError(f"{place}: {name} is {text}")
    return value

"""The `--format` of `sedt detect`: which go together, what they can hold, and one on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sedt.errors import InputError

if TYPE_CHECKING:
    from sedt.bulk import Outcome


def chosen_formats(given: list[str] | None, output: Path | None) -> list[str]:
    """Names of formats, each once. Raises InputError: one is not known, or too many without a folder."""
    from sedt.formats import FORMATS

    chosen = list(dict.fromkeys(given or ["tsv"]))
    for name in chosen:
        if name not in FORMATS:
            raise InputError(f"--format {name}: known formats are {', '.join(FORMATS)}")
    if output is None and len(chosen) > 1:
        raise InputError(f"--format {', '.join(chosen)}: without --output only one format is printed")
    if output is not None and chosen == ["scores"]:
        return ["scores", "tsv"]  # which the tables of all recordings are made of
    return chosen


def check_number(chosen: list[str], number: int, output: Path | None) -> None:
    """Raise InputError for more recordings than a format can hold, before they are listened to."""
    from sedt.formats import FORMATS

    for name in chosen:
        if output is None and FORMATS[name].holds_one and number > 1:
            raise InputError(
                f"--format {name} holds one recording in a file, not {number}: --output DIR has one each"
            )


def check_blanks(chosen: Sequence[str], names: Sequence[str]) -> None:
    """Raise InputError for the first of these that RTTM cannot hold, before anything is listened to."""
    spaced = next((name for name in names if len(name.split()) != 1), None)
    if "rttm" in chosen and spaced is not None:
        raise InputError(f"--format rttm: {spaced!r} holds a blank, which RTTM cannot")


def print_as(format_name: str, outcome: Outcome) -> None:
    """All events that were found, on standard output. Raises InputError: the format cannot hold them."""
    import tempfile

    from sedt.formats import write_events

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "output"
        try:
            write_events(file, outcome.events, format_name)
        except InputError as error:
            raise InputError(str(error).replace(str(file), f"--format {format_name}")) from None
        sys.stdout.write(file.read_text(encoding="utf-8"))

"""`sedt convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sedt.errors import InputError

if TYPE_CHECKING:
    from sedt.events import EventTable


def convert(
    source: Annotated[Path, typer.Argument(help="Labels: a file, or a folder of them.", metavar="IN")],
    target: Annotated[
        Path, typer.Argument(help="A file, or (no ending) a folder with a file per recording.", metavar="OUT")
    ],
    read_as: Annotated[
        str | None, typer.Option("--from", help="The format of IN, if it is not told rightly.", metavar="F")
    ] = None,
    written_as: Annotated[
        str | None, typer.Option("--to", help="The format of OUT, in the place of its ending's.", metavar="F")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Write labels in another format: tsv, csv, json, jsonl, audacity, raven, rttm, textgrid, elan, jams ...

    Formats that hold one recording in a file need a folder where there are more. docs/formats.md tells what
    each keeps. Exit code 0: all well; 2: wrong use or input.

    Example: sedt convert selections/ labels.tsv

    Example: sedt convert events.tsv tracks --to audacity
    """
    from sedt.formats import read_events, write_events, write_folder
    from sedt.formats.recognise import recognise

    is_folder = target.is_dir() or not target.suffix
    if is_folder and written_as is None:
        raise InputError(f"{target}: a folder: say the format of the files in it by --to")
    table = read_events(source, read_as)
    _check(source, target, table, is_folder, overwrite)
    if is_folder:
        write_folder(target, table, str(written_as))
    else:
        write_events(target, table, written_as)
    _say(f"a folder of {len(table)}" if source.is_dir() else read_as or recognise(source), table, target)


def _check(source: Path, target: Path, table: EventTable, is_folder: bool, overwrite: bool) -> None:
    if not table:
        raise InputError(f"{source}: no recordings in it")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{target}: is what is read: give another name")
    if not overwrite and (any(target.iterdir()) if target.is_dir() else target.exists()):
        raise InputError(f"{target}: is there already: --overwrite replaces it")
    if not is_folder and not target.parent.is_dir():
        raise InputError(f"{target.parent}: no such folder")


def _say(read: str, table: EventTable, target: Path) -> None:
    labels = {event.label for events in table.values() for event in events}
    count = sum(map(len, table.values()))
    typer.echo(f"{read}: {len(table)} recordings, {count} events, {len(labels)} labels -> {target}", err=True)

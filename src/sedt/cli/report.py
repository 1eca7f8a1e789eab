"""`sedt report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="Folder that `sedt train` made.", metavar="RUN")],
    output: Annotated[
        Path | None, typer.Option(help="The page; default RUN/report.html.", metavar="FILE")
    ] = None,
    clips: Annotated[int, typer.Option(help="Worst clips to hear; 0: none.", min=0, metavar="N")] = 8,
    clip_seconds: Annotated[
        float,
        typer.Option(help="Of each clip, at most: a page of 8 clips has some 100 KB a second.", metavar="S"),
    ] = 15.0,
) -> None:
    """Write what came of a run as one page: curves, scores of each class, confusion, worst clips to hear.

    The page holds all it shows and opens from the disk. Of a run that is not finished: what is there.

    Example: sedt report runs/urban-sedt
    """
    from rich.console import Console

    from sedt.report import write_report

    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    page = write_report(run, output, num_clips=clips, clip_s=clip_seconds, say=errors.print)
    errors.print(f"report: {page}")

"""A run's folder -> the page."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from sedt.errors import InputError
from sedt.files import write_text
from sedt.metrics import confusion
from sedt.pictures.page import asset, whole_page
from sedt.report.about import about, header, headline
from sedt.report.classes import class_table, operating, psds_curves
from sedt.report.clips import worst_clips
from sedt.report.confusions import confusion_matrix
from sedt.report.curves import curves
from sedt.report.folder import read_run
from sedt.report.judged import Judged, judge
from sedt.report.words import note

NUM_CLIPS = 8
LONGEST_S = 15.0

_START = """
document.querySelectorAll(".sedt-player").forEach(sedtPlayer);
document.querySelectorAll(".sedt-chart").forEach(sedtChart);
"""


def write_report(
    run: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    num_clips: int = NUM_CLIPS,
    clip_s: float = LONGEST_S,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write one page that holds all it shows, and give back where it is.

    Args:
        run: the folder that `sedt train` made, finished or not.
        output: the file; none: `report.html` in the folder.
        num_clips: worst clips to hear; 0: none.
        clip_s: seconds of each, at most.
        say: told of what a reader of the page should know as well.

    Raises:
        InputError: no run, nothing in it yet, a damaged file; the page cannot be written.
    """
    if num_clips < 0 or clip_s <= 0:
        raise InputError(f"clips {num_clips}, seconds {clip_s:g}: must be at least 0 and more than 0")
    folder = read_run(Path(run))
    target = Path(output) if output is not None else folder.path / "report.html"
    if target.is_dir():
        raise InputError(f"{target}: a folder; the name of a file is needed")
    judged = judge(folder, say)
    if isinstance(judged, Judged):
        found = confusion(
            judged.trial.reference, judged.trial.estimated, judged.package.classes, judged.collars
        )
        parts = [
            headline(judged),
            about(folder, judged),
            curves(folder),
            class_table(judged),
            operating(judged),
            psds_curves(judged),
            confusion_matrix(found),
            worst_clips(judged, found, num_clips, clip_s, say),
        ]
    else:
        parts = [note(judged), about(folder, None), curves(folder)]
    body = "\n".join(parts)
    page = f"<main>{header(folder)}{_contents(body)}{body}</main>"
    style = (files("sedt.report") / "report.css").read_text(encoding="utf-8")
    sheets = [asset("player.css"), asset("chart.css"), style]
    scripts = [asset("player.js"), asset("chart.js"), _START]
    write_text(
        target,
        whole_page(f"{folder.recipe.name} – sedt report", page, sheets, scripts),
    )
    return target


def _contents(body: str) -> str:
    """Links to the sections that are there."""
    links = re.findall(r'<section id="(\w+)"><h2>(.*?)</h2>', body)
    return "<nav>" + "".join(f'<a href="#{name}">{title}</a>' for name, title in links) + "</nav>"

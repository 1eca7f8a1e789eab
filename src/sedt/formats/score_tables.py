"""Score tables of sed_scores_eval: `onset offset CLASS ...`, a row for each step of one recording."""

from __future__ import annotations

from itertools import pairwise

from sedt.errors import InputError
from sedt.events import Event, EventTable, merge_overlapping
from sedt.formats.fields import checked_event, one_line, only_recording, recording_name
from sedt.formats.tables import PathLike, column_names, read_table, write_table

LEAST_SCORE = 0.5
"""A class sounds in the steps whose score is at least so much."""


def read_score_table(path: PathLike) -> dict[str, list[Event]]:
    """Events of the steps in a row that reach `LEAST_SCORE`; the score is the highest of them.

    Raises:
        InputError: no columns `onset` and `offset`, a score that is no number. The message names the line.
    """
    labels = [name for name in column_names(path) if name not in ("onset", "offset")]
    steps = [
        checked_event(row.place, row.fields["onset"], row.fields["offset"], label, score)
        for row in read_table(path, ("onset", "offset", *labels))
        for label in labels
        if (score := row.number(label)) >= LEAST_SCORE
    ]
    return {recording_name(path): merge_overlapping(steps, gap_s=1e-6)}


def write_score_table(path: PathLike, table: EventTable) -> None:
    """Write a row between any two edges of events: scores of the events that sound there, 1 without one.

    Raises:
        InputError: more than one recording; a label that is no column's name.
    """
    _, events = only_recording(path, table, "a score table")
    labels = sorted({one_line(path, one.label) for one in events})
    if {"onset", "offset"} & set(labels):
        raise InputError(f"{path}: a class cannot be called onset or offset in a score table")
    edges = sorted({0.0, *(time for one in events for time in (one.onset, one.offset))})
    rows = []
    for start, end in pairwise(edges):
        scores = dict.fromkeys(labels, 0.0)
        for one in events:
            if one.onset <= start and end <= one.offset:
                scores[one.label] = max(scores[one.label], 1.0 if one.score is None else one.score)
        rows.append([repr(start), repr(end), *(f"{scores[label]:.4f}" for label in labels)])
    write_table(path, ["onset", "offset", *labels], rows)

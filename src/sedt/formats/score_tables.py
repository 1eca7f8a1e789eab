"""Score tables of sed_scores_eval: `onset offset CLASS ...`, a row for each step of one recording."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from sedt.errors import InputError
from sedt.events import Event, EventTable, merge_overlapping
from sedt.formats.fields import checked_event, one_line, only_recording, recording_name
from sedt.formats.tables import PathLike, Row, column_names, read_table, write_table

LEAST_SCORE = 0.5
"""A class sounds in the steps whose score is at least so much."""


def read_score_table(path: PathLike) -> dict[str, list[Event]]:
    """Events of the steps in a row that reach `LEAST_SCORE`; the score is the highest of them.

    Raises:
        InputError: no columns `onset` and `offset`, times or a score that cannot be; names the line.
    """
    labels = [name for name in column_names(path) if name not in ("onset", "offset")]
    steps = [step for row in read_table(path, ("onset", "offset", *labels)) for step in _steps(row, labels)]
    reaching = [step for step in steps if step.score is not None and step.score >= LEAST_SCORE]
    return {recording_name(path): merge_overlapping(reaching, gap_s=1e-6)}


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
    rows, to_come, sounding = [], deque(events), list[Event]()
    for start, end in pairwise(edges):
        while to_come and to_come[0].onset <= start:
            sounding.append(to_come.popleft())
        sounding = [one for one in sounding if end <= one.offset]
        scores = dict.fromkeys(labels, 0.0)
        for one in sounding:
            scores[one.label] = max(scores[one.label], 1.0 if one.score is None else one.score)
        rows.append([repr(start), repr(end), *(f"{scores[label]:.4f}" for label in labels)])
    write_table(path, ["onset", "offset", *labels], rows)


def _steps(row: Row, labels: list[str]) -> Iterator[Event]:
    times = row.number("onset"), row.number("offset")
    for label in labels:
        yield checked_event(row.place, *times, label, row.number(label))

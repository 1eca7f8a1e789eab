"""Events of overlapping windows -> events of the recording, in order and in constant memory.

    window k      |----------------------|
    window k + 1             |----------------------|
                             ^ shared   ^
                                  ^ the seam: middle of the shared stretch

Both windows hear what lies in the shared stretch. An event that both report is one event, and each of its edges
is taken from the window that heard more around it. An event that only one reports is believed if that window
is the one that heard more around the part that both could hear. All of it is local: what is joined at a seam
depends on the two windows beside it and on the events that reach it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from sedt.decoding.decide import deoverlap
from sedt.events import Event

SAME_EVENT = 0.5
"""Two reports are one event if they share this part of the shorter one, within the shared stretch."""


@dataclass(frozen=True)
class _Edge:
    """A time, and how far from its window's ends it was heard."""

    time_s: float
    context_s: float


@dataclass(frozen=True)
class _Report:
    """An event as the windows so far say it."""

    onset: _Edge
    offset: _Edge
    label: str
    score: float

    def event(self) -> Event:
        return Event(self.onset.time_s, max(self.onset.time_s, self.offset.time_s), self.label, self.score)


@dataclass
class SeamJoiner:
    """Takes the events of windows in order, gives back those that no later window can change.

    Window k begins at k * hop_s; `window_s` - `hop_s`, the overlap, is at most half a window.
    """

    window_s: float
    hop_s: float
    _index: int = field(default=0, init=False)
    _open: list[_Report] = field(default_factory=list, init=False)

    def add(self, events: Sequence[Event], *, last: bool = False) -> list[Event]:
        """Events of the next window, in seconds from its start; `last` if the recording ends in it."""
        start = self._index * self.hop_s
        reports = [self._report(event, start, last) for event in events]
        if self._index:
            reports = self._join(self._open, reports, start)
        self._index += 1
        next_start = start + self.hop_s
        done = [r for r in reports if last or r.offset.time_s <= next_start]
        self._open = [] if last else [r for r in reports if r.offset.time_s > next_start]
        return deoverlap([report.event() for report in done])

    def _report(self, event: Event, start: float, last: bool) -> _Report:
        """With the distance of both edges to the window's ends; the recording's ends are none."""
        first = self._index == 0

        def edge(time_s: float) -> _Edge:
            to_start = np.inf if first else time_s
            to_end = np.inf if last else self.window_s - time_s
            return _Edge(start + time_s, max(0.0, float(min(to_start, to_end))))

        return _Report(edge(event.onset), edge(event.offset), event.label, event.score or 0.0)

    def _join(self, before: list[_Report], after: list[_Report], start: float) -> list[_Report]:
        """Reports of the window before (and of events that reach into it) and of the one that starts here."""
        end = start - self.hop_s + self.window_s
        pairs = _same_events(before, after, start, end)
        joined = [_merge(before[i], after[j]) for i, j in pairs]
        paired_before, paired_after = {i for i, _ in pairs}, {j for _, j in pairs}
        seam = (start + end) / 2
        joined += [
            report
            for i, report in enumerate(before)
            if i not in paired_before and _heard_part(report, start, end) <= seam
        ]
        joined += [
            report
            for j, report in enumerate(after)
            if j not in paired_after and _heard_part(report, start, end) > seam
        ]
        return joined


def join_windows(windows: Iterable[Sequence[Event]], window_s: float, hop_s: float) -> list[Event]:
    """All windows of one recording at once; events ordered by onset."""
    listed = list(windows)
    joiner = SeamJoiner(window_s, hop_s)
    found = [
        event
        for index, events in enumerate(listed)
        for event in joiner.add(events, last=index == len(listed) - 1)
    ]
    return sorted(found, key=lambda e: (e.onset, e.offset, e.label))


def _heard_part(report: _Report, start: float, end: float) -> float:
    """Where the part of an event that both windows could hear lies: its centre.

    An event that reaches out of the shared stretch is its own window's: the other could hear only a part.
    """
    onset, offset = report.onset.time_s, report.offset.time_s
    if onset < start < end < offset:
        return (start + end) / 2
    if onset < start:
        return -np.inf if offset < (start + end) / 2 else (start + offset) / 2
    if offset > end:
        return np.inf if onset > (start + end) / 2 else (onset + end) / 2
    return (onset + offset) / 2


def _same_events(
    before: list[_Report], after: list[_Report], start: float, end: float
) -> list[tuple[int, int]]:
    """Pairs of one label that overlap most in the shared stretch, one to one."""
    if not before or not after:
        return []
    share = np.array([[_share(a, b, start, end) for b in after] for a in before])
    rows, columns = linear_sum_assignment(-share)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if share[i, j] >= SAME_EVENT]


def _share(a: _Report, b: _Report, start: float, end: float) -> float:
    """Common part of two reports over the shorter of them, within start..end; 0 for two labels."""
    if a.label != b.label:
        return 0.0
    (on_a, off_a), (on_b, off_b) = (
        (max(r.onset.time_s, start), min(r.offset.time_s, end)) for r in (a, b)
    )
    shorter = min(off_a - on_a, off_b - on_b)
    return max(0.0, min(off_a, off_b) - max(on_a, on_b)) / shorter if shorter > 0 else 0.0


def _merge(a: _Report, b: _Report) -> _Report:
    """Each edge from the window that heard more around it; a tie goes to the wider event."""
    onset = min((a.onset, b.onset), key=lambda e: (-e.context_s, e.time_s))
    offset = max((a.offset, b.offset), key=lambda e: (e.context_s, e.time_s))
    if offset.time_s <= onset.time_s:
        onset = min((a.onset, b.onset), key=lambda e: e.time_s)
        offset = max((a.offset, b.offset), key=lambda e: e.time_s)
    return _Report(onset, offset, a.label, max(a.score, b.score))

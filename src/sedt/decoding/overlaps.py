"""When two events of one label are the same, and how to keep those apart that are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sedt.events import Event

SAME_EVENT = 0.5
"""Two stretches are one event if they share at least this part of the shorter one. [O]"""


def shared_s(a: Event, b: Event) -> float:
    """Seconds that two events share; if negative, the seconds between them."""
    return min(a.offset, b.offset) - max(a.onset, b.onset)


def are_same(a: Event, b: Event) -> bool:
    """Whether two stretches of one label are one event."""
    shared = shared_s(a, b)
    return shared > 0 and shared >= SAME_EVENT * min(a.duration, b.duration)


def join(a: Event, b: Event, onset: float, offset: float) -> Event:
    """One event in the place of two, with these edges and the larger score."""
    scores = [event.score for event in (a, b) if event.score is not None]
    return Event(onset, offset, a.label, max(scores, default=None))


def separate(events: Iterable[Event]) -> list[Event]:
    """Events of one label, made to overlap no more; ordered by onset.

    Two that are the same become their union; others are cut in the middle of what they share, and what a
    third event has before such a cut is gone.
    """
    done: list[Event] = []
    last: dict[str, int] = {}
    for event in by_time(events):
        index = last.get(event.label)
        if index is not None:
            before = done[index]
            if event.offset <= before.onset:  # it lies before a cut
                continue
            event = replace(event, onset=max(event.onset, before.onset))
            if are_same(before, event):
                done[index] = join(before, event, before.onset, max(before.offset, event.offset))
                continue
            if event.onset < before.offset:
                middle = (event.onset + before.offset) / 2
                done[index] = replace(before, offset=middle)
                event = replace(event, onset=middle)
        last[event.label] = len(done)
        done.append(event)
    return by_time(done)


def by_time(events: Iterable[Event]) -> list[Event]:
    """Events ordered by onset."""
    return sorted(events, key=lambda e: (e.onset, e.offset, e.label))

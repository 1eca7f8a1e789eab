"""Events of overlapping windows -> events of the recording, in order and in constant memory.

    window k      |----------------------|
    window k + 1             |----------------------|
                             ^ shared   ^
                                  ^ the seam: middle of the shared stretch

Both windows hear what lies in the shared stretch; before the seam the first one hears more around it, behind
the seam the second one. An event that both report is one event, and where they disagree about an edge, the
side of the seam on which they disagree tells whom to believe. An event that only one reports stays if it lies
on that window's side, or if most of it lies where the other window hears nothing. All of it is local: what is
joined at a seam depends on the two windows beside it and on the events that reach it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sedt.decoding.overlaps import are_same, by_time, join, separate, shared_s
from sedt.events import Event

OPEN = 0.01
"""An event that ends within this share of a window from the window's end may go on in the next. It matters
only where windows overlap so little that both parts of one event need not overlap. [O]"""

_ROUNDING_S = 1e-9


@dataclass
class SeamJoiner:
    """Takes the events of windows in order, gives back those that no later window can change.

    Window k begins at k * hop_s; `window_s` - `hop_s`, the overlap, is at most half a window, so that only
    neighbours overlap. With `deoverlap`, events of one label do not overlap in what is given back, if they
    did not within the windows. `index` and `held` are all that it remembers: a joiner that is made with those
    of another goes on where that one was.
    """

    window_s: float
    hop_s: float
    deoverlap: bool = True
    index: int = 0
    """Windows taken."""
    held: list[Event] = field(default_factory=list)
    """Events, in seconds from the start of the recording, that the next window may change."""

    def add(self, events: Sequence[Event], *, last: bool = False) -> list[Event]:
        """Take the events of the next window, in seconds from its start; `last` if the recording ends in it.

        Returns:
            Events in seconds from the start of the recording, ordered by onset: all that end before the next
            window begins, or, after the last window, all that are left. So an event that ends at t is given
            back with the last window that begins before t, or with the one after it if t is among that
            window's last hundredth.
        """
        start = self.index * self.hop_s
        found = [replace(event, onset=start + event.onset, offset=start + event.offset) for event in events]
        if self.index:
            found = self._join(self.held, found, start)
        self.index += 1
        next_start = start + self.hop_s
        hold_from = min(next_start, start + self.window_s * (1 - OPEN))
        self.held = [] if last else [event for event in found if event.offset > hold_from]
        return by_time(event for event in found if last or event.offset <= hold_from)

    def _join(self, before: list[Event], after: list[Event], start: float) -> list[Event]:
        """Events that reach the shared stretch from before, and those of the window that starts here."""
        shared = _Shared(start, start - self.hop_s + self.window_s, OPEN * self.window_s)
        pairs = shared.pairs(before, after)
        joined = [shared.merge(before[i], after[j]) for i, j in pairs]
        paired_before, paired_after = {i for i, _ in pairs}, {j for _, j in pairs}
        joined += [
            event
            for i, event in enumerate(before)
            if i not in paired_before and (shared.is_mostly_outside(event) or shared.side(event) <= 0)
        ]
        joined += [
            event
            for j, event in enumerate(after)
            if j not in paired_after and (shared.is_mostly_outside(event) or shared.side(event) > 0)
        ]
        return separate(joined) if self.deoverlap else joined


def join_windows(
    windows: Iterable[Sequence[Event]], window_s: float, hop_s: float, *, deoverlap: bool = True
) -> list[Event]:
    """All windows of one recording at once (see `SeamJoiner`); events ordered by onset."""
    listed = list(windows)
    joiner = SeamJoiner(window_s, hop_s, deoverlap)
    return by_time(
        event
        for index, events in enumerate(listed)
        for event in joiner.add(events, last=index == len(listed) - 1)
    )


@dataclass(frozen=True)
class _Shared:
    """The stretch that two neighbouring windows share, in seconds of the recording."""

    start: float
    end: float
    margin: float

    def pairs(self, before: list[Event], after: list[Event]) -> list[tuple[int, int]]:
        """Which events of the two windows are one: those that share most first, one to one."""
        candidates = [
            (-shared_s(self._part(a), self._part(b)), i, j)
            for i, a in enumerate(before)
            for j, b in enumerate(after)
            if a.label == b.label and (are_same(self._part(a), self._part(b)) or self._continues(a, b))
        ]
        pairs: dict[int, int] = {}
        taken: set[int] = set()
        for _, i, j in sorted(candidates):
            if i not in pairs and j not in taken:
                pairs[i] = j
                taken.add(j)
        return list(pairs.items())

    def merge(self, a: Event, b: Event) -> Event:
        """One event; each edge from the window on whose side of the seam the two disagree, else the wider."""
        middle = self.start + self.end
        onsets = self._clamp(a.onset) + self._clamp(b.onset)
        offsets = self._clamp(a.offset) + self._clamp(b.offset)
        onset = min(a.onset, b.onset) if onsets == middle else a.onset if onsets < middle else b.onset
        offset = max(a.offset, b.offset) if offsets == middle else a.offset if offsets < middle else b.offset
        return join(a, b, onset, offset)

    def side(self, event: Event) -> float:
        """Where the part that both windows hear lies: before the seam (negative) or behind it (positive)."""
        part = self._part(event)
        return part.onset + part.offset - self.start - self.end

    def is_mostly_outside(self, event: Event) -> bool:
        """Whether one window hears at least half of an event alone."""
        return shared_s(event, Event(self.start, self.end, "")) <= event.duration / 2 + _ROUNDING_S

    def _continues(self, a: Event, b: Event) -> bool:
        """Whether `a` reaches the end of its window, and `b` goes on from the start of the next."""
        return (
            a.offset >= self.end - self.margin
            and b.onset <= self.start + self.margin
            and a.onset <= b.offset
            and shared_s(a, b) >= -self.margin
        )

    def _part(self, event: Event) -> Event:
        """What both windows hear of an event."""
        return replace(event, onset=self._clamp(event.onset), offset=self._clamp(event.offset))

    def _clamp(self, time_s: float) -> float:
        return min(max(time_s, self.start), self.end)

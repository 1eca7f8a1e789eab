"""Which labels are called what, where the times are right; what is missed, what is found and not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sedt.events import Event, EventTable
from sedt.metrics.event_based import Collars, match_events
from sedt.metrics.pairing import class_labels, file_pairs


@dataclass(frozen=True)
class FileErrors:
    """What is wrong with the estimate of a file."""

    called_otherwise: Sequence[tuple[Event, Event]]
    """True event and estimate, right in time, of unlike labels."""
    missed: Sequence[Event]
    false: Sequence[Event]

    @property
    def number(self) -> int:
        """A wrong label is a miss and a false alarm."""
        return 2 * len(self.called_otherwise) + len(self.missed) + len(self.false)


@dataclass(frozen=True)
class Confusion:
    """Event-based: hits, substitutions, deletions, insertions, by label."""

    labels: Sequence[str]
    called: Mapping[tuple[str, str], int]
    """(true label, estimated label) -> pairs right in time; hits where both are the same."""
    missed: Mapping[str, int]
    """True label -> events without an estimate that is right in time."""
    false: Mapping[str, int]
    """Estimated label -> estimates without a true event."""
    files: Mapping[str, FileErrors]


def confusion(
    reference: EventTable,
    estimated: EventTable,
    labels: Sequence[str] | None = None,
    collars: Collars | None = None,
) -> Confusion:
    """Pair events as the event-based metric does, and tell what became of each.

    Files are those of `reference`; classes are `labels`, or all of both tables.
    """
    labels = class_labels(reference, estimated, labels)
    called: Counter[tuple[str, str]] = Counter()
    missed: Counter[str] = Counter()
    false: Counter[str] = Counter()
    files: dict[str, FileErrors] = {}
    for name, true, found in file_pairs(reference, estimated, labels):
        pairs = match_events(true, found, collars or Collars())
        called.update((true[i].label, found[j].label) for i, j in pairs)
        seen, used = {i for i, _ in pairs}, {j for _, j in pairs}
        errors = FileErrors(
            [(true[i], found[j]) for i, j in pairs if true[i].label != found[j].label],
            [event for i, event in enumerate(true) if i not in seen],
            [event for j, event in enumerate(found) if j not in used],
        )
        missed.update(event.label for event in errors.missed)
        false.update(event.label for event in errors.false)
        files[name] = errors
    return Confusion(labels, dict(called), dict(missed), dict(false), files)

"""Which events of a file are held against which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sedt.events import Event, EventTable, labels_of


class FilePair(NamedTuple):
    """Events of one file in their order."""

    name: str
    true: list[Event]
    found: list[Event]


def class_labels(
    reference: EventTable, estimated: EventTable, labels: Sequence[str] | None = None
) -> list[str]:
    """The classes that count: `labels`, or all of both tables."""
    return labels_of([reference, estimated]) if labels is None else list(dict.fromkeys(labels))


def file_pairs(reference: EventTable, estimated: EventTable, labels: Sequence[str]) -> Iterator[FilePair]:
    """Every file of `reference` with its events of `labels`; one that was not estimated has no detections."""
    wanted = frozenset(labels)
    for name, events in reference.items():
        true = [event for event in events if event.label in wanted]
        found = [event for event in estimated.get(name, ()) if event.label in wanted]
        yield FilePair(name, true, found)

"""Events of a training clip while augmentation moves, cuts and mixes it.

Times are shares of the window here. An event that loses a part stays if `LEAST_S` seconds or half of it are
left, as where a window cuts a recording (`sedt.data.targets.crop_events`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch

from sedt.batch import Supervision, Targets
from sedt.data.targets import LEAST_S
from sedt.spans import edges_to_spans, spans_to_edges


@dataclass(frozen=True)
class MovingEvent:
    """A class that sounds from `onset` to `offset`, and counts with `weight`."""

    label: int
    onset: float
    offset: float
    weight: float = 1.0


def events_of(targets: Targets) -> list[MovingEvent]:
    """The events of a strong clip."""
    edges = spans_to_edges(targets.spans).tolist()
    weights = [1.0] * len(edges) if targets.weights is None else targets.weights.tolist()
    return [
        MovingEvent(label, onset, offset, weight)
        for label, (onset, offset), weight in zip(targets.labels.tolist(), edges, weights, strict=True)
    ]


def targets_of(events: Sequence[MovingEvent], like: Targets) -> Targets:
    """Targets of a strong clip with these events; a tag is as sure as the weight of its class.

    Tags of classes without events in `like` stay: a teacher may know them, or a person, without a time.
    """
    tags = like.tags.clone()
    tags[like.labels] = 0
    for event in events:
        tags[event.label] = max(float(tags[event.label]), event.weight)
    edges = torch.tensor([[event.onset, event.offset] for event in events]).reshape(-1, 2)
    return Targets(
        supervision=Supervision.STRONG,
        tags=tags,
        labels=torch.tensor([event.label for event in events], dtype=torch.int64).to(like.labels.device),
        spans=edges_to_spans(edges).to(like.spans),
        weights=torch.tensor([event.weight for event in events]).to(like.spans),
    )


def moved(events: Iterable[MovingEvent], by: float, end: float, window_s: float) -> list[MovingEvent]:
    """All events later by `by`, as far as they stay within 0..`end`."""
    kept = []
    for event in events:
        onset, offset = max(0.0, event.onset + by), min(end, event.offset + by)
        if _is_enough(offset - onset, event, window_s):
            kept.append(replace(event, onset=onset, offset=offset))
    return kept


def silenced(events: Iterable[MovingEvent], start: float, stop: float, window_s: float) -> list[MovingEvent]:
    """What is heard of the events when nothing sounds from `start` to `stop`; a gap within an event stays."""
    kept = []
    for event in events:
        onset = stop if start <= event.onset < stop else event.onset
        offset = start if start < event.offset <= stop else event.offset
        if _is_enough(offset - onset, event, window_s):
            kept.append(replace(event, onset=onset, offset=offset))
    return kept


def mixed(first: Iterable[MovingEvent], second: Iterable[MovingEvent], weight: float) -> list[MovingEvent]:
    """Events of two clips that sound together, `weight` of the first.

    Where two of one class overlap they are one event, which counts with the weights of both.
    """
    together = [replace(event, weight=event.weight * weight) for event in first]
    together += [replace(event, weight=event.weight * (1 - weight)) for event in second]
    merged: list[MovingEvent] = []
    last: dict[int, int] = {}
    for event in sorted(together, key=lambda e: (e.onset, e.offset, e.label)):
        index = last.get(event.label)
        if index is not None and event.onset <= merged[index].offset:
            before = merged[index]
            merged[index] = replace(
                before,
                offset=max(before.offset, event.offset),
                weight=min(1.0, before.weight + event.weight),
            )
        else:
            last[event.label] = len(merged)
            merged.append(event)
    return merged


def _is_enough(length: float, event: MovingEvent, window_s: float) -> bool:
    """Whether so much of an event can still be called it."""
    return length > 0 and length >= min(LEAST_S / window_s, (event.offset - event.onset) / 2)

"""Which recordings learn, validate and test: whole ones, every class in each part where that can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sedt.events import Event

LEAST_FOR_VALIDATION, LEAST_FOR_TEST = 2, 6
"""Labelled recordings that are needed to set some aside."""
SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
_DRAWS = 400


@dataclass(frozen=True)
class Split:
    """Names of recordings."""

    train: list[str]
    validation: list[str]
    test: list[str]
    is_told: bool = False
    """The labels themselves said so."""


def split(
    events: Mapping[str, Sequence[Event]],
    parts: Mapping[str, str],
    *,
    with_test: bool = True,
    seed: int = 0,
) -> Split:
    """Deal out the labelled recordings; the same ones to the same parts at every call.

    `parts` is what the labels say of a recording. Without `with_test` none is set aside for a test. Of many
    random splits the one is taken in which most classes are in all parts, then the one whose parts are
    nearest to their shares of the events.
    """
    names = sorted(events)
    if {parts.get(name, "train") for name in names} >= {"train", "validation"}:
        told = {part: [name for name in names if parts.get(name, "train") == part] for part in SHARES}
        if not with_test:
            told["test"] = []
        return Split(told["train"], told["validation"], told["test"], is_told=True)
    names = [name for name in names if parts.get(name) != "test"]
    kept_test = [name for name in sorted(events) if parts.get(name) == "test"]
    if len(names) < LEAST_FOR_VALIDATION:
        return Split(names, [], kept_test)
    with_test = with_test and len(names) >= LEAST_FOR_TEST and not kept_test
    generator = np.random.default_rng(seed)
    best = max(
        (_drawn(names, with_test, generator) for _ in range(_DRAWS)), key=lambda s: _quality(s, events)
    )
    return Split(best.train, best.validation, best.test or kept_test)


def _drawn(names: list[str], with_test: bool, generator: np.random.Generator) -> Split:
    order = [names[i] for i in generator.permutation(len(names))]
    num_validation = max(1, round(SHARES["validation"] * len(order)))
    num_test = max(1, round(SHARES["test"] * len(order))) if with_test else 0
    held_out = num_validation + num_test
    return Split(
        sorted(order[held_out:]), sorted(order[:num_validation]), sorted(order[num_validation:held_out])
    )


def _quality(one: Split, events: Mapping[str, Sequence[Event]]) -> tuple[int, float]:
    """Classes that are in training and in the other parts, then how near the shares of events are."""
    parts = {"train": one.train, "validation": one.validation, "test": one.test}
    used = {part: names for part, names in parts.items() if names}
    counts = {part: Counter(e.label for name in names for e in events[name]) for part, names in used.items()}
    labels = {label for count in counts.values() for label in count}
    present = sum(all(count[label] for count in counts.values()) for label in labels)
    total = max(1, sum(count.total() for count in counts.values()))
    off = sum(abs(count.total() / total - SHARES[part]) for part, count in counts.items())
    return present, -off

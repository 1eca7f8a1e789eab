"""Whole recordings are dealt out, rare classes to every part."""

from __future__ import annotations

import pytest

from sedt.events import Event
from sedt.planning.split import split


def table(number: int, rare: tuple[int, ...] = ()) -> dict[str, list[Event]]:
    events = [Event(0.0, 1.0, "dog"), Event(2.0, 3.0, "dog")]
    return {f"{i:02}.wav": events + ([Event(4.0, 5.0, "owl")] if i in rare else []) for i in range(number)}


def test_every_recording_is_in_one_part() -> None:
    events = table(20)
    parts = split(events, {})
    dealt = parts.train + parts.validation + parts.test
    assert sorted(dealt) == sorted(events)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (14, 3, 3)
    assert split(events, {}) == parts


@pytest.mark.parametrize("seed", range(5))
def test_a_rare_class_is_in_every_part(seed: int) -> None:
    events = table(20, rare=(3, 7, 11))
    parts = split(events, {}, seed=seed)
    for names in (parts.train, parts.validation, parts.test):
        assert any(e.label == "owl" for name in names for e in events[name])


def test_few_recordings() -> None:
    assert split(table(1), {}).validation == []
    two = split(table(2), {})
    assert (len(two.train), len(two.validation), len(two.test)) == (1, 1, 0)
    assert split(table(5), {}).test == []
    assert len(split(table(6), {}).test) == 1
    assert split(table(6), {}, with_test=False).test == []


def test_what_the_labels_say_counts() -> None:
    told = {f"{i:02}.wav": part for i, part in enumerate(["train", "validation", "test", "train"])}
    parts = split(table(4), told)
    assert parts.is_told
    assert (parts.train, parts.validation, parts.test) == (["00.wav", "03.wav"], ["01.wav"], ["02.wav"])
    only_validation = split(table(8), {"03.wav": "validation"})
    assert only_validation.is_told
    assert only_validation.validation == ["03.wav"]
    assert len(only_validation.train) == 7
    only_test = {"00.wav": "test"}
    parts = split(table(4), only_test)
    assert parts.test == ["00.wav"]
    assert len(parts.train) == 2
    assert len(parts.validation) == 1

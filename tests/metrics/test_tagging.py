from __future__ import annotations

import pytest

from sedt.events import Event
from sedt.metrics import Counts, tagging


def test_worked_by_hand() -> None:
    reference = {
        "1.wav": [Event(0, 1, "dog"), Event(4, 5, "dog"), Event(0, 1, "cat")],
        "2.wav": [Event(0, 1, "dog")],
        "3.wav": [],
    }
    estimated = {
        "1.wav": [Event(8, 9, "dog"), Event(2, 3, "dog")],  # at whatever time, however often
        "3.wav": [Event(0, 1, "dog"), Event(0, 1, "cat")],
    }
    scores = tagging(reference, estimated)
    assert scores.counts == {"cat": Counts(1, 1, 0), "dog": Counts(2, 2, 1)}
    assert scores.macro.f1 == pytest.approx((0 + 2 * 1 / 4) / 2)
    assert scores.micro.f1 == pytest.approx(2 * 1 / 6)
    assert "error_rate" not in scores.as_dict()


def test_only_the_labels_asked_for() -> None:
    table = {"1.wav": [Event(0, 1, "dog"), Event(0, 1, "cat")]}
    assert tagging(table, table, ["cat", "owl"]).counts == {"cat": Counts(1, 1, 1), "owl": Counts()}

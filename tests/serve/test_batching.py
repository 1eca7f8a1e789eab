"""Windows of several threads in one batch: each gets its own rows back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag

import numpy as np
import pytest
from numpy.typing import NDArray
from serving import until

from sedt.audio import Waveform
from sedt.batch import Probabilities
from sedt.serve.batching import SharedBatches, StoppedError


class Echo:
    """A model that says of each window its first sample; the first batch waits for `go`."""

    def __init__(self) -> None:
        self.go, self.sizes = Flag(), list[int]()

    def __call__(self, windows: list[Waveform]) -> tuple[Probabilities, NDArray[np.float64]]:
        self.sizes.append(len(windows))
        assert self.go.wait(60)
        if any(np.isnan(window[0]) for window in windows):
            raise RuntimeError("no")
        first = np.array([window[0] for window in windows])
        spans = np.zeros((len(windows), 1, 2), np.float32)
        return Probabilities(first[:, None, None], spans, None), first.astype(np.float64)


def windows(first: int, number: int) -> list[Waveform]:
    return [np.full(3, first + i, np.float32) for i in range(number)]


def test_who_waits_goes_together_and_in_order() -> None:
    echo, seen = Echo(), list[tuple[int, int]]()
    batches = SharedBatches(echo, 6, lambda *counts: seen.append(counts))
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(batches, windows(0, 1))]
        until(lambda: echo.sizes == [1])
        for first, number in ((10, 3), (20, 2), (30, 4), (40, 2), (50, 9)):
            before = batches._asked.qsize()
            asked.append(threads.submit(batches, windows(first, number)))
            until(lambda before=before: batches._asked.qsize() > before)
        echo.go.set()
        answers = [one.result(60) for one in asked]
    batches.stop()
    for (probabilities, lengths), (first, number) in zip(
        answers, ((0, 1), (10, 3), (20, 2), (30, 4), (40, 2), (50, 9)), strict=True
    ):
        assert lengths.tolist() == [first + i for i in range(number)]
        assert probabilities.classes[:, 0, 0].tolist() == lengths.tolist()
        assert probabilities.spans.shape == (number, 1, 2)
    assert seen == [(1, 1), (5, 2), (6, 2), (9, 1)], "a batch is not larger than its limit, but for one asker"


def test_an_error_is_told_to_who_asked_and_to_nobody_later() -> None:
    echo = Echo()
    echo.go.set()
    batches = SharedBatches(echo, 6, lambda *counts: None)
    with pytest.raises(RuntimeError, match="no"):
        batches([np.full(3, np.nan, np.float32)])
    assert batches(windows(7, 1))[1].tolist() == [7]
    batches.stop()


def test_when_stopped_nobody_waits_for_ever() -> None:
    echo = Echo()
    batches = SharedBatches(echo, 1, lambda *counts: None)
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(batches, windows(i, 1)) for i in range(3)]
        until(lambda: len(echo.sizes) == 1 and batches._asked.qsize() == 2)
        with ThreadPoolExecutor(1) as other:
            stopping = other.submit(batches.stop)
            until(lambda: batches._is_stopped)
            echo.go.set()
            stopping.result(60)
        told = [one.exception(60) for one in asked]
    assert sum(error is None for error in told) == 1
    assert sum(isinstance(error, StoppedError) for error in told) == 2
    with pytest.raises(StoppedError):
        batches(windows(0, 1))

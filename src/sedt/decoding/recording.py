"""Probabilities of a recording's windows -> its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedt.batch import Probabilities
from sedt.decoding.decide import Decision, PerClass, candidates, decode, per_class
from sedt.decoding.seams import join_windows
from sedt.events import Event


@dataclass(frozen=True)
class RecordingPredictions:
    """What a model says of a recording, before any decision."""

    probabilities: Probabilities
    """Of its windows, in order."""
    lengths_s: NDArray[np.float64]
    """(windows,) seconds of each window that hold audio."""
    window_s: float
    hop_s: float
    """Seconds from one window to the next."""

    def events(self, classes: Sequence[str], decision: Decision) -> list[Event]:
        """Decided events of the recording, ordered by onset. Raises InputError as `decode` does."""
        windows = decode(self.probabilities, classes, decision, self.window_s, self.lengths_s)
        return join_windows(windows, self.window_s, self.hop_s, deoverlap=decision.deoverlap)

    def candidates(self, classes: Sequence[str], median_s: PerClass = 0.0) -> list[Event]:
        """What PSDS is counted on (see `decoding.candidates`), ordered by onset."""
        windows = candidates(self.probabilities, classes, self.window_s, self.lengths_s, median_s)
        return join_windows(windows, self.window_s, self.hop_s, deoverlap=False)

    def tags(self, classes: Sequence[str], decision: Decision) -> list[str]:
        """Classes that the audio query says of some window; none for a model without one."""
        if self.probabilities.tags is None:
            return []
        limits = per_class(decision.tag_threshold, classes, "tag_threshold")
        tagged = np.any(self.probabilities.tags > limits, axis=0)
        return [classes[int(index)] for index in np.flatnonzero(tagged)]

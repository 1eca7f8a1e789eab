"""What computes a model's probabilities: torch with a package, or onnxruntime with one file.

Importing this imports neither: a detector with an ONNX file needs no torch.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sedt.batch import Probabilities
from sedt.runtimes.facts import ModelFacts


@runtime_checkable
class Runtime(Protocol):
    """What a `Detector` asks."""

    facts: ModelFacts

    def probabilities(self, windows: NDArray[np.float32], num_samples: NDArray[np.int64]) -> Probabilities:
        """Windows (batch, window_samples), zeros after `num_samples` (batch,) -> what the model says."""


__all__ = ["ModelFacts", "Runtime"]

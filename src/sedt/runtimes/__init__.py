"""What computes a model's probabilities: torch with a package, or onnxruntime with one file.

Importing this imports neither: a detector with an ONNX file needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sedt.batch import Probabilities
from sedt.errors import InputError
from sedt.runtimes.facts import ModelFacts

if TYPE_CHECKING:
    import torch

    from sedt.package import Package


@runtime_checkable
class Runtime(Protocol):
    """What a `Detector` asks."""

    facts: ModelFacts

    def probabilities(self, windows: NDArray[np.float32], num_samples: NDArray[np.int64]) -> Probabilities:
        """Windows (batch, window_samples), zeros after `num_samples` (batch,) -> what the model says."""


def runtime_of(model: Package | Runtime, device: str | torch.device = "cpu") -> Runtime:
    """What runs a model on a device.

    Raises:
        InputError: there is no such device here; an exported model runs on the processor alone.
    """
    if not isinstance(model, Runtime):
        from sedt.runtimes.torch_runtime import TorchRuntime

        return TorchRuntime(model, device)
    if str(device) != "cpu":
        raise InputError(f"device {device}: an exported model runs on the cpu")
    return model


__all__ = ["ModelFacts", "Runtime", "runtime_of"]

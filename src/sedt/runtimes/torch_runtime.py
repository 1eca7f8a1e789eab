"""A model package, run by torch."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

import sedt.build as build
from sedt.batch import Probabilities
from sedt.errors import InputError
from sedt.runtimes.facts import ModelFacts

if TYPE_CHECKING:
    from sedt.package import Package


class TorchRuntime:
    """Runs the network of a package on any device. Raises InputError: there is no such device here."""

    def __init__(self, package: Package, device: str | torch.device = "cpu") -> None:
        self.facts = facts_of(package)
        try:
            self._device = torch.device(device)
            # The package's own stays on the CPU, where others may use it.
            own = package.model if self._device.type == "cpu" else deepcopy(package.model)
            self._model = own.to(self._device).eval()
        except (RuntimeError, AssertionError) as error:  # torch's ways to say so
            raise InputError(f"device {device}: {str(error).splitlines()[0]}") from error

    def probabilities(self, windows: NDArray[np.float32], num_samples: NDArray[np.int64]) -> Probabilities:
        """Windows (batch, window_samples), zeros after `num_samples` (batch,) -> what the model says."""
        with torch.inference_mode():
            predictions = self._model(
                torch.from_numpy(windows).to(self._device), torch.from_numpy(num_samples).to(self._device)
            )
        probabilities: Probabilities = predictions.probabilities()
        return probabilities


def facts_of(package: Package) -> ModelFacts:
    """What detection needs to know of a package beside its weights."""
    sample_rate, config = package.features.sample_rate, package.model_config
    return ModelFacts(
        classes=package.classes,
        sample_rate=sample_rate,
        window_s=config.window_s,
        hop_samples=max(1, round(build.window_hop_s(config) * sample_rate)),
        decision=build.decision(package.decoding),
        network=config.network,
        step_s=0.0 if config.network == "sedt" else build.step_s(package.features, config),
        details=_details(package),
        info=package.info,
    )


def _details(package: Package) -> dict[str, str]:
    features, config = package.features, package.model_config
    size = f"{sum(p.numel() for p in package.model.parameters()) / 1e6:.2f} M parameters"
    frame_ms = 1000 * features.hop_samples / features.sample_rate
    if config.network == "sedt":
        layers = f"E = {config.encoder_layers}, D = {config.decoder_layers}, N = {config.num_queries}"
        network = f"{config.backbone}, {layers}, {size}"
    else:
        network = f"{config.network}, {size}"
    return {"features": f"{features.num_bands} mel bands, a frame each {frame_ms:.4g} ms", "network": network}

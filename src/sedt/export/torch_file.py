"""Package -> a program of `torch.export` in a `.pt2` file, to be run by torch without this package."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from sedt.batch import Probabilities
from sedt.detector import Detector
from sedt.export.exported import Exported, put, quietly, require_parity, target_of
from sedt.export.graph import captured, output_names
from sedt.export.parity import compare, trial_recordings
from sedt.package import Package
from sedt.runtimes import ModelFacts
from sedt.runtimes.onnx_runtime import probabilities_of
from sedt.runtimes.torch_runtime import facts_of

FACTS_FILE = "sedt.json"
"""Name of the facts among the file's extra files (`torch.export.load(path, extra_files=...)`)."""


def export_torch(package: Package, path: str | os.PathLike[str]) -> Exported:
    """Write a model as an exported program, waveforms to probabilities for batches of any size; atomic.

    Inputs and outputs are those of the ONNX file. Raises InputError as `export_onnx` does.
    """
    import sedt

    target = target_of(Path(path), ".pt2")
    facts = facts_of(package)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.pt2"
        program = captured(package)
        with quietly():
            torch.export.save(
                program, file, extra_files={FACTS_FILE: facts.as_json(sedt_version=sedt.__version__)}
            )
            runtime = _ProgramRuntime(torch.export.load(file).module(), output_names(package), facts)
        trial = trial_recordings(facts.sample_rate, facts.window_samples)
        parity = compare(Detector(package), Detector(runtime), trial)
        require_parity(parity, target)
        return Exported(target, put(file, target), parity)


class _ProgramRuntime:
    """Runs what was read back from the file."""

    def __init__(self, module: torch.nn.Module, names: tuple[str, ...], facts: ModelFacts) -> None:
        self.facts = facts
        self._module, self._names = module, names

    def probabilities(self, windows: NDArray[np.float32], num_samples: NDArray[np.int64]) -> Probabilities:
        """As every runtime."""
        with torch.no_grad():
            outputs = self._module(torch.from_numpy(windows), torch.from_numpy(num_samples))
        found = zip(self._names, (one.numpy() for one in outputs), strict=True)
        return probabilities_of(dict(found), self.facts)

"""A model in one ONNX file (`sedt export`), run by onnxruntime without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedt.batch import Probabilities
from sedt.errors import InputError
from sedt.runtimes.facts import ModelFacts, facts_from_json

METADATA_KEY = "sedt"
"""Of the entry in the file's metadata that holds the facts as JSON."""
INPUTS = ("waveforms", "num_samples")
"""(batch, window_samples) float32, and (batch,) int64 samples before each window's padding."""
QUERY_OUTPUTS = ("classes", "spans", "tags")
"""Fields of `Probabilities` that SEDT gives."""
FRAME_OUTPUTS = ("frames", "tags")
"""Those of a network that says of each step of time what sounds."""


class OnnxRuntime:
    """Runs an ONNX file on the processor.

    Raises:
        InputError: onnxruntime is missing; no such file, or it is no ONNX model; it has no metadata of sedt,
            or what they say is not what the model gives.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._session = _session(self._path)
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if text is None:
            raise InputError(f"{path}: an ONNX model, but not of `sedt export`: its metadata lack `sedt`")
        self.facts = facts_from_json(text, f"{path}: metadata")
        shapes = {one.name: one.shape for one in (*self._session.get_inputs(), *self._session.get_outputs())}
        self._outputs = [one.name for one in self._session.get_outputs()]
        _check_shapes(self._path, self.facts, shapes)

    def probabilities(self, windows: NDArray[np.float32], num_samples: NDArray[np.int64]) -> Probabilities:
        """Windows (batch, window_samples), zeros after `num_samples` (batch,) -> what the model says."""
        feed = dict(zip(INPUTS, (windows, num_samples.astype(np.int64)), strict=True))
        try:
            found = dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))
        except Exception as error:  # each fault has an error type of its own
            raise InputError(f"{self._path}: onnxruntime cannot run it: {_first_line(error)}") from error
        return probabilities_of(found, self.facts)


def is_onnx(path: Path) -> bool:
    """Whether it is the file of an exported model, by its ending."""
    return path.suffix.lower() == ".onnx"


def probabilities_of(outputs: Mapping[str, NDArray[np.float32]], facts: ModelFacts) -> Probabilities:
    """What a graph gives, by name, as decoding takes it."""
    if "frames" not in outputs:
        return Probabilities(outputs["classes"], outputs["spans"], outputs.get("tags"))
    batch, num_classes = len(outputs["frames"]), len(facts.classes)
    return Probabilities(
        classes=np.zeros((batch, 0, num_classes), dtype=np.float32),
        spans=np.zeros((batch, 0, 2), dtype=np.float32),
        tags=outputs.get("tags"),
        frames=outputs["frames"],
        step_s=facts.step_s,
    )


def _session(path: Path) -> Any:
    """An inference session. Raises InputError."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise InputError(f"{path}: an ONNX file needs onnxruntime: pip install 'sedt[onnx]'") from error
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong becomes an error of ours, in one line
    options.intra_op_num_threads = _num_threads()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each fault has an error type of its own
        raise InputError(f"{path}: no ONNX model that onnxruntime reads: {_first_line(error)}") from error


def _num_threads() -> int:
    """What OMP_NUM_THREADS says, as torch has it; 0 is onnxruntime's word for all cores.

    It does not look there itself, and workers that share the cores would each take them all.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdecimal() and len(first) < 5 else 0


def _check_shapes(path: Path, facts: ModelFacts, shapes: Mapping[str, list[Any]]) -> None:
    """Raise InputError where the metadata and the graph do not belong together."""
    wanted = QUERY_OUTPUTS if facts.network == "sedt" else FRAME_OUTPUTS
    if sorted(shapes) != sorted({*INPUTS, *wanted}):
        raise InputError(f"{path}: has {', '.join(shapes)}: {facts.network} has {', '.join(INPUTS + wanted)}")
    if facts.network != "sedt" and not facts.step_s:
        raise InputError(f"{path}: metadata: `step_s` must be more than 0 for {facts.network}")
    number = len(facts.classes)
    fitting = {"waveforms": {facts.window_samples}, "classes": {number, number + 1}, "spans": {2}}
    for name in ("waveforms", *wanted):
        size = shapes[name][-1]
        if size not in fitting.get(name, {number}):
            means = "samples of a window" if name == "waveforms" else f"values for {number} classes"
            raise InputError(f"{path}: metadata and model differ: `{name}` has {size}, which are no {means}")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]

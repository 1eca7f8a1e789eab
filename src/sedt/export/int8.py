"""An ONNX file in float32 -> the same in 8 bits, by onnxruntime's static quantisation.

The log-mel spectrogram stays in float32: its magnitudes span more than the 48 dB that 8 bits hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from sedt.audio import Waveform
from sedt.errors import InputError
from sedt.export.exported import quietly
from sedt.runtimes.onnx_runtime import INPUTS

MOST_WINDOWS = 64
"""Windows that tell which values occur."""


class _Inputs(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Windows as inputs of the graph, one at a time."""

    def __init__(self, windows: list[Waveform], window_samples: int) -> None:
        self._windows, self._size = iter(windows), window_samples

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next input of the graph; None behind the last."""
        window = next(self._windows, None)
        if window is None:
            return None
        padded = np.zeros((1, self._size), dtype=np.float32)
        padded[0, : len(window)] = window
        return dict(zip(INPUTS, (padded, np.array([len(window)], dtype=np.int64)), strict=True))


def quantise(source: Path, target: Path, recordings: Iterable[Waveform], window_samples: int) -> None:
    """Write `target`; `recordings` tell which values occur. Raises InputError: there are none."""
    prepared = target.with_name("prepared.onnx")
    windows = list(islice(_windows(recordings, window_samples), MOST_WINDOWS))
    if not windows:
        raise InputError("no recording to find out which values occur")
    with quietly():
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _Inputs(windows, window_samples),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            nodes_to_exclude=_frontend_nodes(prepared),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )


def _frontend_nodes(path: Path) -> list[str]:
    """Names of the nodes of the log-mel spectrogram: those before the first convolution, in order of work."""
    names: list[str] = []
    for node in onnx.load(path).graph.node:
        if node.op_type == "Conv":
            break
        names.append(node.name)
    return names


def _windows(recordings: Iterable[Waveform], window_samples: int) -> Iterator[Waveform]:
    for samples in recordings:
        for start in range(0, len(samples), window_samples):
            yield samples[start : start + window_samples]

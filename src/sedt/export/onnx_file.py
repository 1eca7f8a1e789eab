"""Package -> one ONNX file, with all that detection needs in its metadata; in 8 bits if wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from sedt.audio import Waveform
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.export.exported import Exported, put, quietly, require_parity, target_of
from sedt.export.graph import captured, output_names
from sedt.export.parity import NEAR_EDGE_S, compare, trial_recordings
from sedt.package import Package
from sedt.runtimes import ModelFacts
from sedt.runtimes.onnx_runtime import INPUTS, METADATA_KEY, OnnxRuntime
from sedt.runtimes.torch_runtime import facts_of

OPSET = 20
"""ONNX operators of 2023: older onnxruntimes read it."""


def export_onnx(
    package: Package,
    path: str | os.PathLike[str],
    *,
    int8: bool = False,
    calibration: Iterable[Waveform] | None = None,
) -> Exported:
    """Write a model as an ONNX file that `sedt.load` reads without torch; atomic.

    Args:
        package: the model.
        path: a file that ends in `.onnx`.
        int8: convolutions and matrix products in 8 bits; the log-mel spectrogram stays in float32.
        calibration: recordings at the model's rate that tell which values occur, for `int8`; None: the
            bundled one.

    Raises:
        InputError: the extra `onnx` is not installed, the network cannot be exported, what comes out differs
            from torch by more than `LARGEST_DIFFERENCE`, or the file cannot be written.
    """
    target = target_of(Path(path), ".onnx")
    require_extra()
    facts = facts_of(package)
    trial = trial_recordings(facts.sample_rate, facts.window_samples)
    reference = Detector(package)
    with TemporaryDirectory() as folder:
        whole = _write(package, facts, Path(folder) / "float32.onnx")
        parity = compare(reference, Detector(OnnxRuntime(whole)), trial)
        require_parity(parity, target)
        if not int8:
            return Exported(target, put(whole, target), parity)
        from sedt.export.int8 import quantise

        small = Path(folder) / "int8.onnx"
        quantise(whole, small, trial if calibration is None else calibration, facts.window_samples)
        _finish(small, facts, "int8")
        loss = compare(reference, Detector(OnnxRuntime(small)), trial, NEAR_EDGE_S)
        return Exported(target, put(small, target), parity, whole.stat().st_size, loss)


def require_extra() -> None:
    """Raise InputError: the extra `onnx` is not installed."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise InputError(f"export to ONNX needs {', '.join(missing)}: pip install 'sedt[onnx]'")


def _write(package: Package, facts: ModelFacts, path: Path) -> Path:
    """The model in float32."""
    program = captured(package)
    with quietly():
        written = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(output_names(package)),
            verbose=False,
        )
        assert written is not None, "the dynamo exporter gives a program"
        written.save(path)
    _finish(path, facts, "float32")
    return path


def _finish(path: Path, facts: ModelFacts, weights: str) -> None:
    """Put the facts in, take out what the exporters noted of this machine's files."""
    import onnx

    import sedt

    facts = replace(facts, details={**facts.details, "weights": weights})
    model = onnx.load(path)
    model.producer_name, model.producer_version = "sedt", sedt.__version__
    model.doc_string = str(facts.info.get("description", ""))
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, facts.as_json(sedt_version=sedt.__version__)
    for node in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    onnx.save(model, path)

"""`make bench`: what detection costs with torch, with an ONNX file and with one in 8 bits.

Goals: seconds per minute of audio of the same recording in the same run, in turns, and their ratios to torch.
Non-goals: accuracy, which `sedt export` measures; other processors than this one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from sedt.audio import read_audio
from sedt.detector import Detector, find_model, load
from sedt.export import export_onnx
from sedt.package import load_package


def seconds_of(detector: Detector, samples: np.ndarray) -> float:
    start = time.perf_counter()
    detector.detect(samples, detector.sample_rate)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    package = load_package(find_model(options.model))
    rate = package.features.sample_rate
    recording = read_audio(find_model("demo").parent / "recording" / "recording.ogg", rate)
    samples = np.resize(recording, 60 * rate)
    with TemporaryDirectory() as folder:
        whole, small = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        export_onnx(package, whole)
        export_onnx(package, small, int8=True)
        detectors = {
            "torch": (Detector(package), None),
            "onnxruntime": (load(whole), whole.stat().st_size),
            "onnxruntime, 8 bits": (load(small), small.stat().st_size),
        }
    for detector, _ in detectors.values():
        seconds_of(detector, samples)
    rounds = [{n: seconds_of(d, samples) for n, (d, _) in detectors.items()} for _ in range(options.repeats)]
    table = Table(title=f"{options.model}: detection in one minute of audio")
    for column in ("", "seconds", "ratio to torch", "MB"):
        table.add_column(column, justify="right" if column else "left")
    for name, (_, size) in detectors.items():
        ratio = statistics.median(one[name] / one["torch"] for one in rounds)
        seconds = statistics.median(one[name] for one in rounds)
        table.add_row(name, f"{seconds:.2f}", f"{ratio:.2f}", "" if size is None else f"{size / 1e6:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()

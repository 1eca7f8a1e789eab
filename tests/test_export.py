"""Packages -> ONNX and torch's exported programs: the same numbers, the same events, nothing written else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import sedt.export.exported as exported
from sedt.detector import Detector, find_model, load
from sedt.errors import InputError
from sedt.events import Event
from sedt.export import export_onnx, export_torch
from sedt.export.parity import compare, num_different, trial_recordings
from sedt.package import load_package
from sedt.runtimes.onnx_runtime import METADATA_KEY, OnnxRuntime
from small_models import package

RATE = 16_000


SLOW = pytest.mark.slow


@pytest.fixture(scope="module", params=["sedt", "crnn", pytest.param("conv_transformer", marks=SLOW)])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A network and its ONNX file."""
    path = tmp_path_factory.mktemp("exported") / "small.onnx"
    export_onnx(package(request.param), path)
    return request.param, path


def test_every_network_says_the_same_in_onnx(file: tuple[str, Path]) -> None:
    network, path = file
    torch_detector, onnx_detector = Detector(package(network)), load(path)
    trial = trial_recordings(RATE, RATE)
    difference = compare(torch_detector, onnx_detector, trial)
    assert difference.probability < 1e-5
    assert difference.span < 1e-5
    assert difference.num_events > 0
    assert difference.num_changed == 0
    assert onnx_detector.facts.classes == torch_detector.facts.classes
    assert onnx_detector.facts.decision == torch_detector.facts.decision
    assert onnx_detector.facts.network == network
    assert onnx_detector.facts.info["license"] == "cc0-1.0"
    assert (onnx_detector.window_s, onnx_detector.hop_s) == (torch_detector.window_s, torch_detector.hop_s)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_the_batch_size_changes_nothing(file: tuple[str, Path], batch_size: int) -> None:
    _, path = file
    recording = trial_recordings(RATE, RATE)[0][: 7 * RATE // 2]
    events = load(path, batch_size=batch_size).detect(recording, RATE)
    expected = load(path, batch_size=3).detect(recording, RATE)
    assert events
    assert num_different(events, expected, 1e-4) == 0


def test_the_file_tells_nothing_of_the_machine_that_wrote_it(file: tuple[str, Path]) -> None:
    _, path = file
    content = path.read_bytes()
    assert str(Path(torch.__file__).parents[1]).encode() not in content
    assert str(Path(__file__).parents[1]).encode() not in content
    assert [entry.key for entry in onnx.load(path).metadata_props] == [METADATA_KEY]


def test_a_detector_with_a_file_has_no_package_and_runs_on_the_cpu(file: tuple[str, Path]) -> None:
    _, path = file
    with pytest.raises(InputError, match="no package"):
        _ = load(path).package
    with pytest.raises(InputError, match="device cuda: an exported model runs on the cpu"):
        load(path, device="cuda")


def test_a_threshold_in_the_place_of_the_models_own(file: tuple[str, Path]) -> None:
    _, path = file
    recording = trial_recordings(RATE, RATE)[0]
    assert load(path).detect(recording, RATE)
    assert load(path).detect(recording, RATE, threshold=1.0) == []


@pytest.mark.parametrize(
    "network",
    ["sedt", pytest.param("crnn", marks=SLOW), pytest.param("conv_transformer", marks=SLOW)],
)
def test_eight_bits_are_smaller_and_nearly_the_same(network: str, tmp_path: Path) -> None:
    done = export_onnx(package(network), tmp_path / "small.onnx", int8=True)
    assert done.parity.probability < 1e-5
    assert done.loss is not None
    assert 0 < done.loss.probability < 0.1
    assert done.loss.span < 0.1
    operators = {node.op_type for node in onnx.load(tmp_path / "small.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "STFT"} <= operators
    detector = load(tmp_path / "small.onnx")
    assert detector.facts.details["weights"] == "int8"
    assert detector.detect(trial_recordings(RATE, RATE)[0], RATE)
    assert [path.name for path in tmp_path.iterdir()] == ["small.onnx"]


def test_calibration_needs_a_recording(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no recording to find out"):
        export_onnx(package(), tmp_path / "small.onnx", int8=True, calibration=[])
    assert list(tmp_path.iterdir()) == []


def test_a_program_of_torch_says_the_same(tmp_path: Path) -> None:
    done = export_torch(package(), tmp_path / "small.pt2")
    assert done.parity.probability < 1e-5
    assert done.parity.num_changed == 0
    assert done.parity.num_events > 0
    program = torch.export.load(tmp_path / "small.pt2").module()
    for batch in (1, 3):
        classes, spans, tags = program(torch.zeros(batch, RATE), torch.full((batch,), RATE))
        assert (classes.shape, spans.shape, tags.shape) == ((batch, 6, 4), (batch, 6, 2), (batch, 3))


@pytest.mark.parametrize("write", [export_onnx, export_torch])
def test_a_file_that_is_off_is_not_written(
    write: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No network here is off; so parity is asked for that arithmetic cannot keep.
    monkeypatch.setattr(exported, "LARGEST_DIFFERENCE", -1.0)
    target = tmp_path / ("small.onnx" if write is export_onnx else "small.pt2")
    with pytest.raises(InputError, match="not written: the exported model differs from torch by"):
        write(package(), target)  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["small.pt2", "small", "folder.onnx"])
def test_other_targets_are_refused_before_any_work(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(InputError, match=r"ends in \.onnx|a folder"):
        export_onnx(package(), tmp_path / name)


def test_events_are_compared_one_to_one() -> None:
    a = [Event(0, 1, "x"), Event(0.05, 1, "x"), Event(2, 3, "y")]
    assert num_different(a, a, 0.001) == 0
    assert num_different(a, a[1:], 0.2) == 1
    assert num_different(a, [Event(2.1, 3.1, "y"), *a[:2]], 0.2) == 0
    assert num_different(a, [Event(2.1, 3.1, "y"), *a[:2]], 0.05) == 2
    assert num_different(a, [Event(2, 3, "z"), *a[:2]], 0.2) == 2
    assert num_different([], a, 1.0) == 3


@pytest.mark.slow
def test_the_bundled_model_finds_the_same_in_the_bundled_recording(tmp_path: Path) -> None:
    done = export_onnx(load_package(find_model("demo")), tmp_path / "demo.onnx")
    assert done.parity.probability < 1e-4
    recording = find_model("demo").parent / "recording" / "recording.ogg"
    expected, found = load("demo").detect(recording), load(tmp_path / "demo.onnx").detect(recording)
    assert [event.label for event in found] == [event.label for event in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.onset, one.offset) == pytest.approx((other.onset, other.offset), abs=1e-3)
        assert one.score == pytest.approx(other.score, abs=1e-4)


def test_onnxruntime_reads_what_it_is_given_batch_by_batch(file: tuple[str, Path]) -> None:
    """Padding is told by `num_samples`, as to the model."""
    network, path = file
    windows = np.random.default_rng(0).standard_normal((2, RATE)).astype(np.float32) * 0.1
    windows[1, RATE // 2 :] = 0
    numbers = np.array([RATE, RATE // 2])
    said = OnnxRuntime(path).probabilities(windows, numbers)
    with torch.inference_mode():
        expected = (
            package(network).model(torch.from_numpy(windows), torch.from_numpy(numbers)).probabilities()
        )
    for name in ("classes", "spans", "tags", "frames"):
        one, other = getattr(said, name), getattr(expected, name)
        assert (one is None) == (other is None)
        if other is not None:
            np.testing.assert_allclose(one, other, atol=1e-5)
    assert said.step_s == pytest.approx(expected.step_s)

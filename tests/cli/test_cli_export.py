"""`sedt export`, as a user runs it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sedt.audio import read_audio, write_audio
from sedt.cli.main import app
from sedt.detector import find_model, load
from sedt.events import Event
from sedt.formats import write_events
from sedt.package import save_package
from small_models import package

RATE = 16_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package") / "model"
    save_package(folder, package())
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_onnx_and_torch_with_their_parity(model: Path, tmp_path: Path) -> None:
    result = run(model, "--onnx", tmp_path / "a.onnx", "--torch", tmp_path / "a.pt2")
    assert result.exit_code == 0, result.output
    assert result.output.count("parity with torch") == 2
    assert result.output.count("same events: yes") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "a.pt2"]
    found = CliRunner().invoke(app, ["detect", str(recording(tmp_path)), "--model", str(tmp_path / "a.onnx")])
    assert found.exit_code == 0, found.output
    assert found.output.startswith("filename\tonset\toffset\tevent_label\tscore\na.wav\t")


def test_eight_bits_with_loss_and_scores(model: Path, tmp_path: Path) -> None:
    audio = recording(tmp_path)
    truth = [Event(e.onset, e.offset, e.label) for e in load(model).detect(audio)]
    write_events(tmp_path / "truth.tsv", {"a.wav": truth})
    options = ("--int8", "--calibrate", audio, "--reference", tmp_path / "truth.tsv")
    result = run(model, "--onnx", tmp_path / "a.onnx", *options)
    assert result.exit_code == 0, result.output
    assert "a.onnx: " in result.output
    assert "8 bits" in result.output
    loss = re.search(r"loss of 8 bits: probabilities differ by at most ([\d.]+)", result.output)
    assert loss is not None
    assert 0 < float(loss[1]) < 0.3
    assert "torch: event-based 100.0, segment-based 100.0" in result.output
    assert "a.onnx: event-based" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to write: give --onnx FILE.onnx or --torch FILE.pt2"),
        (("--int8", "--torch", "a.pt2"), "--int8: is of --onnx, which is not given"),
        (("--reference", "a.tsv", "--torch", "a.pt2"), "--reference: is of --onnx"),
        (("--onnx", "a.onnx", "--calibrate", "x"), "--calibrate: is of --int8"),
        (("--onnx", "a.onnx", "--audio", "x"), "--audio: is of --reference"),
        (("--onnx", "a.txt"), "a.txt: an exported model is a file that ends in .onnx"),
        (("--torch", "a.onnx"), "a.onnx: an exported model is a file that ends in .pt2"),
        (("--onnx", "a.onnx", "--int8", "--calibrate", "nowhere"), "nowhere: no such file or folder"),
    ],
)
def test_wrong_use(
    model: Path, arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(model, *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"whatever")
    result = run(tmp_path / "a.onnx", "--onnx", tmp_path / "b.onnx")
    assert result.exit_code == 2
    assert "a.onnx: a file: this needs the folder of a model package" in result.output


def test_the_extra_is_missing(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    result = run(model, "--onnx", tmp_path / "a.onnx")
    assert result.exit_code == 2
    assert "export to ONNX needs onnxscript: pip install 'sedt[onnx]'" in result.output
    assert list(tmp_path.iterdir()) == []


def recording(folder: Path) -> Path:
    """The first seconds of the bundled recording."""
    bundled = find_model("demo").parent / "recording" / "recording.ogg"
    write_audio(folder / "a.wav", read_audio(bundled, RATE, duration_s=4), RATE)
    return folder / "a.wav"

"""`sedt report`, and the page that `sedt train` leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sedt.cli.main import run

sys.path.append(str(Path(__file__).parent.parent / "training"))

from tiny import write_recipe

SHORT = [
    'stages=["finetune"]',
    "finetune.epochs=2",
    "finetune.validate_every=1",
    "model.encoder_layers=1",
    "model.decoder_layers=1",
]


def sedt(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["sedt", *arguments])
    with pytest.raises(SystemExit) as stop:
        run()
    return int(stop.value.code or 0)


def train(monkeypatch: pytest.MonkeyPatch, folder: Path) -> int:
    settings = [part for setting in SHORT for part in ("--set", setting)]
    arguments = [str(write_recipe(folder)), "--runs", str(folder / "runs"), "--accelerator", "cpu", *settings]
    monkeypatch.setattr("sys.argv", ["sedt", "train", *arguments, "--devices", "1"])
    try:
        run()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_training_ends_with_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, tmp_path) == 0
    made = tmp_path / "runs" / "tiny"
    assert f"report: {made / 'report.html'}" in capsys.readouterr().err
    assert "Worst clips" in (made / "report.html").read_text(encoding="utf-8")

    assert sedt(monkeypatch, "report", str(made), "--output", str(tmp_path / "a" / "b.html")) == 0
    assert (tmp_path / "a" / "b.html").exists()

    # A page that cannot be written takes nothing from the run.
    (made / "report.html").unlink()
    (made / "report.html").mkdir()
    assert train(monkeypatch, tmp_path) == 0
    error = capsys.readouterr().err
    assert "warning: no report: InputError: " in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere: no such run"),
        (["."], "not a run"),
        (["nowhere", "--clips", "-1"], "--clips"),
        (["nowhere", "--clip-seconds", "0"], "must be"),
    ],
)
def test_wrong_use(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sedt(monkeypatch, "report", *arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_reports_need_no_matplotlib() -> None:
    """A page is made of HTML alone; the plot extra may be missing."""
    code = "import sys, sedt.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

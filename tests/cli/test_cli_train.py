"""`sedt train`: wrong recipes end in one line and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from sedt.cli.main import run

STRONG = '[[data.strong]]\nlabels = "labels.tsv"\naudio = "audio"\n'
HEADER = "filename\tonset\toffset\tevent_label\n"


def sedt(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["sedt", *arguments])
    with pytest.raises(SystemExit) as stop:
        run()
    return int(stop.value.code or 0)


@pytest.mark.parametrize(
    ("recipe", "labels", "words"),
    [
        ("finetune = 3", "", "`finetune`"),
        ("[finetune]\nepoch = 3", "", "unknown key `finetune.epoch`"),
        ("[finetune]\nepochs = 'many'", "", "`finetune.epochs`"),
        ("[model]\nwindow_s = -1", "", "`model.window_s`"),
        ("[model", "", "not TOML"),
        (STRONG, None, "labels.tsv"),
        (STRONG, "filename\tonset\toffset\na.wav\t0\t1\n", "no column `event_label`"),
        (STRONG, HEADER + "a.wav\t2\t1\tdog\n", "labels.tsv:2: offset 1.0 is before onset 2.0"),
        (STRONG, HEADER + "a.wav\t-1\t1\tdog\n", "labels.tsv:2: onset"),
        (STRONG, HEADER + "a.wav\tx\t1\tdog\n", "labels.tsv:2: onset 'x' is not a number"),
        (STRONG, HEADER + "a.wav\t0\t1\tdog\n", "audio: no such audio folder"),
        ("[data]\n", "", "no training data"),
        ('[[data.strong]]\nlabels = "labels.tsv"\n', "", "data.strong"),
    ],
)
def test_wrong_recipes(
    recipe: str,
    labels: str | None,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "r.toml").write_text(recipe, encoding="utf-8")
    if labels is not None:
        (tmp_path / "labels.tsv").write_text(labels, encoding="utf-8")
    assert sedt(monkeypatch, "train", str(tmp_path / "r.toml"), "--runs", str(tmp_path / "runs")) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert error.startswith("sedt: ")
    assert error.count("\n") == 1


def test_no_such_recipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert sedt(monkeypatch, "train", "nowhere.toml") == 2
    assert "nowhere.toml: cannot be read" in capsys.readouterr().err


def test_wrong_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text(STRONG, encoding="utf-8")
    assert sedt(monkeypatch, "train", str(tmp_path / "r.toml"), "--set", "finetune.epochs") == 2
    assert "must be key=value" in capsys.readouterr().err
    assert sedt(monkeypatch, "train", str(tmp_path / "r.toml"), "--set", "finetune.speed=3") == 2
    assert "unknown key `finetune.speed`" in capsys.readouterr().err
    assert sedt(monkeypatch, "train", str(tmp_path / "r.toml"), "--devices", "some") == 2

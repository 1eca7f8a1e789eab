"""`sedt convert` as people use it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sedt.cli.main import app
from sedt.events import Event
from sedt.formats import read_events, write_events

TABLE = {"a.wav": [Event(0.25, 1.5, "wren")], "b/c.wav": [Event(1, 2, "robin")]}


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["convert", *map(str, arguments)])
    assert result.stdout == ""
    return result.exit_code, result.stderr


def test_a_table_into_tracks_and_back(tmp_path: Path) -> None:
    write_events(tmp_path / "all.tsv", TABLE)
    code, said = run(tmp_path / "all.tsv", tmp_path / "tracks", "--to", "audacity")
    assert (code, said) == (0, f"tsv: 2 recordings, 2 events, 2 labels -> {tmp_path / 'tracks'}\n")
    assert (tmp_path / "tracks/b/c.wav.audacity.txt").read_text() == "1.000000\t2.000000\trobin\n"
    assert run(tmp_path / "tracks", tmp_path / "again.json")[0] == 0
    assert read_events(tmp_path / "again.json") == TABLE


def test_nothing_is_overwritten_unless_told(tmp_path: Path) -> None:
    write_events(tmp_path / "all.tsv", TABLE)
    (tmp_path / "out.csv").write_text("mine")
    code, said = run(tmp_path / "all.tsv", tmp_path / "out.csv")
    assert (code, said) == (2, f"sedt: {tmp_path / 'out.csv'}: is there already: --overwrite replaces it\n")
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert run(tmp_path / "all.tsv", tmp_path / "out.csv", "--overwrite")[0] == 0
    assert read_events(tmp_path / "out.csv") == TABLE


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["all.tsv", "tracks"], "tracks: a folder: say the format of the files in it by --to"),
        (["all.tsv", "out.doc"], "out.doc: events cannot be in a .doc file (known: .tsv, "),
        (["all.tsv", "out.vtt"], "out.vtt: WebVTT holds one recording in a file, not 2: write into a folder"),
        (["all.tsv", "out.csv", "--from", "mp3"], "mp3: no such format of events (known: tsv, csv, "),
        (["none.tsv", "out.csv"], "none.tsv: cannot be read: No such file or directory"),
        (["all.tsv", "all.tsv", "--overwrite"], "all.tsv: is what is read"),
        (["all.tsv", "no/where/out.csv"], "no/where: no such folder"),
    ],
)
def test_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_events("all.tsv", TABLE)
    code, said = run(*arguments)
    assert code == 2
    assert said.startswith(f"sedt: {told}")
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["all.tsv"]

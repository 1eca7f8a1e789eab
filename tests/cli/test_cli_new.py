"""`sedt new` as a user meets it: a folder, a recipe, a trained detector."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from sedt.audio import read_audio, write_audio
from sedt.cli.main import app
from sedt.events import Event
from sedt.formats import FORMATS, read_events, write_events, write_folder
from sedt.recipe import load_recipe

RATE = 8000
SMALL = [
    "features.num_bands=32",
    "model.time_stride=16",
    "model.map_stage=2",
    "model.model_size=32",
    "model.num_heads=2",
    "model.ffn_size=64",
    "model.encoder_layers=1",
    "model.decoder_layers=1",
    "machine.workers=0",
]
"""A network that trains in seconds."""
STAGES = ("tag_backbone", "pretrain", "finetune", "train_frames")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight recordings of beeps and hisses with one label file, and two without labels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEDT_RUNS", raising=False)
    target = tmp_path / "my sounds"
    write_events(target / "labels.tsv", {f"{i}.wav": recording(target / f"{i}.wav", i) for i in range(8)})
    for i in (8, 9):
        recording(target / "more" / f"{i}.wav", i)
    return target


def recording(path: Path, seed: int) -> list[Event]:
    """Four seconds with an event of each class in each half."""
    generator = np.random.default_rng(seed)
    samples = generator.standard_normal(4 * RATE) * 0.001
    events = []
    for half in (0.2, 2.2):
        for label, start in (("beep", half), ("hiss", half + 0.9)):
            onset = round(start + float(generator.uniform(0, 0.2)), 3)
            first, length = round(onset * RATE), round(0.5 * RATE)
            tone = np.sin(2 * np.pi * 900 * np.arange(length) / RATE)
            samples[first : first + length] += (
                tone * 0.3 if label == "beep" else generator.standard_normal(length) * 0.2
            )
            events.append(Event(onset, onset + 0.5, label))
    write_audio(path, samples.astype(np.float32), RATE)
    return events


def train(recipe: Path, *more: str) -> Result:
    stages = [stage for stage in load_recipe(recipe).stages if stage in STAGES]
    short = [f"{stage}.{key}=1" for stage in stages for key in ("epochs", "validate_every")]
    settings = [word for one in (*SMALL, *short, *more) for word in ("--set", one)]
    return run("train", str(recipe), *settings)


def test_folder_to_detector(folder: Path) -> None:
    made = run("new", str(folder), "--hours", "0.01")
    assert made.exit_code == 0, made.output
    assert "10 recordings" in made.output
    assert "32 events in 8 recordings" in made.output
    assert "6 to learn, 1 to validate, 1 to test" in made.output
    recipe = load_recipe("my-sounds.toml")
    assert recipe.data.classes == ["beep", "hiss"]
    assert recipe.stages == ["tag_backbone", "pretrain", "finetune", "tune"]
    parts = [read_events(f"my-sounds-labels/{part}.tsv") for part in ("train", "validation", "test")]
    assert sorted(name for part in parts for name in part) == [f"{i}.wav" for i in range(8)]
    assert list(recipe.data.unlabelled[0].exclude) == list(parts[2])
    trained = train(Path("my-sounds.toml"))
    assert trained.exit_code == 0, trained.output
    tune = recipe.tune
    scored = f"--onset-collar {tune.onset_collar_s:g} --offset-collar {tune.offset_collar_s:g}"
    scored = f"{scored} --offset-ratio {tune.offset_ratio:g}"
    assert f"test recordings, scored as by {scored}:" in trained.output
    tables = ["my-sounds-labels/test.tsv", "runs/my-sounds/test_events.tsv"]
    assert run("evaluate", *tables, *scored.split(), "--json", "again.json").exit_code == 0
    first, again = (
        json.loads(Path(p).read_text("utf-8")) for p in ("runs/my-sounds/test.json", "again.json")
    )
    assert again["event_based"] == first["event_based"]
    found = run("detect", str(folder / "more"), "--model", "runs/my-sounds/model", "--output", "events")
    assert found.exit_code == 0, found.output
    assert set(read_events("events/events.tsv")) == {"8.wav", "9.wav"}


def test_a_recipe_that_is_there_is_kept(folder: Path) -> None:
    Path("my-sounds.toml").write_text("mine", encoding="utf-8")
    again = run("new", str(folder))
    assert again.exit_code == 2
    assert "my-sounds.toml: is there already" in again.stderr
    assert Path("my-sounds.toml").read_text(encoding="utf-8") == "mine"
    assert not Path("my-sounds-labels").exists()


def test_an_interrupt_leaves_no_half_recipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr("sedt.planning.measure_step", interrupt)
    assert run("new", str(folder)).exit_code == 130
    assert sorted(path.name for path in Path().iterdir()) == ["my sounds"]


def test_frame_network_and_choices(folder: Path) -> None:
    words = ["--network", "crnn", "--class", "beep", "--no-test", "--window", "2", "-o", "beeps/r.toml"]
    made = run("new", str(folder), *words)
    assert made.exit_code == 0, made.output
    recipe = load_recipe("beeps/r.toml")
    assert (recipe.model.network, recipe.data.classes, recipe.data.test) == ("crnn", ["beep"], [])
    assert recipe.stages == ["train_frames", "tune"]
    assert recipe.model.window_s == 2.0
    assert {e.label for events in read_events("beeps/r-labels/train.tsv").values() for e in events} == {
        "beep"
    }
    trained = train(Path("beeps/r.toml"))
    assert trained.exit_code == 0, trained.output


def test_one_labelled_recording_of_one_class(folder: Path) -> None:
    beeps = [Event(0.2 + 0.5 * k, 0.5 + 0.5 * k, "beep") for k in range(6)]
    write_events(folder / "labels.tsv", {"0.wav": beeps})
    made = run("new", str(folder), "--hours", "0.01")
    assert made.exit_code == 0, made.output
    assert "no validation" in made.output
    assert "no test: with fewer than 6 labelled recordings" in made.output
    assert "tune" not in load_recipe("my-sounds.toml").stages
    trained = train(Path("my-sounds.toml"))
    assert trained.exit_code == 0, trained.output


def test_odd_names_survive_the_recipe(folder: Path) -> None:
    label = 'a "quoted" \\ back\x7fslash é ${HOME}'
    (folder / "labels.tsv").unlink()
    for i in range(8):
        (folder / f"{i}.txt").write_text(f"0.5\t1.0\t{label}\n2.5\t3.0\t{label}\n", encoding="utf-8")
    made = run("new", str(folder))
    assert made.exit_code == 0, made.output
    assert load_recipe("my-sounds.toml").data.classes == [label]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere: no such folder"),
        (["my sounds", "--network", "yolo"], "--network yolo: known networks are sedt"),
        (["my sounds", "--class", "cat"], "--class: no training recording has 'cat'"),
        (["my sounds", "--window", "0"], "--window 0"),
        (["my sounds", "--hours", "inf"], "--hours inf: must be more than 0 and finite"),
        (["my sounds", "--size", "huge"], "--size huge: known sizes are small, large"),
        (["my sounds", "--labels", "gone.txt"], "gone.txt: no such label file or folder"),
        (["my sounds", "-o", "recipe.json"], "recipe.json: a recipe is a .toml file"),
    ],
)
def test_wrong_use(folder: Path, words: list[str], message: str) -> None:
    result = run("new", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(Path().glob("*.toml"))


def test_one_label_in_all(folder: Path) -> None:
    write_events(folder / "labels.tsv", {"0.wav": [Event(0.5, 1.0, "beep")]})
    result = run("new", str(folder))
    assert result.exit_code == 2
    assert "too few labels to learn from" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_tenth_of_the_files_is_broken(folder: Path) -> None:
    (folder / "9.wav").write_bytes(b"RIFF but no more")
    (folder / "z.TextGrid").write_text("File type = ooTextFile\nnonsense", encoding="utf-8")
    made = run("new", str(folder))
    assert made.exit_code == 0, made.output
    assert "1 cannot be read and are left out" in made.output
    assert "1 label file left out" in made.output


@pytest.mark.data
@pytest.mark.parametrize("format_name", ["audacity", "raven", "textgrid"])
def test_real_song_with_labels_of_three_tools(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str
) -> None:
    """Bengalese finches, 0.03 to 0.2 s a syllable, ten a second: labels as a user's tool writes them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEDT_RUNS", raising=False)
    source = data_folder / "finch_song"
    table: dict[str, list[Event]] = defaultdict(list)
    with (source / "strong.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if row["split"] == "train" and row["filename"].startswith("gy6or6/"):
                table[row["filename"]].append(
                    Event(
                        float(row["onset"]), float(row["offset"]), row["event_label"].removeprefix("gy6or6_")
                    )
                )
    names = sorted(table)[:4]
    for name in names:
        write_audio(tmp_path / "song" / name, read_audio(source / "audio" / name, 16_000), 16_000)
    chosen = {name: table[name] for name in names}
    if FORMATS[format_name].holds_one:
        write_folder(tmp_path / "song", chosen, format_name)
    else:
        write_events(tmp_path / "song" / "selections.txt", chosen, format_name)
    made = run("new", "song", "--hours", "0.01")
    assert made.exit_code == 0, made.output
    recipe = load_recipe("song.toml")
    assert 0.5 <= recipe.model.window_s <= 1.5
    assert recipe.decoding.min_length_s < 0.04  # type: ignore[operator]
    assert len(recipe.data.classes or []) >= 8
    if format_name != "audacity":  # the tables are the same from here on
        return
    trained = train(Path("song.toml"))
    assert trained.exit_code == 0, trained.output
    assert "model: " in trained.output

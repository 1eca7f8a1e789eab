"""Every stage learns: from eight clips, to the end, through the command that users run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tiny import write_recipe

from sedt.errors import InputError
from sedt.package import load_package
from sedt.recipe import load_recipe
from sedt.training.run import train

LEARNED = 0.85
"""Least F1 of what has been learned by heart; without learning it is 0.

Most starts end at 1. With some, one event is left out after so many epochs; which start that is depends on
the last digit of the arithmetic, and so on the number of threads (seen: 0.92, 0.95).
"""

SHORT = [
    "tag_backbone.epochs=1",
    "finetune.epochs=2",
    "finetune.validate_every=1",
    "finetune.ema_decay=0.9",
]


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


def test_eight_clips_are_learned_to_the_end(recipe_file: Path, tmp_path: Path) -> None:
    folder = train(load_recipe(recipe_file), tmp_path / "runs")
    scores = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    assert scores["event_based"]["macro"]["f1"] > LEARNED
    assert scores["tagging"]["macro"]["f1"] > LEARNED

    rows = list(csv.DictReader((folder / "metrics.csv").open(encoding="utf-8")))
    assert [r["stage"] for r in rows] == ["tag_backbone"] * 3 + ["finetune"] * 350
    assert [int(r["epoch"]) for r in rows] == [*range(3), *range(350)]
    assert float(rows[-1]["loss"]) < float(rows[3]["loss"]) / 10

    package = load_package(folder / "model")
    assert package.classes == ["chirp", "hiss", "tone"]
    assert package.info["scores"]["test"]["event_based"] == scores["event_based"]["macro"]["f1"]

    before = (folder / "metrics.csv").read_bytes()
    assert train(load_recipe(recipe_file), tmp_path / "runs") == folder  # every stage is there: skipped
    assert (folder / "metrics.csv").read_bytes() == before

    with pytest.raises(InputError, match=r"other settings \(`seed`: 1, now 2\)"):
        train(load_recipe(recipe_file, ["seed=2"]), tmp_path / "runs")


def test_a_run_of_an_older_version_goes_on(recipe_file: Path, tmp_path: Path) -> None:
    """A setting that its version did not know yet had its default: to do as before."""
    folder = train(load_recipe(recipe_file, SHORT), tmp_path / "runs")
    file, before = folder / "recipe.json", (folder / "metrics.csv").read_bytes()
    now = file.read_text(encoding="utf-8")
    older = json.loads(now)
    del older["loss"]["denoising_weight"], older["finetune_semi"]
    file.write_text(json.dumps(older), encoding="utf-8")
    assert train(load_recipe(recipe_file, SHORT), tmp_path / "runs") == folder
    assert (folder / "metrics.csv").read_bytes() == before
    assert file.read_text(encoding="utf-8") == now

    older["loss"]["of_another_version"] = 1.0
    file.write_text(json.dumps(older), encoding="utf-8")
    with pytest.raises(InputError, match=r"other settings \(`loss\.of_another_version`: 1\.0, now None\)"):
        train(load_recipe(recipe_file, SHORT), tmp_path / "runs")
    file.write_text(now[:100], encoding="utf-8")
    with pytest.raises(InputError, match=r"recipe\.json: not the settings of a run"):
        train(load_recipe(recipe_file, SHORT), tmp_path / "runs")


CARD = ["licence=cc-by-4.0", "data_set=Eight clips", "description=Hears tones."]


def test_the_card_changes_without_training(recipe_file: Path, tmp_path: Path) -> None:
    folder = train(load_recipe(recipe_file, SHORT), tmp_path / "runs")
    before = (folder / "metrics.csv").read_bytes(), (folder / "model" / "model.safetensors").read_bytes()
    train(load_recipe(recipe_file, [*SHORT, *CARD]), tmp_path / "runs")
    assert before == (
        (folder / "metrics.csv").read_bytes(),
        (folder / "model" / "model.safetensors").read_bytes(),
    )
    card = (folder / "model" / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card
    assert "name: Eight clips" in card
    assert "Hears tones." in card


def test_queries_with_anchors_learn_eight_clips_too(recipe_file: Path, tmp_path: Path) -> None:
    settings = ['model.query_place="anchor"', "finetune.epochs=200"]
    folder = train(load_recipe(recipe_file, settings), tmp_path / "runs")
    scores = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    assert scores["event_based"]["macro"]["f1"] > LEARNED


def test_what_tells_queries_events_serves_training_alone(recipe_file: Path, tmp_path: Path) -> None:
    told = ["loss.denoising_weight=1", 'model.query_place="anchor"', "finetune.epochs=30"]
    folder = train(load_recipe(recipe_file, [*SHORT, *told]), tmp_path / "runs")
    rows = list(csv.DictReader((folder / "metrics.csv").open(encoding="utf-8")))
    losses = [float(row["loss_denoising"]) for row in rows if row["stage"] == "finetune"]
    assert losses[-1] < losses[0] / 2
    assert "denoising.label_codes.weight" in load_file(folder / "finetune" / "best.safetensors")
    assert not any("denoising" in name for name in load_file(folder / "model" / "model.safetensors"))
    assert load_package(folder / "model").classes == ["chirp", "hiss", "tone"]

    with pytest.raises(InputError, match=r'denoising_weight: .* needs model.query_place = "anchor"'):
        load_recipe(recipe_file, ["loss.denoising_weight=1"])


def test_thresholds_are_tuned_after_training(recipe_file: Path, tmp_path: Path) -> None:
    settings = [*SHORT, "finetune.epochs=30", 'stages=["tag_backbone", "finetune", "tune"]']
    folder = train(load_recipe(recipe_file, settings), tmp_path / "runs")
    result = json.loads((folder / "tune" / "result.json").read_text(encoding="utf-8"))
    package = load_package(folder / "model")
    assert result["after"] > result["before"]  # thirty epochs leave most events under 0.5
    assert package.decoding.threshold == result["decision"]["threshold"]
    assert set(result["decision"]["threshold"]) == set(package.classes)
    assert "validation" in package.info["tuned_on"]
    # Here the test scenes are the validation scenes.
    scores = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    assert scores["event_based"]["macro"]["f1"] == pytest.approx(result["after"])


def test_same_seed_same_weights(recipe_file: Path, tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        folder = train(load_recipe(recipe_file, SHORT), tmp_path / name)
        files.append((folder / "model" / "model.safetensors").read_bytes())
    assert files[0] == files[1]


def test_without_validation_the_result_is_averaged_too(recipe_file: Path, tmp_path: Path) -> None:
    weights = []
    for decay in (0.9, 0.0):  # with 0 the average is the last step
        settings = [*SHORT, "data.validation=[]", "data.test=[]", f"finetune.ema_decay={decay}"]
        folder = train(load_recipe(recipe_file, settings), tmp_path / str(decay))
        weights.append((folder / "model" / "model.safetensors").read_bytes())
    assert weights[0] != weights[1]


def test_a_recipe_without_data_says_so(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no training data"):
        train(load_recipe(recipe_file, ["data.strong=[]"]), tmp_path / "runs")
    with pytest.raises(InputError, match=r"tag_backbone\.use"):
        train(load_recipe(recipe_file, ['tag_backbone.use=["weak"]']), tmp_path / "others")

"""The recipes of full size run from labels to test scores, on a few clips in the official layouts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sedt.audio import write_audio
from sedt.checking import check_recipe
from sedt.data.sources import place_of
from sedt.events import Event
from sedt.formats.dcase import write_strong, write_unlabelled, write_weak
from sedt.recipe import load_recipe
from sedt.training.run import train

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = [
    'model.backbone="resnet10t"',
    'model.backbone_start="random"',
    "model.model_size=32",
    "model.num_heads=4",
    "model.ffn_size=32",
    "model.encoder_layers=1",
    "tag_backbone.epochs=1",
    "tag_backbone.batch_size=2",
    "tag_backbone.accumulate=1",
    "pretrain.epochs=1",
    "pretrain.batch_size=2",
    "pretrain.accumulate=1",
    "pretrain.patches.crop_frames=32",
    "finetune.epochs=1",
    "finetune.strong_per_batch=2",
    "finetune.accumulate=1",
    "finetune_semi.epochs=1",
    "finetune_semi.strong_per_batch=2",
    "finetune_semi.weak_per_batch=1",
    "finetune_semi.unlabelled_per_batch=2",
    "machine.workers=0",
]


def write_clips(folder: Path, names: list[str], rate: int) -> None:
    generator = np.random.default_rng(len(names))
    for name in names:
        write_audio(folder / name, generator.standard_normal(rate).astype(np.float32) * 0.1, rate)


@pytest.fixture
def dcase2019(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two clips to train on, one held out, two weak ones, one to test on; one second each."""
    names = sorted((f"s{i}.wav" for i in range(20)), key=place_of)
    strong = [*names[:2], names[-1]]
    assert place_of(names[1]) < 0.9 <= place_of(names[-1])
    events = [Event(0.1, 0.5, "Dog"), Event(0.6, 0.9, "Speech")]
    audio, labels = tmp_path / "audio", tmp_path / "metadata"
    write_clips(audio / "train" / "synthetic", strong, 16_000)
    write_clips(audio / "train" / "weak", ["w1.wav", "w2.wav"], 16_000)
    write_clips(audio / "validation", ["v.wav"], 16_000)
    write_clips(audio / "train" / "unlabel_in_domain", ["u1.wav", "u2.wav", "u3.wav"], 16_000)
    write_unlabelled(labels / "train" / "unlabel_in_domain.tsv", ["u1.wav", "u2.wav", "u3.wav", "gone.wav"])
    write_clips(tmp_path / "task5" / "audio", ["t1.wav"], 16_000)
    monkeypatch.setenv("DCASE2018_TASK5", str(tmp_path / "task5"))
    write_strong(labels / "train" / "synthetic.tsv", dict.fromkeys(strong, events))
    write_weak(labels / "train" / "weak.tsv", {"w1.wav": ["Cat"], "w2.wav": ["Dog", "Frying"]})
    write_strong(labels / "validation" / "validation.tsv", {"v.wav": events, "gone.wav": events})
    monkeypatch.setenv("DCASE2019", str(tmp_path))
    return tmp_path


@pytest.fixture
def urban_sed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two clips for each set, annotated as JAMS."""
    value = {"label": "siren", "role": "foreground"}
    data = [{"time": 0.1, "duration": 0.5, "value": value, "confidence": 1.0}]
    content = json.dumps({"annotations": [{"namespace": "scaper", "data": data}]})
    for name in ("train", "validate", "test"):
        write_clips(tmp_path / "audio" / name, ["a.wav", "b.wav"], 44_100)
        for stem in ("a", "b"):
            file = tmp_path / "annotations" / name / f"{stem}.jams"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
    monkeypatch.setenv("URBAN_SED", str(tmp_path))
    return tmp_path


@pytest.fixture
def urbansound8k(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second of noise in each fold, and a background for each purpose."""
    rows = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for fold in range(1, 11):
        write_clips(tmp_path / "audio" / f"fold{fold}", [f"{fold}.wav"], 8000)
        rows.append(f"{fold}.wav,{fold},0,1,1,{fold},8,siren")
    for name in ("train", "validation", "test"):
        write_clips(tmp_path / "ambience" / name, ["wind.wav"], 8000)
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "UrbanSound8K.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.setenv("URBANSOUND8K", str(tmp_path))
    monkeypatch.setenv("AMBIENCE", str(tmp_path / "ambience"))
    monkeypatch.delenv("SEDT_DATA", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["sedt_e3", "sedt_e6", "sedt_e3_augmented"])
def test_dcase2019(dcase2019: Path, name: str, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "dcase2019" / f"{name}.toml", [*SMALL, "finetune.weak_per_batch=2"])
    folder = train(recipe, tmp_path / "runs")
    scores = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    assert scores["files"] == 1
    summary = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))["info"]
    assert [line.split(",")[0] for line in summary["training_data"][1:]] == [
        "strong: 2 recordings",
        "weak: 2 recordings",
        "validation: 1 recordings",
    ]


@pytest.mark.parametrize("name", ["sp_sedt_e3", "sp_sedt_e3_task5", "sp_sedt_e3_fixed_size"])
def test_dcase2019_with_pretraining(dcase2019: Path, name: str, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "dcase2019" / f"{name}.toml", [*SMALL, "finetune.weak_per_batch=2"])
    report = check_recipe(recipe)
    assert not report.faults
    assert "unlabelled clips" in report.uses["pretrain"]
    folder = train(recipe, tmp_path / "runs")
    assert (folder / "pretrain" / "trunk.safetensors").exists()
    assert json.loads((folder / "test.json").read_text(encoding="utf-8"))["files"] == 1
    assert (folder / "test_events.tsv").exists()


def test_dcase2019_with_a_teacher(dcase2019: Path, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "dcase2019" / "sp_sedt_semi.toml", [*SMALL, "finetune.weak_per_batch=2"])
    report = check_recipe(recipe)
    assert not report.faults
    assert {"pretrain", "finetune_semi"} <= report.uses.keys()
    folder = train(recipe, tmp_path / "runs")
    model = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))
    assert model["model"]["class_scores"] == "sigmoid"
    assert json.loads((folder / "test.json").read_text(encoding="utf-8"))["files"] == 1


def test_the_teachers_recipe_has_the_published_settings(dcase2019: Path) -> None:
    recipe = load_recipe(RECIPES / "dcase2019" / "sp_sedt_semi.toml")
    stage = recipe.finetune_semi
    assert (stage.teacher_decay, stage.threshold_range) == (0.9996, (0.45, 0.7))
    assert (recipe.loss.focal_alpha, recipe.loss.focal_gamma) == (0.5, 1.0)
    assert stage.augmentation == recipe.finetune.augmentation
    assert stage.augmentation.mixup == 0.6


def test_an_ablation_differs_in_what_it_is_named_for(dcase2019: Path) -> None:
    """Table 2, E = 6, and the extra data: nothing else changes, and none is longer than it must be."""
    folder = RECIPES / "dcase2019"
    whole = load_recipe(folder / "sp_sedt_e3_task5.toml").model_dump()
    for name, (*keys, last), value in (
        ("sp_sedt_e3_without_reconstruction", ("pretrain", "reconstruction_weight"), 0.0),
        ("sp_sedt_e3_without_class_loss", ("pretrain", "class_weight"), 0.0),
        ("sp_sedt_e3_fixed_size", ("pretrain", "patches", "fixed_s"), 2.5),
    ):
        text = (folder / f"{name}.toml").read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 5
        ablated = load_recipe(folder / f"{name}.toml").model_dump()
        table, wanted = ablated, json.loads(json.dumps(whole, default=str))
        for key in keys:
            table, wanted = table[key], wanted[key]
        assert table[last] == value != wanted[last]
        table[last] = whole["pretrain"][last] if len(keys) == 1 else whole["pretrain"]["patches"][last]
        said = {"name": "", "description": ""}
        assert {**ablated, **said} == {**whole, **said}
    six = load_recipe(folder / "sp_sedt_e6.toml").model_dump()
    assert six["model"].pop("encoder_layers") == 6
    plain = {**whole["model"]}
    plain.pop("encoder_layers")
    assert six["model"] == plain
    assert six["pretrain"] == whole["pretrain"]
    both = load_recipe(folder / "sp_sedt_e6_task5.toml")
    assert len(both.data.unlabelled) == 2
    assert both.model.encoder_layers == 6


def test_urban_sed(urban_sed: Path, tmp_path: Path) -> None:
    folder = train(load_recipe(RECIPES / "urban_sed" / "sedt.toml", SMALL), tmp_path / "runs")
    config = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["classes"] == ["siren"]
    assert config["features"]["sample_rate"] == 44_100
    assert json.loads((folder / "test.json").read_text(encoding="utf-8"))["files"] == 2


def test_urbansound8k(urbansound8k: Path, tmp_path: Path) -> None:
    few = [f"data.{part}.0.scenes.num_scenes=2" for part in ("strong", "weak", "validation", "test")]
    settings = [*SMALL, *few, "finetune.weak_per_batch=1"]
    recipe = load_recipe(RECIPES / "urban" / "urbansound8k.toml", settings)
    folder = train(recipe, tmp_path / "runs")
    assert json.loads((folder / "test.json").read_text(encoding="utf-8"))["files"] == 2
    report = check_recipe(recipe)
    assert not report.faults
    assert not report.needs_attention


def test_the_augmented_recipe_differs_in_augmentation_alone(dcase2019: Path) -> None:
    plain, augmented = (
        load_recipe(RECIPES / "dcase2019" / f"{name}.toml").model_dump()
        for name in ("sedt_e3", "sedt_e3_augmented")
    )
    plain["finetune"].pop("augmentation")
    changed = augmented["finetune"].pop("augmentation")
    said = {"name": "", "description": ""}
    assert {**plain, **said} == {**augmented, **said}
    assert (changed["mixup"], changed["time_mask"], changed["frequency_mask_share"]) == (
        0.6,
        0.2,
        (0.03, 0.4),
    )


def test_batches_are_the_published_ones(urban_sed: Path) -> None:
    recipe = load_recipe(RECIPES / "urban_sed" / "sedt.toml")
    assert recipe.finetune.strong_per_batch * recipe.finetune.accumulate == 64
    assert recipe.tag_backbone.batch_size * recipe.tag_backbone.accumulate == 128
    assert recipe.features.max_frames == 500


def test_batches_of_pretraining_are_the_published_ones(dcase2019: Path) -> None:
    stage = load_recipe(RECIPES / "dcase2019" / "sp_sedt_e3.toml").pretrain
    assert stage.batch_size * stage.accumulate == 200
    assert (stage.epochs, stage.learning_rate, stage.weight_decay, stage.gradient_norm) == (
        160,
        1e-4,
        1e-4,
        0.1,
    )
    assert (stage.patches.number, stage.patches.crop_frames, stage.patches.features) == (10, 128, "crop")
    weights = (stage.class_weight, stage.l1_weight, stage.iou_weight, stage.reconstruction_weight)
    assert weights == (1, 5, 2, 1)

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

import sedt.config as config
from sedt.config import FeaturesConfig, LossConfig, ModelConfig, Recipe, ScenesConfig, Settings, SourceConfig
from sedt.recipe import load_recipe, load_scenes

ROOT = Path(__file__).parents[1]
SKIPPED_FOLDERS = {".venv", ".git", "runs", "build", "dist", "node_modules"}


def recipes() -> list[Path]:
    """Every TOML of the tree, at any depth, but for pyproject.toml."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.toml"))
    return sorted(p for p in found if p.name != "pyproject.toml" and not SKIPPED_FOLDERS & set(p.parts))


def settings_classes() -> list[type[Settings]]:
    members = vars(config).values()
    return [m for m in members if isinstance(m, type) and issubclass(m, Settings) and m is not Settings]


def test_there_are_recipes() -> None:
    assert [path for path in recipes() if path.parts[0] == "recipes"]


@pytest.mark.parametrize("path", recipes(), ids=str)
def test_every_recipe_of_the_tree_is_valid(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SEDT_DATA", "DCASE2019", "DCASE2018_TASK5", "URBAN_SED", "URBANSOUND8K", "AMBIENCE"):
        monkeypatch.setenv(variable, str(tmp_path))
    content = tomllib.loads((ROOT / path).read_text(encoding="utf-8"))
    if "foreground" in content:
        assert load_scenes(ROOT / path).num_scenes >= 1
        return
    if "rows" in content:  # a grid of experiments: recipes by name
        folder = ROOT / path.parent / content["recipes"]
        names = {row.get("recipe", name) for name, row in content["rows"].items()}
        assert [name for name in names if not (folder / f"{name}.toml").exists()] == []
        return
    recipe = load_recipe(ROOT / path)
    assert content.get("description"), "a recipe says what it is itself, not by what it extends"
    for place in all_paths(recipe):
        assert place.is_absolute()


def all_paths(value: object) -> Iterator[Path]:
    """Every path below a settings record."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        yield from all_paths(list(vars(value).values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from all_paths(item)


@pytest.mark.parametrize("kind", settings_classes(), ids=lambda kind: kind.__name__)
def test_every_setting_is_documented(kind: type[Settings]) -> None:
    for name, field in kind.model_fields.items():
        is_table = isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
        assert field.description or is_table, f"{kind.__name__}.{name} has no docstring"


@pytest.mark.parametrize("kind", settings_classes(), ids=lambda kind: kind.__name__)
def test_unknown_keys_are_refused(kind: type[Settings]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        kind.model_validate({"no_such_key": 1})


def departures() -> str:
    return (ROOT / "docs" / "departures.md").read_text(encoding="utf-8")


BEHAVIOUR = (
    "model",
    "loss",
    "decoding",
    "tag_backbone",
    "pretrain",
    "finetune",
    "finetune_semi",
    "train_frames",
)
"""Tables of a recipe that say what is done, not where data are or how fast it goes."""


@pytest.mark.parametrize("table", BEHAVIOUR)
def test_what_is_ours_is_among_the_departures(table: str) -> None:
    kind = Recipe.model_fields[table].annotation
    assert isinstance(kind, type)
    assert issubclass(kind, Settings)
    ours = [name for name, field in kind.model_fields.items() if "[O]" in (field.description or "")]
    missing = [name for name in ours if not re.search(rf"`\w+\.{name}\b", departures())]
    assert not missing, f"docs/departures.md does not say why: {missing}"


def test_the_switches_of_the_departures_exist() -> None:
    switches = re.findall(r"`(\w+)\.(\w+)(?: = [^`]+)?`", departures())
    assert len(switches) > 10
    for table, name in switches:
        if table in {"data", "src"}:
            continue
        kind = Recipe.model_fields[table].annotation
        assert isinstance(kind, type)
        assert issubclass(kind, Settings)
        assert name in kind.model_fields, f"docs/departures.md: no such setting {table}.{name}"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ModelConfig().num_queries = 5


def test_the_stored_form_gives_the_same_settings(tmp_path: Path) -> None:
    scenes = ScenesConfig(foreground=tmp_path / "a", backgrounds=[tmp_path / "b"], snr_db=(0.0, 9.0))
    recipe = Recipe(name="a", data=config.DataConfig(strong=[SourceConfig(scenes=scenes)]))
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_defaults_are_the_paper_s() -> None:
    """Numbers of arXiv 2111.15222 and of the experiments behind it, for DCASE."""
    features, model, loss = FeaturesConfig(), ModelConfig(), LossConfig()
    assert (features.sample_rate, features.hop_samples, features.num_bands) == (16_000, 323, 64)
    assert (model.encoder_layers, model.decoder_layers, model.num_queries) == (3, 3, 20)
    assert (model.model_size, model.num_heads, model.ffn_size, model.output_stride) == (256, 8, 2048, 16)
    assert (loss.class_weight, loss.l1_weight, loss.iou_weight, loss.tag_weight) == (1, 5, 2, 0.25)
    assert loss.no_object_weight == 0.1


def test_every_stage_has_its_table() -> None:
    assert set(get_args(config.Stage)) <= set(Recipe.model_fields)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        (FeaturesConfig, {"frame_samples": 2048}, "must not be larger than fft_samples"),
        (FeaturesConfig, {"f_max": 9000.0}, "f_min < f_max <= 8000 Hz is needed"),
        (FeaturesConfig, {"f_min": 8000.0}, "f_min < f_max <= 8000 Hz is needed"),
        (ModelConfig, {"model_size": 100}, "multiple of num_heads 8"),
        (ModelConfig, {"overlap_s": 6.0}, "at most half of window_s 10.0"),
        (ModelConfig, {"output_stride": 4}, "Input should be 8, 16 or 32"),
        (config.FinetuneConfig, {"strong_per_batch": 0}, "must be at least 1"),
        (config.FinetuneConfig, {"epochs": 2, "validate_every": 3}, "is more than epochs 2"),
        (SourceConfig, {}, "needs `audio`"),
        (
            SourceConfig,
            {"audio": "x", "scenes": {"foreground": "y"}},
            "either `labels` and `audio`, or `scenes`",
        ),
        (ScenesConfig, {"foreground": "x", "snr_db": [9, 0]}, "from the smallest to the largest"),
        (ScenesConfig, {"foreground": "x", "event_duration_s": [0, 1]}, "must be more than 0"),
    ],
)
def test_settings_that_contradict_each_other(
    kind: type[Settings], content: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        kind.model_validate(content)

"""Every recipe of the tree builds and takes a training step in each of its stages (narrow transformer)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import torch

import sedt.build as build
from sedt.batch import Batch, PatchBatch, Supervision, Targets
from sedt.config import ModelConfig, Recipe
from sedt.recipe import load_recipe
from sedt.training.finetune_semi import FinetuneSemiModule
from sedt.training.modules import FinetuneModule, TagBackboneModule
from sedt.training.pretrain_module import PretrainModule
from sedt.training.pseudo_labels import PseudoLabels
from sedt.training.train_frames import TrainFramesModule

ROOT = Path(__file__).parents[2]
CLASSES = 3
NARROW = {"model_size": 32, "num_heads": 4, "ffn_size": 32, "backbone_start": "random"}


def is_recipe(path: Path) -> bool:
    return "foreground" not in tomllib.loads(path.read_text(encoding="utf-8"))


RECIPES = [p.relative_to(ROOT) for p in sorted((ROOT / "recipes").rglob("*.toml")) if is_recipe(p)]


def clips(recipe: Recipe, num_clips: int) -> Batch:
    """Strong and weak clips of noise."""
    num_samples = round(recipe.model.window_s * recipe.features.sample_rate)
    strong = Targets(
        Supervision.STRONG, torch.tensor([1.0, 0, 0]), torch.tensor([0]), torch.tensor([[0.4, 0.2]])
    )
    weak = Targets(
        Supervision.WEAK, torch.tensor([0, 1.0, 1]), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2)
    )
    return Batch(
        names=[str(i) for i in range(num_clips)],
        waveforms=torch.randn(num_clips, num_samples) * 0.1,
        num_samples=torch.full((num_clips,), num_samples),
        targets=[strong if i % 2 == 0 else weak for i in range(num_clips)],
    )


def patch_clips(recipe: Recipe, num_clips: int) -> PatchBatch:
    num_samples = round(recipe.model.window_s * recipe.features.sample_rate)
    number = recipe.pretrain.patches.number
    return PatchBatch(
        waveforms=torch.randn(num_clips, num_samples) * 0.1,
        num_samples=torch.full((num_clips,), num_samples),
        patches=torch.rand(num_clips, number, 2) * 0.2 + torch.tensor([0.4, 0.1]),
        rows=torch.full((num_clips,), -1),
        has_map=torch.zeros(num_clips, dtype=torch.bool),
        feature_maps=None,
    )


def test_there_are_recipes() -> None:
    assert RECIPES


@pytest.mark.parametrize("path", RECIPES, ids=str)
def test_recipe_steps(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SEDT_DATA", "DCASE2019", "DCASE2018_TASK5", "URBAN_SED", "URBANSOUND8K", "AMBIENCE"):
        monkeypatch.setenv(variable, str(tmp_path))
    for module_name in ("modules", "pretrain_module", "train_frames"):  # logs need a Trainer
        monkeypatch.setattr(f"sedt.training.{module_name}.log_losses", lambda *arguments: None)
    recipe = load_recipe(ROOT / path)
    model = ModelConfig.model_validate({**recipe.model.model_dump(), **NARROW})
    for stage in recipe.stages:
        batch: Batch | PatchBatch = clips(recipe, 2)
        frontend = build.frontend(recipe.features)
        if stage == "tune":  # nothing is learned in it
            continue
        if stage == "tag_backbone":
            module: TagBackboneModule | PretrainModule | FinetuneModule | TrainFramesModule
            module = TagBackboneModule(
                frontend,
                build.tagger(model, recipe.tag_backbone, CLASSES),
                build.augmentation(recipe.tag_backbone.augmentation, frontend, model.window_s),
                recipe.tag_backbone,
            )
        elif stage == "train_frames":
            module = TrainFramesModule(
                frontend,
                build.frame_detector(recipe.features, model, CLASSES),
                build.augmentation(recipe.train_frames.augmentation, frontend, model.window_s),
                recipe.train_frames,
                model.window_s,
            )
        elif stage == "pretrain":
            batch = patch_clips(recipe, 2)
            network = build.sp_sedt(model, recipe.pretrain)
            loss = build.patch_loss(recipe.pretrain, recipe.loss)
            samples = batch.waveforms.shape[1]
            module = PretrainModule(frontend, network, loss, recipe.pretrain, samples)
        elif stage == "finetune_semi":
            config = recipe.finetune_semi
            module = FinetuneSemiModule(
                frontend,
                build.sedt(model, CLASSES),
                build.augmentation(config.augmentation, frontend, model.window_s),
                build.set_loss(recipe.loss, model),
                recipe.loss.tag_weight,
                config,
                PseudoLabels(torch.full((CLASSES,), 0.5)),
            )
        else:
            loss, weight = build.set_loss(recipe.loss, model), recipe.loss.tag_weight
            augmentation = build.augmentation(recipe.finetune.augmentation, frontend, model.window_s)
            body = build.sedt(model, CLASSES)
            module = FinetuneModule(frontend, body, augmentation, loss, weight, recipe.finetune)
        value = module.training_step(batch, 0)  # type: ignore[arg-type]
        assert torch.isfinite(value)
        value.backward()
        trained = [p for p in module.parameters() if p.requires_grad]
        assert trained
        assert all(p.grad is not None for p in trained)


def test_parameters_of_a_loss_train(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(name="x", model=ModelConfig(backbone="resnet10t", **NARROW))  # type: ignore[arg-type]
    frontend, network = build.frontend(recipe.features), build.sedt(recipe.model, CLASSES)
    augmentation = build.augmentation(recipe.finetune.augmentation, frontend, recipe.model.window_s)
    loss = build.set_loss(recipe.loss, recipe.model)
    loss.temperature = torch.nn.Parameter(torch.ones(()))
    module = FinetuneModule(frontend, network, augmentation, loss, 1.0, recipe.finetune)
    monkeypatch.setattr("sedt.training.modules.with_schedule", lambda module, optimizer, config: optimizer)
    optimizer = module.configure_optimizers()
    assert any(p is loss.temperature for group in optimizer.param_groups for p in group["params"])


def test_gradients_stop_at_what_is_frozen() -> None:
    recipe = Recipe(name="x", model=ModelConfig(backbone="resnet10t", **NARROW))  # type: ignore[arg-type]
    network = build.sedt(recipe.model, CLASSES)
    frontend = build.frontend(recipe.features)
    augmentation = build.augmentation(recipe.finetune.augmentation, frontend, recipe.model.window_s)
    loss = build.set_loss(recipe.loss, recipe.model)
    module = FinetuneModule(frontend, network, augmentation, loss, 1.0, recipe.finetune)
    frozen = [name for name, p in network.named_parameters() if not p.requires_grad]
    assert {name.split(".")[2] for name in frozen} == {"lift", "network"}
    assert not any("layer2" in name for name in frozen)
    predictions = module.predict(clips(recipe, 2))
    module.loss.total(module.loss(predictions, clips(recipe, 2).targets)).backward()
    reached = {name for name, p in network.named_parameters() if p.grad is not None}
    assert not reached & set(frozen)
    assert not {"tag_head.weight", "tag_head.bias"} & reached  # event losses don't train the tag head
    assert "class_head.weight" in reached
    assert "event_queries.weight" in reached

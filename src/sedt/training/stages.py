"""The stages, in the paper's order: data, network, loss and score of each."""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

import sedt.build as build
from sedt.config import OptimizerConfig, Recipe
from sedt.data.augmentation import Augmentation
from sedt.data.sampler import GroupBatchSampler
from sedt.features import Frontend
from sedt.models.sedt import SEDT
from sedt.training.datasets import Datasets
from sedt.training.loaders import training_loader, window_loader
from sedt.training.modules import FinetuneModule, TagBackboneModule
from sedt.training.trainer import StageRun, fit
from sedt.training.transfer import BACKBONE_FILE, TRUNK_FILE, load_pretrained, save_backbone
from sedt.training.validation import score_events, score_tags


def tag_backbone(
    recipe: Recipe, datasets: Datasets, frontend: Frontend, run: StageRun, resume: bool
) -> dict[str, Any]:
    """Paper 3.2: tune the backbone by tagging; leaves `backbone.safetensors`. Returns the best scores."""
    stage = recipe.tag_backbone
    sets = [r for name in stage.use for r in (datasets.strong if name == "strong" else datasets.weak)]
    network = build.tagger(recipe.model, stage, len(datasets.classes))
    use_channels_last(network.backbone, recipe)
    clips = datasets.training(sets)
    sampler = GroupBatchSampler(clips.group_sizes(), [stage.batch_size], recipe.seed)
    windows = datasets.windows()
    selection = fit(
        run,
        TagBackboneModule(frontend, network, _augmentation(recipe, stage, frontend), stage),
        stage,
        training_loader(clips, sampler, recipe.machine),
        None if windows is None else window_loader(windows, recipe.machine),
        monitor="tagging",
        score=None if windows is None else score_tags(windows),
        resume=resume,
    )
    tensors = load_file(selection.best_file)
    prefix = "network.backbone."
    body = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    save_backbone(run.stage_folder / BACKBONE_FILE, body, run.folder, recipe)
    return selection.best


def finetune(
    recipe: Recipe, datasets: Datasets, frontend: Frontend, run: StageRun, resume: bool
) -> dict[str, Any]:
    """Paper 2.2 and 3.3: learn events and tags. Starts from what the stages before have left."""
    stage = recipe.finetune
    network = _start(recipe, len(datasets.classes), run)
    use_channels_last(network.trunk.backbone, recipe)
    clips = datasets.training(datasets.strong, datasets.weak)
    sampler = GroupBatchSampler(
        clips.group_sizes(), [stage.strong_per_batch, stage.weak_per_batch], recipe.seed
    )
    windows = datasets.windows()
    decision = build.decision(recipe.decoding)
    module = FinetuneModule(
        frontend,
        network,
        _augmentation(recipe, stage, frontend),
        build.set_loss(recipe.loss, recipe.model),
        recipe.loss.tag_weight,
        stage,
        build.denoising(recipe.loss, network),
    )
    selection = fit(
        run,
        module,
        stage,
        training_loader(clips, sampler, recipe.machine),
        None if windows is None else window_loader(windows, recipe.machine),
        monitor="event_based",
        score=None if windows is None else score_events(windows, decision, recipe.tune),
        resume=resume,
    )
    return selection.best


def _start(recipe: Recipe, num_classes: int, run: StageRun) -> SEDT:
    """A pre-trained trunk, if there is one; else a tagged backbone, if there is one."""
    stage = recipe.finetune
    tagged = run.folder / "tag_backbone" / BACKBONE_FILE
    here = run.folder / "pretrain" / TRUNK_FILE
    pretrained = stage.pretrained or (here if here.exists() else None)
    network = build.sedt(recipe.model, num_classes, with_weights=pretrained is None and not tagged.exists())
    if pretrained is not None:
        load_pretrained(pretrained, network, recipe)
    elif tagged.exists():
        network.trunk.backbone.load_weights(tagged)
    return network


def _augmentation(recipe: Recipe, stage: OptimizerConfig, frontend: Frontend) -> Augmentation:
    return build.augmentation(stage.augmentation, frontend, recipe.model.window_s)


def use_channels_last(module: nn.Module, recipe: Recipe) -> None:
    """Convolutions are faster so, where the recipe's machine allows it."""
    if recipe.machine.channels_last:
        module.to(memory_format=torch.channels_last)

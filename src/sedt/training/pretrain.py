"""SP-SEDT's stage (paper 3): the transformer learns to find random patches in clips without labels."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

import sedt.build as build
from sedt.config import Recipe
from sedt.data.kept_maps import KeptMaps
from sedt.data.sampler import GroupBatchSampler
from sedt.data.unlabelled import PatchClips, stretches
from sedt.errors import InputError
from sedt.features import Frontend
from sedt.models.sp_sedt import SPSEDT
from sedt.training.datasets import Datasets
from sedt.training.loaders import patch_loader, patch_sample_loader
from sedt.training.patch_scores import score_patches
from sedt.training.pretrain_module import PretrainModule
from sedt.training.stages import use_channels_last
from sedt.training.trainer import StageRun, fit, is_first_process
from sedt.training.transfer import BACKBONE_FILE, TRUNK_FILE, save_pretrained

GB = 1e9
MAPS_FOLDER = "maps"

STANDARD_CLIPS = 200
"""Clips whose patches say what mean and deviation features have."""


def pretrain(
    recipe: Recipe, datasets: Datasets, frontend: Frontend, run: StageRun, resume: bool
) -> dict[str, Any]:
    """Leaves `trunk.safetensors`. Returns the scores of the held-out clips."""
    stage = recipe.pretrain
    network = _network(recipe, run)
    train_on, held_out = stretches(datasets.unlabelled, recipe.model.window_s, stage.held_out)
    plan = build.patch_plan(recipe)
    clips = PatchClips(train_on, plan, recipe.seed)
    held = PatchClips(held_out, plan, recipe.seed, first_row=len(clips))
    if stage.patches.standardised:
        network.standardise(_features(clips, frontend, network))
    maps = _kept_maps(recipe, datasets, frontend, network, run, [clips, held])
    clips.maps = held.maps = maps
    run.console.print(
        f"pretrain: {len(clips)} clips to learn from, {len(held)} held out", highlight=False, markup=False
    )
    sampler = GroupBatchSampler(
        [len(clips)], [stage.batch_size], recipe.seed, epoch_size=stage.clips_per_epoch
    )
    window_samples = datasets.shape.window_samples
    selection = fit(
        run,
        PretrainModule(frontend, network, build.patch_loss(stage, recipe.loss), stage, window_samples, maps),
        stage,
        patch_loader(clips, sampler, recipe.machine),
        patch_sample_loader(held, stage.held_out_clips, recipe.machine) if len(held) else None,
        monitor="found",
        score=score_patches if len(held) else None,
        resume=resume,
    )
    tensors = load_file(selection.best_file)
    prefix = "network."
    network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    save_pretrained(run.stage_folder / TRUNK_FILE, network, run.folder, recipe)
    if maps is not None and is_first_process():
        shutil.rmtree(maps.folder, ignore_errors=True)
    return selection.best


@torch.inference_mode()
def _features(clips: PatchClips, frontend: Frontend, network: SPSEDT) -> Tensor:
    """Of the patches of some clips, evenly spread: (clips, M, channels)."""
    number = min(len(clips), STANDARD_CLIPS)
    found = []
    for index in range(number):
        clip = clips[index * len(clips) // number]
        if clip.num_samples and clip.waveform is not None:  # which is there while no maps are kept
            features = frontend(clip.waveform[None])
            feature_map = network.feature_map(features)
            found.append(network.patch_features(features, feature_map, clip.patches[None])[0])
    if not found:
        raise InputError("pretrain: nothing sounds in the clips without labels")
    return torch.stack(found)


def _network(recipe: Recipe, run: StageRun) -> SPSEDT:
    """With the tagged backbone of this run, or the one that the recipe starts from."""
    tagged = run.folder / "tag_backbone" / BACKBONE_FILE
    network = build.sp_sedt(recipe.model, recipe.pretrain, with_weights=not tagged.exists())
    if tagged.exists():
        network.trunk.backbone.load_weights(tagged)
    use_channels_last(network.trunk.backbone, recipe)
    return network


def _kept_maps(
    recipe: Recipe,
    datasets: Datasets,
    frontend: Frontend,
    network: SPSEDT,
    run: StageRun,
    sets: Sequence[PatchClips],
) -> KeptMaps | None:
    """The store of maps, if the recipe wants one; what it holds goes with all that a map follows from."""
    if not recipe.pretrain.kept_maps_gb:
        return None
    if any(source.fresh for source in recipe.data.unlabelled):
        raise InputError("pretrain.kept_maps_gb: clips that are `fresh` in every epoch have no map to keep")
    made_by = hashlib.sha256()
    for tensor in [*frontend.state_dict().values(), *network.trunk.backbone.state_dict().values()]:
        made_by.update(tensor.contiguous().numpy().tobytes())
    for part in (place for clips in sets for place in clips.places):
        made_by.update(
            f"{part.recordings.name(part.index)} {part.start_s} {part.length_s}\n".encode(
                errors="surrogateescape"
            )
        )
    for path in sorted(set().union(*(recordings.files() for recordings in datasets.unlabelled))):
        made_by.update(f"{path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
    made_by.update(
        f"{recipe.seed} {recipe.features} {recipe.model.window_s} {recipe.data.unlabelled}"
        f" {recipe.machine.precision}".encode()
    )
    with torch.inference_mode():
        sample = network.feature_map(frontend(torch.zeros(1, sets[0].window_samples)))
    channels, time, frequency = sample.shape[1:]
    maps = KeptMaps(
        run.stage_folder / MAPS_FOLDER,
        sum(map(len, sets)),
        (channels, time, frequency),
        made_by.hexdigest(),
        recipe.pretrain.kept_maps_gb * GB,
    )
    if is_first_process():
        maps.open()
    return maps

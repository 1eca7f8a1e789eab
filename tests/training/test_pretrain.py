"""SP-SEDT's stage: it learns to find patches, hands over what paper 3.3 says, refuses what cannot work."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny import write_recipe

import sedt.build as build
from sedt.audio import write_audio
from sedt.batch import ClipRequest, Predictions, collate_patches
from sedt.config import Recipe
from sedt.data.patches import PatchSize, draw_patches
from sedt.data.unlabelled import PatchClips, stretches
from sedt.errors import InputError
from sedt.losses.reconstruction import reconstruction_loss
from sedt.models.sp_sedt import block_of
from sedt.package import save_tensors
from sedt.recipe import load_recipe
from sedt.training.datasets import load_datasets
from sedt.training.patch_scores import found_by_chance, outcome, score_patches
from sedt.training.pretrain_module import PretrainModule, patch_targets
from sedt.training.run import train
from sedt.training.transfer import load_pretrained, save_pretrained

SETTINGS = [
    'stages=["tag_backbone", "pretrain", "finetune"]',
    'data.unlabelled=[{scenes={foreground="sounds", num_scenes=12, duration_s=2.0, seed=5}}]',
    "tag_backbone.epochs=1",
    "pretrain.epochs=2",
    "pretrain.batch_size=4",
    "pretrain.held_out=0.2",
    "pretrain.learning_rate=2e-3",
    "pretrain.patches.number=3",
    "pretrain.patches.crop_frames=32",
    "finetune.epochs=1",
    "finetune.validate_every=1",
]


STEPS = 400


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["stage"] == "pretrain"]


def module_of(recipe: Recipe) -> tuple[PretrainModule, PatchClips]:
    torch.manual_seed(0)
    datasets = load_datasets(recipe)
    frontend = build.frontend(recipe.features)
    parts, _ = stretches(datasets.unlabelled, recipe.model.window_s, 0.01)
    clips = PatchClips(parts, build.patch_plan(recipe), 0)
    frontend.normaliser.fit(frontend.log_mel(clips[i].waveform[None]) for i in range(len(clips)))  # type: ignore[index]
    network = build.sp_sedt(recipe.model, recipe.pretrain)
    loss = build.patch_loss(recipe.pretrain, recipe.loss)
    return PretrainModule(frontend, network, loss, recipe.pretrain, clips.window_samples), clips


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ['pretrain.patches.features="pooled"', 'model.query_place="anchor"'],
    ],
    ids=["crop", "pooled-anchor"],
)
def test_the_patches_of_eight_clips_are_learned(recipe_file: Path, settings: list[str]) -> None:
    """All patches found, patch told from background, features given back: eq. 6 goes down to the end."""
    more = ["pretrain.match_own=true", "pretrain.patch_drop=0.0", 'model.position_unit="step"']
    module, clips = module_of(load_recipe(recipe_file, [*SETTINGS, *more, *settings]))
    batch = collate_patches([clips[ClipRequest(0, index, 0)] for index in range(8)])
    trained = [p for p in module.network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, 2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    features = module.frontend(batch.waveforms)
    feature_map = module.network.feature_map(features)  # frozen, so once is enough
    told = module.network.patch_features(features, feature_map, batch.patches)
    first = total = torch.zeros(())
    for step in range(STEPS):
        out = module.network.find(feature_map, told)
        found = module.match(out, batch)
        given_back = reconstruction_loss(out, found.matches)
        total = module.loss.total(found) + given_back
        first = total.detach() if step == 0 else first
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        schedule.step()
    assert total < first / 4
    module.eval()
    with torch.no_grad():
        out = module.predict(batch)
        matches = module.match(out, batch).matches[-1]
        scores = score_patches([outcome(out, batch.patches, matches, torch.arange(8))])
    assert scores["found"] > 0.9
    assert scores["found"] > scores["found_by_chance"] + 0.3
    assert scores["patch_iou"] > 0.7
    assert scores["reconstruction"] < 0.5


def test_a_foreign_patch_is_background(recipe_file: Path) -> None:
    """Queries that are told another clip's patch answer for none; the others for their own."""
    settings = [*SETTINGS, "pretrain.match_own=true", "pretrain.foreign_patches=0.5"]
    module, clips = module_of(load_recipe(recipe_file, settings))
    batch = collate_patches([clips[index] for index in range(4)])
    foreign = torch.tensor([[True, False, False], [False, True, True], [True] * 3, [False] * 3])
    own, mixed = module.predict(batch), module.predict(batch, foreign)
    for clip, patch in foreign.nonzero().tolist():
        assert torch.equal(mixed.patch_features[clip, patch], own.patch_features[clip - 1, patch])
    assert torch.equal(mixed.patch_features[~foreign], own.patch_features[~foreign])
    found = module.match(mixed, batch, foreign)
    for layer in found.matches:
        pairs = torch.stack([layer.clips, layer.events], dim=1).tolist()
        assert sorted(pairs) == (~foreign).nonzero().tolist()
        assert torch.equal(mixed.block[layer.queries], layer.events)
    # The loss is that of a batch without these patches.
    alone = collate_patches([clips[0]])
    first = replace(mixed, class_logits=mixed.class_logits[:, :1], spans=mixed.spans[:, :1])
    found = module.match(first, alone, foreign[:1])
    others = module.loss(
        Predictions(first.class_logits[:, :, 2:], first.spans[:, :, 2:]),
        patch_targets(alone.patches[:, 1:], torch.tensor([2]), alone.num_samples),
        allowed=(block_of(4, 2)[:, None] == torch.arange(2))[None],
    )
    assert torch.allclose(found.l1, others.l1)
    assert torch.allclose(found.iou, others.iou)


def test_a_recipe_runs_through_all_stages(recipe_file: Path, tmp_path: Path) -> None:
    folder = train(load_recipe(recipe_file, SETTINGS), tmp_path / "runs")
    epochs = rows(folder)
    assert [int(row["epoch"]) for row in epochs] == [0, 1]
    for name in (
        "found",
        "found_by_chance",
        "class_accuracy",
        "patch_iou",
        "reconstruction",
        "loss_reconstruction",
    ):
        assert float(epochs[-1][name]) >= 0
    result = json.loads((folder / "pretrain" / "result.json").read_text(encoding="utf-8"))
    assert result["found"] == pytest.approx(max(float(row["found"]) for row in epochs), abs=1e-5)

    # The frozen backbone is the tagged one.
    trunk = load_file(folder / "pretrain" / "trunk.safetensors")
    tagged = load_file(folder / "tag_backbone" / "backbone.safetensors")
    inside = {
        k.removeprefix("trunk.backbone."): v for k, v in trunk.items() if k.startswith("trunk.backbone.")
    }
    assert inside.keys() <= tagged.keys()
    assert all(torch.equal(tensor, tagged[name]) for name, tensor in inside.items())

    before = (folder / "metrics.csv").read_bytes()
    train(load_recipe(recipe_file, SETTINGS), tmp_path / "runs")  # every stage is there: skipped
    assert (folder / "metrics.csv").read_bytes() == before


def test_transfer_takes_the_trunk_and_nothing_else(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file, [*SETTINGS, 'model.query_place="anchor"'])
    torch.manual_seed(0)
    before = build.sp_sedt(recipe.model, recipe.pretrain)
    assert before.anchors is not None
    before.anchors.weight.data += 0.5
    save_tensors(tmp_path / "normaliser.safetensors", build.frontend(recipe.features).normaliser.state_dict())
    save_pretrained(tmp_path / "trunk.safetensors", before, tmp_path, recipe)
    for with_queries in (True, False):
        torch.manual_seed(1)
        after = build.sedt(recipe.model, 3)
        fresh = {name: tensor.clone() for name, tensor in after.state_dict().items()}
        choice = f"finetune.pretrained_queries={str(with_queries).lower()}"
        fresh_recipe = load_recipe(recipe_file, [*SETTINGS, 'model.query_place="anchor"', choice])
        load_pretrained(tmp_path / "trunk.safetensors", after, fresh_recipe)
        given = {f"trunk.{name}": tensor for name, tensor in before.trunk.state_dict().items()}
        for name, tensor in after.state_dict().items():
            if name in given:
                assert torch.equal(tensor, given[name]), name
            elif name == "event_queries.weight" and with_queries:
                assert torch.equal(tensor, before.event_queries.weight)
            elif name == "anchors.weight" and with_queries:
                assert torch.equal(tensor[1:], before.anchors.weight)
                assert torch.equal(tensor[0], fresh[name][0])  # the audio query's
            else:
                assert torch.equal(tensor, fresh[name]), name
        left = {name for name in fresh if not name.startswith("trunk.")}
        assert left == {
            "event_queries.weight", "audio_query.weight", "anchors.weight",
            "class_head.weight", "class_head.bias", "tag_head.weight", "tag_head.bias",
        }  # fmt: skip


def test_another_run_may_be_started_from(recipe_file: Path, tmp_path: Path) -> None:
    first = train(load_recipe(recipe_file, SETTINGS), tmp_path / "runs")
    trunk = first / "pretrain" / "trunk.safetensors"
    shutil.copy(trunk, tmp_path / "given.safetensors")
    again = ['stages=["finetune"]', "name=again", "finetune.pretrained=given.safetensors"]
    other = train(load_recipe(recipe_file, [*SETTINGS, *again]), tmp_path / "runs")
    same = (first / "model" / "model.safetensors", other / "model" / "model.safetensors")
    assert same[0].read_bytes() == same[1].read_bytes()

    fault = [*SETTINGS, *again, "name=fault"]
    faults = (
        ("model.encoder_layers=2", r"made with model\.encoder_layers = 1, this recipe says 2"),
        ("model.backbone=resnet18", r'made with model\.backbone = "resnet10t", this recipe says "resnet18"'),
        ('model.position_unit="step"', r'made with model\.position_unit = "window", this recipe says "step"'),
        ("model.num_heads=2", r"made with model\.num_heads = 4"),
        ("features.f_max=3000", r"made with features\.f_max = null, this recipe says 3000"),
        ("model.num_queries=9", "event_queries.weight` has shape"),
        ("finetune.pretrained=tiny.toml", r"tiny\.toml: not a readable safetensors file"),
        ("finetune.pretrained=runs/tiny/model/model.safetensors", "not the trunk of a pre-training"),
        ("finetune.pretrained=none.safetensors", "none.safetensors: not a readable"),
    )
    for number, (setting, message) in enumerate(faults):
        with pytest.raises(InputError, match=message):
            train(load_recipe(recipe_file, [*fault, setting]), tmp_path / f"fault{number}")
    queries = ["model.num_queries=9", "finetune.pretrained_queries=false"]
    train(load_recipe(recipe_file, [*fault, *queries]), tmp_path / "fresh-queries")


def test_weights_bring_their_normaliser(recipe_file: Path, tmp_path: Path) -> None:
    """A run on other clips, which starts from weights, normalises as those were trained."""
    first = train(load_recipe(recipe_file, SETTINGS), tmp_path / "runs")
    shutil.copy(first / "pretrain" / "trunk.safetensors", tmp_path / "trunk.safetensors")
    shutil.copy(first / "tag_backbone" / "backbone.safetensors", tmp_path / "backbone.safetensors")
    other_clips = 'data.strong=[{scenes={foreground="sounds", num_scenes=3, duration_s=2.0, seed=9}}]'
    for name, start, same in (
        ("trunk", "finetune.pretrained=trunk.safetensors", True),
        ("backbone", "model.backbone_start=backbone.safetensors", True),
        ("none", "model.backbone_start=random", False),
    ):
        settings = [
            *SETTINGS,
            f"name={name}",
            'stages=["finetune"]',
            other_clips,
            "data.unlabelled=[]",
            start,
        ]
        other = train(load_recipe(recipe_file, settings), tmp_path / "runs")
        files = [(run / "normaliser.safetensors").read_bytes() for run in (first, other)]
        assert (files[0] == files[1]) is same, name
    settings = ["model.backbone_start=backbone.safetensors", "features.num_bands=40", "name=fault"]
    with pytest.raises(InputError, match=r"backbone\.safetensors: made with features\.num_bands = "):
        train(load_recipe(recipe_file, [*SETTINGS, *settings]), tmp_path / "runs")


def test_where_nothing_sounds_the_last_weights_are_the_result(recipe_file: Path, tmp_path: Path) -> None:
    """Held-out clips that cannot tell epochs apart choose none before the last."""
    for number in range(4):
        write_audio(recipe_file.parent / "quiet" / f"{number}.wav", np.zeros(24000, dtype=np.float32), 8000)
    settings = [*SETTINGS, 'data.unlabelled=[{audio="quiet"}]', 'stages=["tag_backbone", "pretrain"]']
    folder = train(load_recipe(recipe_file, settings), tmp_path / "runs")
    result = json.loads((folder / "pretrain" / "result.json").read_text(encoding="utf-8"))
    assert result["epoch"] == int(rows(folder)[-1]["epoch"]) > 0


def test_pretraining_alone_needs_no_labels(recipe_file: Path, tmp_path: Path) -> None:
    with_backbone = train(load_recipe(recipe_file, SETTINGS), tmp_path / "runs") / "tag_backbone"
    shutil.copy(with_backbone / "backbone.safetensors", tmp_path / "backbone.safetensors")
    alone = [
        *SETTINGS,
        'stages=["pretrain"]',
        "name=alone",
        "data.strong=[]",
        "data.validation=[]",
        'data.unlabelled=[{audio="sounds"}]',
        "model.backbone_start=backbone.safetensors",
    ]
    folder = train(load_recipe(recipe_file, alone), tmp_path / "runs")
    assert (folder / "pretrain" / "trunk.safetensors").exists()
    assert not (folder / "model").exists()


@pytest.mark.parametrize("features", ["float32", "bfloat16"])
def test_kept_maps_change_nothing_but_time(recipe_file: Path, tmp_path: Path, features: str) -> None:
    """Two epochs with maps kept, and with a store that has room for some; and it is gone in the end."""
    settings = [
        *SETTINGS,
        'stages=["tag_backbone", "pretrain"]',
        'pretrain.patches.features="pooled"',
        f'machine.precision="{features}"',
        "pretrain.batch_size=1",
    ]
    found = []
    for gb in (1e-3, 5e-5):
        recipe = load_recipe(recipe_file, [*settings, f"pretrain.kept_maps_gb={gb}"])
        folder = train(recipe, tmp_path / str(gb))
        assert not (folder / "pretrain" / "maps").exists()
        found.append([{k: v for k, v in row.items() if k != "seconds"} for row in rows(folder)])
    assert found[0] == found[1]


def test_features_are_standardised_on_the_clips_that_are_learned_from(
    recipe_file: Path, tmp_path: Path
) -> None:
    settings = [
        *SETTINGS,
        'stages=["tag_backbone", "pretrain"]',
        "pretrain.patches.standardised=true",
        'pretrain.patches.features="pooled"',
        "pretrain.kept_maps_gb=1e-3",
    ]
    folder = train(load_recipe(recipe_file, settings), tmp_path / "runs")
    best = load_file(folder / "pretrain" / "best.safetensors")
    assert (best["network.feature_mean"] > 0).any()
    assert (best["network.feature_mean"] >= 0).all()  # a backbone's maps end with a rectifier
    assert not torch.equal(best["network.feature_std"], torch.ones_like(best["network.feature_std"]))


def test_clips_that_are_hard(recipe_file: Path, tmp_path: Path) -> None:
    """Shorter than a patch, silent, of one sample: sensible work, and finite numbers."""
    rate, folder = 8000, recipe_file.parent / "hard"
    noise = np.random.default_rng(0).standard_normal(rate * 3).astype(np.float32) * 0.1
    clips = {"short": noise[:300], "one": noise[:1], "silent": noise * 0, "plain": noise}
    for name, samples in {**clips, "window": noise[: 2 * rate]}.items():
        write_audio(folder / f"{name}.wav", samples, rate)
    settings = [*SETTINGS, 'stages=["tag_backbone", "pretrain"]', 'data.unlabelled=[{audio="hard"}]']
    for number, more in enumerate(
        ([], ['pretrain.patches.features="pooled"', "pretrain.kept_maps_gb=0.001"], ["pretrain.held_out=0.7"])
    ):
        recipe = load_recipe(recipe_file, [*settings, "pretrain.batch_size=2", *more])
        run = train(recipe, tmp_path / str(number))
        trunk = load_file(run / "pretrain" / "trunk.safetensors")
        assert all(torch.isfinite(tensor).all() for tensor in trunk.values())
        assert all(np.isfinite(float(row["loss"])) for row in rows(run))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["data.unlabelled=[]"], "no clips without labels"),
        (["data.unlabelled=[{audio='empty'}]"], "empty: no audio files"),
        (["data.unlabelled=[{audio='nowhere'}]"], "nowhere"),
        (
            ["pretrain.patches.number=4"],
            r"model\.num_queries 6 must be a multiple of pretrain\.patches\.number 4",
        ),
        (['stages=["pretrain", "finetune"]'], "the backbone has learned nothing"),
        (['stages=["finetune"]', "finetune.frozen_stages=1"], "its first stages would stay so"),
        (
            ['stages=["pretrain"]', "model.backbone=resnet18", "model.backbone_start=resnet10t.safetensors"],
            "resnet10t.safetensors: does not fit this backbone",
        ),
        (["pretrain.patches.fixed_s=2.5"], "must not be longer than model.window_s"),
        (["pretrain.kept_maps_gb=1"], 'goes with patches.features = "pooled"'),
        (["pretrain.augmentation.gain=0.5"], "does not go with pre-training"),
        (["pretrain.foreign_patches=0.5"], "goes with match_own = true"),
        (["pretrain.backbone_learning_rate=1e-3"], "the backbone is frozen in pre-training"),
        (["pretrain.patches.length_mean=3"], "hardly ever lie in length_range"),
        (
            ["pretrain.patches.length_deviation=0", "pretrain.patches.length_mean=0.9"],
            "hardly ever lie in length_range",
        ),
        (['stages=["pretrain", "tag_backbone"]'], "stages: each at most once, in this order: tag_backbone"),
        (['stages=["tune", "tune"]'], "stages: each at most once"),
        (["finetune.pretrained=x.safetensors"], "brings all that `pretrain` would learn"),
        (
            [
                "pretrain.kept_maps_gb=0.1",
                'pretrain.patches.features="pooled"',
                'data.unlabelled=[{fresh=true, scenes={foreground="sounds", num_scenes=12, duration_s=2.0}}]',
            ],
            "`fresh` in every epoch have no map to keep",
        ),
        (["pretrain.patches.length_range=[0.5, 0.5]"], "length_range"),
        (
            [f"pretrain.{name}_weight=0" for name in ("class", "l1", "iou", "reconstruction")],
            "all loss weights are 0",
        ),
    ],
)
def test_what_cannot_work_is_said(
    recipe_file: Path, tmp_path: Path, settings: list[str], message: str
) -> None:
    (recipe_file.parent / "empty").mkdir()
    other = build.backbone(load_recipe(recipe_file).model)
    save_tensors(recipe_file.parent / "resnet10t.safetensors", other.state_dict())
    with pytest.raises(InputError, match=message):
        train(load_recipe(recipe_file, [*SETTINGS, *settings]), tmp_path / "runs")


@pytest.mark.parametrize("weight", ["class", "l1", "iou", "reconstruction"])
def test_each_weight_may_be_zero(recipe_file: Path, weight: str) -> None:
    """What only that loss reaches learns nothing then."""
    module, clips = module_of(load_recipe(recipe_file, [*SETTINGS, f"pretrain.{weight}_weight=0"]))
    batch = collate_patches([clips[index] for index in range(2)])
    out = module.predict(batch)
    found = module.match(out, batch)
    total = module.loss.total(found) + module.config.reconstruction_weight * reconstruction_loss(
        out, found.matches
    )
    total.backward()
    heads = {
        "class": module.network.class_head.weight,
        "reconstruction": module.network.reconstruction_head[0].weight,
    }
    for name, head in heads.items():
        assert head.grad is not None
        assert bool(head.grad.any()) is (name != weight)
    location = module.network.trunk.boundary_head[0].weight.grad
    assert location is not None
    assert location.any()


def test_chance_is_the_best_answer_that_does_not_listen() -> None:
    same = np.tile(np.array([[0.5, 0.2]], dtype=np.float32), (50, 1))
    assert found_by_chance(same) == 1.0
    apart = np.stack([np.arange(10) / 10 + 0.05, np.full(10, 0.05)], axis=1).astype(np.float32)
    assert found_by_chance(apart) == pytest.approx(0.1)
    drawn = draw_patches(np.random.default_rng(0), 4000, PatchSize())
    best = found_by_chance(drawn)
    edges = np.stack([drawn[:, 0] - drawn[:, 1] / 2, drawn[:, 0] + drawn[:, 1] / 2], axis=1)
    shared = np.minimum(edges[:, 1], edges[::-1, 1]) - np.maximum(edges[:, 0], edges[::-1, 0])
    union = drawn[:, 1] + drawn[::-1, 1] - np.maximum(0, shared)
    assert best > float((shared / union >= 0.5).mean()) + 0.1  # better than guesses drawn as patches are
    assert best == pytest.approx(0.34, abs=0.03)

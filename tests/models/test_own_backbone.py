"""Networks that are not timm's, and those of timm whose strides are fixed, in the place of the backbone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import sedt
import sedt.build as build
from sedt.config import DecodingConfig, FeaturesConfig, ModelConfig, TagBackboneConfig
from sedt.errors import InputError
from sedt.models.backbone import Backbone
from sedt.models.map_backbone import MapBackbone
from sedt.models.model import Model
from sedt.package import Package, load_package, save_package

SMALL = ModelConfig(
    backbone="mine", backbone_start="random", window_s=2.0, model_size=16, num_heads=2, ffn_size=16,
    encoder_layers=1, decoder_layers=1, num_queries=3,
)  # fmt: skip


class Mine(MapBackbone):
    num_channels, time_stride = 8, 4

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 8, 4, 4)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, features: Tensor) -> Tensor:
        maps: Tensor = self.norm(self.convolution(features.unsqueeze(1)))
        return maps


@pytest.fixture
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(build.BACKBONES, "mine", lambda config: Mine())


def package(model: Model, config: ModelConfig = SMALL) -> Package:
    return Package(model.eval(), ["a", "b"], FeaturesConfig(), config, DecodingConfig())


@pytest.mark.usefixtures("_known")
def test_a_backbone_of_ones_own_is_built_saved_and_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build.detection_model(FeaturesConfig(), SMALL, 2)
    save_package(tmp_path / "model", package(model))
    again = load_package(tmp_path / "model").model
    noise = torch.randn(2, 32_000)
    with torch.inference_mode():
        ours, theirs = model(noise), again(noise)
    torch.testing.assert_close(ours.class_logits, theirs.class_logits)
    assert sedt.load(tmp_path / "model").detect(noise[0].numpy(), sample_rate=16_000) is not None
    assert not [name for name, _ in model.named_parameters() if ".norm." in name and "backbone" in name]


@pytest.mark.usefixtures("_known")
def test_it_says_what_its_stages_are_or_none_is_frozen() -> None:
    network = build.sedt(SMALL, 2)
    network.trunk.backbone.freeze_stages(0)
    assert all(parameter.requires_grad for parameter in network.trunk.backbone.parameters())
    with pytest.raises(InputError, match="Mine does not say what its stages are; 0 freezes none"):
        network.trunk.backbone.freeze_stages(1)


def test_without_its_name_the_package_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as here:
        here.setitem(build.BACKBONES, "mine", lambda config: Mine())
        save_package(tmp_path, package(build.detection_model(FeaturesConfig(), SMALL, 2)))
    with pytest.raises(InputError, match=r"backbone mine: timm gives no feature map .* Unknown model"):
        load_package(tmp_path)


@pytest.mark.usefixtures("_known")
def test_a_package_that_nobody_could_load_is_not_written(tmp_path: Path) -> None:
    model = build.detection_model(FeaturesConfig(), SMALL, 2)
    other = SMALL.model_copy(update={"backbone": "resnet10t"})
    with pytest.raises(InputError, match=r"do not describe this model: no tensor `network\.trunk\.backbone"):
        save_package(tmp_path / "model", package(model, other))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("name", "stage", "frozen"),
    [("hgnetv2_b0", 2, {"stem", "stages_0"}), ("convnext_atto", -1, {"stem_0", "stem_1", "stages_0"})],
)
def test_one_frozen_stage_is_the_first(name: str, stage: int, frozen: set[str]) -> None:
    """Their first map is that of a stage, where a ResNet's is that of its stem."""
    backbone = Backbone(name, "random", map_stage=stage)
    assert backbone(torch.randn(1, 128, 64)).shape == (1, backbone.num_channels, 8, 4)
    backbone.freeze_stages(1)
    named = backbone.network.named_parameters()
    assert {path.split(".")[0] for path, parameter in named if not parameter.requires_grad} == frozen


@pytest.mark.parametrize(
    ("name", "stage", "message"),
    [
        ("hgnetv2_b0", -1, "at this stage it has 32"),
        ("swin_tiny_patch4_window7_224", 2, "of it at output stride 16"),
    ],
)
def test_what_does_not_fit_is_said(name: str, stage: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Backbone(name, "random", map_stage=stage)


def test_tagging_reaches_what_detection_sees() -> None:
    config = ModelConfig(backbone="resnet10t", backbone_start="random")
    build.tagger(config.model_copy(update={"map_stage": 2}), TagBackboneConfig(map_stage=-1), 3)
    with pytest.raises(InputError, match="would learn nothing"):
        build.tagger(config, TagBackboneConfig(map_stage=2), 3)
    with pytest.raises(InputError, match="resnet10t: has no stage 9, only 5"):
        build.tagger(config.model_copy(update={"map_stage": 9}), TagBackboneConfig(map_stage=4), 3)

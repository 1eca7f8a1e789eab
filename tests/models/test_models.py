"""Shapes, sizes, padding, freezing: what the spec says of the networks."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from small import small_sedt

from sedt.errors import InputError
from sedt.features import Frontend, LogMel
from sedt.models.backbone import Backbone
from sedt.models.model import Model
from sedt.models.positions import sine_positions
from sedt.models.sedt import SEDT
from sedt.models.tagger import Tagger
from sedt.models.transformer import Transformer
from sedt.models.trunk import Queries, QueryPlace, Tokens, Trunk


@pytest.mark.parametrize(("encoder_layers", "millions"), [(3, 32.80), (6, 36.75)])
def test_size_is_the_papers(encoder_layers: int, millions: float) -> None:
    backbone = Backbone("resnet50.tv_in1k", "random")
    backbone.freeze_batch_norm()
    model = SEDT(Trunk(backbone, Transformer(encoder_layers=encoder_layers)), num_classes=10)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


def test_shapes_of_a_ten_second_clip() -> None:
    model = small_sedt()
    features = torch.randn(2, 496, 64)
    assert model.trunk.backbone(features).shape == (2, 512, 31, 4)
    assert model.trunk.tokens(features).content.shape == (2, 31 * 4, 32)
    out = model(features)
    assert out.class_logits.shape == (3, 2, 6, 5)
    assert out.spans.shape == (3, 2, 6, 2)
    assert out.tag_logits is not None
    assert out.tag_logits.shape == (2, 4)
    assert ((out.spans > 0) & (out.spans < 1)).all()


def test_tokens_are_time_major() -> None:
    tokens = small_sedt().trunk.tokens(torch.randn(1, 496, 64))
    positions = tokens.positions[0]
    # Four frequency rows of one time step follow each other and share a position.
    assert torch.equal(positions[0], positions[3])
    assert not torch.equal(positions[3], positions[4])


@pytest.mark.parametrize("query_place", ["learned", "anchor"])
def test_batch_of_one_is_batch_of_many(query_place: QueryPlace) -> None:
    model = small_sedt(query_place=query_place)
    features = torch.randn(3, 200, 64)
    many = model(features)
    for i in range(3):
        one = model(features[i : i + 1])
        torch.testing.assert_close(one.spans[:, 0], many.spans[:, i], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one.class_logits[:, 0], many.class_logits[:, i], rtol=1e-4, atol=1e-4)


def test_padding_marked_is_padding_not_there() -> None:
    """The transformer sees no difference between tokens that are masked and tokens that are absent."""
    trunk = small_sedt().trunk
    tokens, positions = torch.randn(2, 20, 32), torch.randn(1, 20, 32)
    queries = Queries(torch.randn(2, 5, 32))
    padding = torch.zeros(2, 20, dtype=torch.bool)
    padding[:, 12:] = True
    with_padding = trunk.decode(Tokens(tokens, positions, padding, 20), queries)
    without = trunk.decode(Tokens(tokens[:, :12], positions[:, :12], None, 12), queries)
    torch.testing.assert_close(with_padding.content, without.content, rtol=1e-5, atol=1e-5)


def test_what_lies_behind_the_clip_changes_nothing_far_from_it() -> None:
    """A short clip padded here, or padded by hand, gives the same; and full clips need no lengths."""
    model = Model(Frontend(LogMel()), small_sedt()).eval()
    waveform = torch.randn(1, 96_000) * 0.1
    padded = torch.nn.functional.pad(waveform, (0, 64_000))
    short = torch.tensor([96_000])
    alone = model(padded, short)
    beside = model(torch.cat([padded, torch.randn(1, 160_000)]), torch.tensor([96_000, 160_000]))
    torch.testing.assert_close(alone.spans[:, 0], beside.spans[:, 0], rtol=1e-4, atol=1e-5)
    full = torch.randn(2, 160_000)
    torch.testing.assert_close(model(full).spans, model(full, torch.tensor([160_000] * 2)).spans)


def test_padding_is_silence_at_the_floor_after_the_frontend() -> None:
    frontend = Frontend(LogMel())
    waveform = torch.nn.functional.pad(torch.randn(1, 80_000), (0, 80_000))
    features = frontend(waveform)
    assert features[0, 300:].max() == pytest.approx(features.min().item())
    assert features[0, :200].mean() > features.min() + 20


def test_frozen_batch_norm_has_no_parameters_and_keeps_its_statistics() -> None:
    backbone = Backbone("resnet10t", "random")
    before = sum(p.numel() for p in backbone.parameters())
    backbone.freeze_batch_norm()
    norms = [m for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert before - sum(p.numel() for p in backbone.parameters()) == 2 * sum(n.num_features for n in norms)
    statistics = {k: v.clone() for k, v in backbone.state_dict().items() if "running" in k}
    backbone.train()
    backbone(torch.randn(2, 64, 64)).sum().backward()
    for name, value in backbone.state_dict().items():
        if name in statistics:
            assert torch.equal(value, statistics[name])
    assert all(p.grad is not None for p in backbone.parameters())


def test_freezing_gives_the_same_outputs_as_batch_norm_in_eval_mode() -> None:
    backbone = Backbone("resnet10t", "random").train()
    backbone(torch.randn(4, 64, 64))  # moves the statistics away from their start
    features = torch.randn(2, 64, 64)
    free = backbone.eval()(features)
    backbone.freeze_batch_norm()
    torch.testing.assert_close(backbone.train()(features), free)


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_100", "regnetx_002"])
def test_stages_freeze_from_the_front(name: str) -> None:
    counts = []
    for stages in range(3):
        backbone = Backbone(name, "random")
        backbone.freeze_stages(stages)
        trainable = [p.requires_grad for p in backbone.network.parameters()]
        counts.append(sum(trainable))
        assert trainable == sorted(trainable)  # what is frozen comes first
        assert backbone.lift.weight.requires_grad == (stages == 0)
    assert counts[0] > counts[1] > counts[2] > 0


def test_stem_and_first_stage_of_resnet50() -> None:
    backbone = Backbone("resnet50", "random")
    backbone.freeze_stages(1)
    frozen = {
        n.split(".")[1] for n, p in backbone.named_parameters() if not p.requires_grad and "lift" not in n
    }
    assert frozen == {"conv1", "bn1", "layer1"}


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_100", "regnetx_002", "efficientnet_lite0"])
@pytest.mark.parametrize(("time_stride", "steps"), [(None, 31), (8, 62), (4, 124)])
def test_time_stride(name: str, time_stride: int | None, steps: int) -> None:
    backbone = Backbone(name, "random", time_stride=time_stride)
    assert backbone(torch.randn(1, 496, 64)).shape[2:] == (steps, 4)
    assert int(backbone.num_steps(torch.tensor([496]))[0]) == steps


def test_a_frozen_backbone_under_autocast_is_as_one_that_trains() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 64, 32)
    frozen, training = (Backbone("resnet10t", "random") for _ in range(2))
    frozen.freeze()
    for _ in range(2):  # and again when it has got other weights
        training.freeze_batch_norm()
        frozen.load_state_dict(training.state_dict())
        with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
            assert torch.equal(frozen(features), training(features))
        assert not torch.equal(frozen(features), frozen(features).bfloat16().float())
        assert {tensor.dtype for tensor in frozen.state_dict().values() if tensor.is_floating_point()} == {
            torch.float32
        }
        for parameter in training.parameters():
            torch.nn.init.normal_(parameter, std=0.05)


@pytest.mark.parametrize(("name", "time_stride"), [("convnext_atto", 2), ("resnetblur18", 8)])
def test_a_time_stride_that_a_network_cannot_have(name: str, time_stride: int) -> None:
    with pytest.raises(InputError, match=f"backbone {name}: model.time_stride {time_stride}: not for this"):
        Backbone(name, "random", time_stride=time_stride)


def test_stages_behind_the_map_are_not_there_to_be_frozen() -> None:
    backbone = Backbone("resnet10t", "random", map_stage=2)
    backbone.freeze_stages(4)
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_a_map_behind_a_module_without_weights() -> None:
    """The first map of a ResNet lies behind the activation of its stem."""
    backbone = Backbone("resnet18", "random", map_stage=0)
    backbone.freeze_stages(1)
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_random_start_has_living_residual_branches() -> None:
    backbone = Backbone("resnet50", "random")
    last_norms = [m.bn3.weight for m in backbone.modules() if hasattr(m, "bn3")]
    assert last_norms
    assert all(weight.abs().sum() > 0 for weight in last_norms)


@pytest.mark.parametrize(
    ("name", "words"), [("no_such_net", "no_such_net"), ("vit_tiny_patch16_224", "no feature map")]
)
def test_networks_that_refuse_get_one_clear_error(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Backbone(name, "random")


def test_backbone_weights_go_from_the_tagger_to_sedt(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "backbone.safetensors"
    tagger = Tagger(Backbone("resnet10t", "random"), num_classes=3, head_size=16)
    save_file(tagger.backbone.state_dict(), file)
    backbone = Backbone("resnet10t", file)
    backbone.freeze_batch_norm()
    features = torch.randn(1, 64, 64)
    torch.testing.assert_close(backbone.eval()(features), tagger.backbone.eval()(features))
    with pytest.raises(InputError, match="does not fit"):
        Backbone("resnet18", file)
    file.write_bytes(b"not tensors")
    with pytest.raises(InputError, match=r"backbone\.safetensors"):
        Backbone("resnet10t", file)


def test_a_timm_file_loads_without_prefix_and_with_classifier(tmp_path: object) -> None:
    from pathlib import Path

    import timm

    file = Path(str(tmp_path)) / "timm.safetensors"
    source = timm.create_model("resnet10t", pretrained=False)
    save_file(source.state_dict(), file)
    backbone = Backbone("resnet10t", file)
    assert torch.equal(backbone.network.state_dict()["conv1.0.weight"], source.state_dict()["conv1.0.weight"])


def test_positions_depend_on_the_place_in_the_window() -> None:
    positions = sine_positions(31, 64)
    assert positions.shape == (31, 64)
    # The first pair of channels is sin and cos of index / steps * 2 pi.
    torch.testing.assert_close(positions[30, 0], torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(positions[30, 1], torch.tensor(1.0))
    distances = torch.cdist(positions, positions) + torch.eye(31) * 9
    assert distances.min() > 1e-3


def test_position_unit_step_tells_neighbours_apart() -> None:
    by_window, by_step = (sine_positions(31, 64, unit=unit) for unit in ("window", "step"))
    torch.testing.assert_close(by_step[0, 0], torch.tensor(1.0).sin())
    nearest = [(p[1:] - p[:-1]).norm(dim=1).min() for p in (by_window, by_step)]
    assert nearest[1] > 3 * nearest[0]


def test_every_query_sees_the_others_and_a_mask_bars_them() -> None:
    trunk = small_sedt().trunk
    tokens = Tokens(torch.randn(1, 9, 32), torch.randn(1, 9, 32), None, 9)
    codes = torch.randn(1, 4, 32)
    changed = codes.clone()
    changed[0, 3] += 1.0

    def change(mask: torch.Tensor | None = None) -> torch.Tensor:
        decoded = [trunk.decode(tokens, Queries(c), mask).content for c in (codes, changed)]
        return (decoded[0] - decoded[1]).abs()

    assert change()[-1, 0, 0].max() > 1e-4
    barred = change(torch.tensor([[i // 2 != j // 2 for j in range(4)] for i in range(4)]))
    assert barred[:, 0, :2].abs().max() < 1e-6
    assert barred[:, 0, 2].abs().max() > 1e-4


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_maps_have_the_layout_of_the_weights(layout: torch.memory_format) -> None:
    """`machine.channels_last = false` is obeyed; 1x1 convolutions do not tell."""
    body = Backbone("resnet10t", "random").to(memory_format=layout)
    seen: list[bool] = []
    body.network.register_forward_pre_hook(
        lambda _, given: seen.append(given[0].is_contiguous(memory_format=torch.channels_last))
    )
    body(torch.randn(2, 64, 64))
    assert seen == [layout == torch.channels_last]

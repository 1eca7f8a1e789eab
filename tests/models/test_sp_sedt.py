"""SP-SEDT: what is frozen, what queries are told, who sees whom."""

from __future__ import annotations

import pytest
import torch
from small import small_sedt

from sedt.batch import PatchPredictions
from sedt.models.backbone import Backbone
from sedt.models.sp_sedt import SPSEDT, block_of
from sedt.models.transformer import Transformer
from sedt.models.trunk import QueryPlace, Trunk

PATCHES = torch.tensor([[[0.2, 0.2], [0.5, 0.4], [0.8, 0.1]], [[0.6, 0.3], [0.3, 0.5], [0.1, 0.1]]])


def small(query_place: QueryPlace = "learned", **options: object) -> SPSEDT:
    trunk = small_sedt(query_place=query_place).trunk
    torch.manual_seed(1)
    options = {"num_queries": 6, "num_patches": 3, "crop_frames": 32, **options}
    return SPSEDT(trunk, **options).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize(("encoder_layers", "all_of_it", "trained"), [(3, 33.92, 10.46), (6, 37.86, 14.41)])
def test_size_is_the_papers(encoder_layers: int, all_of_it: float, trained: float) -> None:
    backbone = Backbone("resnet50.tv_in1k", "random")
    model = SPSEDT(Trunk(backbone, Transformer(encoder_layers=encoder_layers)))
    sizes = [(p.numel() / 1e6, p.requires_grad) for p in model.parameters()]
    assert sum(size for size, _ in sizes) == pytest.approx(all_of_it, abs=0.005)
    assert sum(size for size, trains in sizes if trains) == pytest.approx(trained, abs=0.005)


@pytest.mark.parametrize("patch_features", ["crop", "pooled"])
@pytest.mark.parametrize("query_place", ["learned", "anchor"])
def test_shapes(patch_features: str, query_place: QueryPlace) -> None:
    model = small(query_place, patch_features=patch_features)
    out = model(torch.randn(2, 200, 64), PATCHES, torch.tensor([200, 120]))
    assert out.class_logits.shape == (3, 2, 6, 2)
    assert out.spans.shape == (3, 2, 6, 2)
    assert out.reconstructions.shape == (3, 2, 6, 512)
    assert out.patch_features.shape == (2, 3, 512)
    assert out.block.tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("query_place", ["learned", "anchor"])
def test_what_a_query_says_it_has_found_in_the_clip(query_place: QueryPlace) -> None:
    """The patch is what it asks with: where no answer comes, the patch is not given back."""
    model = small(query_place)
    feature_map = torch.randn(2, 512, 13, 4)
    told = [torch.randn(2, 3, 512) for _ in range(2)]
    heard = [model.find(feature_map, features).reconstructions for features in told]
    assert not torch.allclose(*heard)
    for name, parameter in model.trunk.transformer.decoder.named_parameters():
        if name.endswith("attention.out_proj.weight"):
            parameter.data.zero_()
    heard = [model.find(feature_map, features).reconstructions for features in told]
    assert torch.equal(*heard)


@pytest.mark.parametrize("patch_features", ["crop", "pooled"])
def test_standardised_features_differ_from_patch_to_patch(patch_features: str) -> None:
    model = small(patch_features=patch_features)
    clips, patches = torch.randn(8, 200, 64), torch.rand(8, 3, 2) * 0.2 + torch.tensor([0.4, 0.1])

    def features() -> torch.Tensor:
        return model.patch_features(clips, model.feature_map(clips), patches).flatten(0, 1)

    raw = features()
    model.standardise(raw)
    standard = features()
    torch.testing.assert_close(standard.mean(0), torch.zeros(512), atol=1e-4, rtol=0)
    told = raw.std(0) > 0.11 * raw.std(0).median()  # others hardly change
    torch.testing.assert_close(standard.std(0)[told], torch.ones(int(told.sum())), atol=1e-3, rtol=0)
    torch.testing.assert_close(standard * model.feature_std + model.feature_mean, raw)
    assert features().equal(standard)


def test_a_channel_in_which_nothing_was_heard_does_not_outweigh_the_others() -> None:
    model = small(patch_features="pooled")
    heard = torch.randn(100, 512) * 0.5
    heard[:, 7] = 0.0
    heard[3, 7] = 1e-4
    model.standardise(heard)
    assert model.feature_std[7] == pytest.approx(0.1 * float(model.feature_std.median()))
    torch.testing.assert_close(model.feature_std[8:], heard[:, 8:].std(0))


def test_blocks_are_consecutive() -> None:
    assert block_of(20, 10).tolist() == [i // 2 for i in range(20)]
    assert block_of(6, 6).tolist() == list(range(6))


@pytest.mark.parametrize("patch_features", ["crop", "pooled"])
def test_no_gradient_reaches_the_frozen_backbone(patch_features: str) -> None:
    model = small(patch_features=patch_features).train()
    assert not any(m.training for m in model.trunk.backbone.modules())
    before = {k: v.clone() for k, v in model.trunk.backbone.state_dict().items()}
    out = model(torch.randn(2, 200, 64), PATCHES)
    assert not out.patch_features.requires_grad
    total = out.class_logits.sum() + out.spans.sum() + out.reconstructions.square().sum()
    total.backward()
    for name, parameter in model.named_parameters():
        inside = name.startswith("trunk.backbone.")
        assert parameter.requires_grad is not inside, name
        assert (parameter.grad is None) is inside, name
    for name, tensor in model.trunk.backbone.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def find(model: SPSEDT, told: torch.Tensor) -> PatchPredictions:
    """What the queries say, being told these features."""
    torch.manual_seed(3)
    return model.find(torch.randn(1, 512, 13, 4), told)


@pytest.mark.parametrize("block_mask", [True, False])
def test_the_mask_bars_queries_from_other_patches(block_mask: bool) -> None:
    model = small(block_mask=block_mask)
    told = torch.randn(1, 3, 512)
    other = told.clone()
    other[0, 1] += 1.0
    one, two = find(model, told).spans[-1, 0], find(model, other).spans[-1, 0]
    moved = (one - two).abs().amax(-1) > 1e-6
    assert moved[2:4].all()  # the block that was told something else
    assert moved[[0, 1, 4, 5]].any().item() is not block_mask


def test_patch_drop_is_for_training() -> None:
    told, other = torch.randn(1, 3, 512), torch.randn(1, 3, 512)
    model = small(patch_drop=1.0)
    assert not torch.allclose(find(model, told).spans, find(model, other).spans)
    model.train()
    for layer in [*model.trunk.transformer.encoder, *model.trunk.transformer.decoder]:
        for module in layer.modules():
            module.eval()
    torch.testing.assert_close(find(model, told).spans, find(model, other).spans)


def test_half_the_queries_are_dropped_at_half() -> None:
    model = small(patch_drop=0.5).train()
    torch.manual_seed(0)
    sought = model._queries(torch.randn(500, 3, 512)).sought
    assert sought is not None
    untold = sought.abs().amax(-1) == 0
    assert untold.float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert not torch.equal(untold[:, 0], untold[:, 1])  # each query for itself


def test_reconstruction_leaves_the_other_heads_alone() -> None:
    model = small()
    model(torch.randn(2, 200, 64), PATCHES).reconstructions.sum().backward()
    assert model.class_head.weight.grad is None
    assert model.trunk.boundary_head[0].weight.grad is None
    assert model.reconstruction_head[0].weight.grad is not None


def test_no_buffer_of_whole_numbers() -> None:
    """Averaging of weights averages buffers as well, and would cut them to other numbers."""
    buffers = dict(small().named_buffers())
    assert [name for name, one in buffers.items() if not one.is_floating_point() and one.dtype != torch.bool
            and "num_batches" not in name] == []  # fmt: skip

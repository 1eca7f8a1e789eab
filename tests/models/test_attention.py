"""Our attention and dropout against torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sedt.models.attention import Attention, Dropout, keep_factors


def pair(dropout: float = 0.0) -> tuple[Attention, nn.MultiheadAttention]:
    """Ours and torch's, with the same weights: names and shapes are the same."""
    torch.manual_seed(0)
    torchs = nn.MultiheadAttention(32, 4, dropout, batch_first=True)
    nn.init.normal_(torchs.in_proj_bias)
    nn.init.normal_(torchs.out_proj.bias)
    ours = Attention(32, 4, dropout)
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs


PADDING = torch.tensor([[False] * 9, [False] * 5 + [True] * 4])
BARRED = (torch.arange(7)[:, None] // 2 != torch.arange(9)[None] // 2) & (torch.arange(9) > 0)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("padding", [None, PADDING])
@pytest.mark.parametrize("barred", [None, BARRED])
def test_as_torch_s(training: bool, padding: torch.Tensor | None, barred: torch.Tensor | None) -> None:
    ours, torchs = (module.train(training) for module in pair())
    queries, keys, values = torch.randn(2, 7, 32), torch.randn(2, 9, 32), torch.randn(2, 9, 32)
    inputs = [queries, keys, values]
    gradients = []
    for attend in (
        lambda q, k, v: ours(q, k, v, padding=padding, barred=barred),
        lambda q, k, v: torchs(q, k, v, key_padding_mask=padding, attn_mask=barred, need_weights=False)[0],
    ):
        leaves = [x.clone().requires_grad_() for x in inputs]
        out = attend(*leaves)
        out.square().sum().backward()
        gradients.append([out.detach(), *(leaf.grad for leaf in leaves)])
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    for (name, mine), (_, theirs) in zip(ours.named_parameters(), torchs.named_parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-4, msg=name)


@pytest.mark.parametrize("training", [True, False])
def test_among_themselves(training: bool) -> None:
    """Queries and keys that are one tensor are projected at once."""
    ours, torchs = (module.train(training) for module in pair())
    items, values = torch.randn(2, 9, 32), torch.randn(2, 9, 32)
    wanted, _ = torchs(items, items, values, need_weights=False)
    torch.testing.assert_close(ours(items, items, values), wanted, rtol=1e-4, atol=1e-5)


def test_dropout_is_of_the_weights() -> None:
    """Values of one give back the sum of the kept weights: for a single key 0 or 1 / (1 - p)."""
    ours, _ = pair(dropout=0.3)
    with torch.no_grad():
        ours.in_proj_weight[64:] = 0
        ours.in_proj_bias[64:] = 1
        ours.out_proj.weight.copy_(torch.eye(32))
        ours.out_proj.bias.zero_()
    out = ours.train()(torch.randn(400, 1, 32), torch.randn(400, 1, 32), torch.randn(400, 1, 32))
    heads = out.reshape(400, 4, 8)
    assert heads.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert torch.equal(heads.amin(-1), heads.amax(-1))
    assert heads.mean().item() == pytest.approx(1, abs=0.1)
    assert ours.eval()(torch.randn(2, 1, 32), *torch.randn(2, 2, 1, 32)).unique().tolist() == pytest.approx(
        [1]
    )


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_so_many_are_kept(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    factors = keep_factors(torch.zeros(1000, 1001, dtype=dtype), p)
    assert factors.dtype == dtype
    kept = (factors > 0).double()
    assert kept.mean().item() == pytest.approx(1 - p, abs=0.002)
    assert factors.amax().item() == pytest.approx(1 / (1 - p), rel=0.01)
    # Neighbours, and places four apart that lie in neighbouring draws, are kept independently.
    for step in (1, 2, 3, 4):
        both = (kept[:, :-step] * kept[:, step:]).mean().item()
        assert both == pytest.approx((1 - p) ** 2, abs=0.003)


def test_dropout_keeps_the_layout_of_maps() -> None:
    """Maps in channels_last stay so; each element is drawn for itself there, too."""
    torch.manual_seed(0)
    maps = torch.ones(50, 32, 20, 8).to(memory_format=torch.channels_last)
    dropped = Dropout(0.5).train()(maps)
    assert dropped.is_contiguous(memory_format=torch.channels_last)
    kept = (dropped > 0).double()
    assert kept.mean().item() == pytest.approx(0.5, abs=0.005)
    assert dropped.unique().tolist() == [0, 2]
    for axis in range(4):
        neighbours = kept.narrow(axis, 0, kept.shape[axis] - 1) * kept.narrow(axis, 1, kept.shape[axis] - 1)
        assert neighbours.mean().item() == pytest.approx(0.25, abs=0.005)


def test_dropout_does_nothing_where_it_should_not() -> None:
    x = torch.randn(3, 5)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0).train()(x) is x
    assert not Dropout(1.0).train()(x).any()
    assert Dropout(0.5).train()(torch.zeros(0, 3)).shape == (0, 3)


def test_dropout_follows_the_seed() -> None:
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(Dropout(0.5).train()(torch.ones(100)))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])

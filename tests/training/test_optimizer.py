"""Schedules by hand; learning rates by part."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sedt.config import OptimizerConfig
from sedt.training.optimizer import learning_rates, make_optimizer, schedule_factor


def factor(step: int, **settings: object) -> float:
    return schedule_factor(OptimizerConfig.model_validate(settings), steps_per_epoch=10)(step)


def test_steps_drop_by_ten_every_so_many_epochs() -> None:
    settings = {"epochs": 300, "schedule": "steps", "drop_every": 200}
    assert [factor(s, **settings) for s in (0, 1999, 2000, 2999)] == pytest.approx([1, 1, 0.1, 0.1])


def test_cosine_goes_to_zero() -> None:
    settings = {"epochs": 4, "schedule": "cosine"}
    assert [factor(s, **settings) for s in (0, 20, 40)] == pytest.approx([1, 0.5, 0])


def test_warmup_rises_in_a_line() -> None:
    settings = {"schedule": "constant", "warmup_steps": 4}
    assert [factor(s, **settings) for s in (0, 1, 4, 50)] == pytest.approx([0.2, 0.4, 1, 1])


def test_backbone_has_its_own_rate_and_frozen_parts_are_left_out() -> None:
    network = nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2), "still": nn.Linear(2, 2)})
    network["still"].requires_grad_(False)
    config = OptimizerConfig(learning_rate=1e-3, backbone_learning_rate=1e-4)
    optimizer = make_optimizer(network, network["backbone"], config)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 1e-4]
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert trained == {id(p) for name in ("head", "backbone") for p in network[name].parameters()}
    assert isinstance(optimizer, torch.optim.AdamW)
    adam = make_optimizer(network, network["backbone"], config, "adam_amsgrad")
    assert isinstance(adam, torch.optim.Adam)
    assert adam.defaults["amsgrad"]


def test_rates_are_told_where_they_differ() -> None:
    network = nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    one = OptimizerConfig(learning_rate=1e-3)
    two = OptimizerConfig(learning_rate=1e-3, backbone_learning_rate=1e-4)
    assert learning_rates(make_optimizer(network, network["backbone"], one)) == {"learning_rate": 1e-3}
    both = learning_rates(make_optimizer(network, network["backbone"], two))
    assert both == {"learning_rate": 1e-3, "backbone_learning_rate": 1e-4}
    plain = torch.optim.SGD(network.parameters(), lr=0.5)  # as a checkpoint of an older version leaves it
    assert learning_rates(plain) == {"learning_rate": 0.5}

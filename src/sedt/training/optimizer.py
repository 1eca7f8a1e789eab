"""Optimiser and learning-rate schedule of a stage."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from sedt.config import OptimizerConfig

BACKBONE, TRANSFORMER, REST = "backbone", "transformer", "rest"
"""Names of the groups of weights that may have rates of their own."""


def make_optimizer(
    network: nn.Module,
    backbone: nn.Module | None,
    config: OptimizerConfig,
    name: str = "adamw",
    trunk: nn.Module | None = None,
) -> Optimizer:
    """AdamW, Adam with amsgrad, or RAdam; backbone and the rest of the trunk may have rates of their own."""
    parts: list[tuple[str, nn.Module, float]] = []
    if backbone is not None:
        parts.append((BACKBONE, backbone, config.backbone_learning_rate or config.learning_rate))
    own = getattr(config, "transformer_learning_rate", None)
    if trunk is not None and own is not None:
        parts.append((TRANSFORMER, trunk, own))
    parts.append((REST, network, config.learning_rate))
    taken: set[int] = set()
    groups: list[dict[str, Any]] = []
    for what, module, rate in parts:
        trained = [p for p in module.parameters() if p.requires_grad and id(p) not in taken]
        taken.update(map(id, trained))
        groups.append({"params": trained, "lr": rate, "name": what})
    groups = [group for group in reversed(groups) if group["params"]]
    options: dict[str, Any] = {"weight_decay": config.weight_decay, "fused": True}  # quicker, CPUs included
    optimizer: Optimizer
    if name == "radam":
        optimizer = torch.optim.RAdam(groups, weight_decay=config.weight_decay, decoupled_weight_decay=True)
    elif name == "adam_amsgrad":
        optimizer = torch.optim.Adam(groups, amsgrad=True, **options)
    else:
        optimizer = torch.optim.AdamW(groups, **options)
    # Lightning takes this as a sign that gradients come scaled and must not be clipped; ours never are.
    optimizer._step_supports_amp_scaling = False  # type: ignore[union-attr]
    return optimizer


def learning_rates(optimizer: Optimizer) -> dict[str, float]:
    """`learning_rate`, and those of backbone and transformer where they differ from it."""
    # Checkpoints of older versions have groups without names.
    rates = {group.get("name", REST): float(group["lr"]) for group in optimizer.param_groups}
    main = rates.get(REST, float(optimizer.param_groups[0]["lr"]))
    own = {f"{name}_learning_rate": rate for name, rate in rates.items() if name != REST and rate != main}
    return {"learning_rate": main, **own}


def make_schedule(optimizer: Optimizer, config: OptimizerConfig, steps_per_epoch: int) -> LambdaLR:
    """Factor on the learning rate of each optimiser step."""
    return LambdaLR(optimizer, schedule_factor(config, steps_per_epoch))


def schedule_factor(config: OptimizerConfig, steps_per_epoch: int) -> Callable[[int], float]:
    """Step -> factor: a linear rise over `warmup_steps`, times the schedule.

    Steps end where one-to-many matching begins (as on URBAN-SED).
    """
    total = config.epochs * steps_per_epoch
    fixed_from = getattr(config, "one_to_many_from", None)
    last = total if fixed_from is None else fixed_from * steps_per_epoch

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / (config.warmup_steps + 1))
        if config.schedule == "cosine":
            return rise * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))
        if config.schedule == "steps":
            return rise * float(0.1 ** (min(step, last) // (config.drop_every * steps_per_epoch)))
        return rise

    return factor

"""Lightning's Trainer as every stage uses it."""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    RichProgressBar,
)
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console
from torch.utils.data import DataLoader

import sedt.build as build
from sedt.config import MachineConfig, OptimizerConfig
from sedt.data.sampler import GroupBatchSampler
from sedt.errors import InputError
from sedt.training.callbacks import Finite, LastIsValidated, StepSeed
from sedt.training.checkpoint import Checkpoints, PlainFiles, find_checkpoint
from sedt.training.journal import Journal
from sedt.training.loaders import told_by_workers
from sedt.training.means import EpochMeans
from sedt.training.selection import Score, Selection
from sedt.training.signals import StopSignals


@dataclass(frozen=True)
class Devices:
    """How many of what."""

    accelerator: str = "auto"
    devices: int | str = "auto"
    nodes: int = 1


@dataclass(frozen=True)
class StageRun:
    """Where a stage runs and how it is watched."""

    stage: str
    folder: Path
    """The run's folder; the stage keeps its files in a folder of its name below it."""
    seed: int
    machine: MachineConfig
    devices: Devices
    console: Console
    signals: StopSignals = field(default_factory=StopSignals)

    @property
    def stage_folder(self) -> Path:
        """Checkpoints and best weights."""
        return self.folder / self.stage


def is_first_process() -> bool:
    """Whether this is the only process of a run, or the one that writes for all."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


def is_one_of_many() -> bool:
    """Whether `srun`, `torchrun` or `mpirun` has started other processes of this run beside this one.

    Those that Lightning starts itself come later, with the first stage.
    """
    sizes = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")
    return any(os.environ.get(name, "").strip() not in {"", "0", "1"} for name in sizes)


def fit(
    run: StageRun,
    module: L.LightningModule,
    config: OptimizerConfig,
    train: DataLoader[Any],
    validation: DataLoader[Any] | None,
    *,
    monitor: str,
    score: Score | None,
    resume: bool = False,
) -> Selection:
    """Train one stage; its best weights lie in `best_file` of what is returned."""
    selection = Selection(run.stage_folder, monitor, score if validation is not None else None)
    found = find_checkpoint(run.stage_folder, run.console, remove=is_first_process()) if resume else None
    if found is not None and found.batches != len(train):
        raise InputError(
            f"{found.file}: made with {found.batches} batches an epoch, now there are {len(train)}: the data "
            f"has changed; remove {run.stage_folder} to run this stage from its start"
        )
    with warnings.catch_warnings():
        _quiet()
        trainer = _trainer(run, config, _callbacks(run, config, selection))
        _share(train, trainer, found.position if found else (0, 0))
        start = found.file if found else None
        try:
            with told_by_workers():
                trainer.fit(module, train, validation, ckpt_path=start, weights_only=True)
        except SystemExit as stop:
            if isinstance(stop.__context__, KeyboardInterrupt):  # which Lightning turns into exit code 1
                raise KeyboardInterrupt from None
            raise
        trainer.strategy.barrier()  # all processes read what the first has written
    return selection


def _callbacks(run: StageRun, config: OptimizerConfig, selection: Selection) -> list[Callback]:
    """In the order in which they must be called; Lightning itself puts checkpoints at the end."""
    callbacks: list[Callback] = [selection]
    if config.ema_decay is not None:
        # It is set up before the module has moved, and would stay on the CPU.
        callbacks.append(EMAWeightAveraging(device_of(run.devices), decay=config.ema_decay))
    if config.patience is not None and selection.score is None:
        run.console.print(f"note: {run.stage}.patience: no validation clips to be patient with")
    elif config.patience is not None:
        callbacks.append(EarlyStopping(selection.monitor, mode="max", patience=config.patience))
    means = EpochMeans()
    machine = run.machine
    callbacks += [
        StepSeed(run.seed),
        Finite(),
        LastIsValidated(),
        means,
        Journal(run.folder / "metrics.csv", run.stage, means, run.console),
        Checkpoints(run.stage_folder, run.signals, machine.checkpoint_minutes, machine.checkpoint_steps),
    ]
    if run.console.is_terminal:
        callbacks.append(RichProgressBar())
    return callbacks


def _share(train: DataLoader[Any], trainer: L.Trainer, start: tuple[int, int]) -> None:
    """Tell the sampler where training stands and which part of each batch is this process's.

    Lightning may ask for batches before it has read the checkpoint, so `start` is told apart from it.
    """
    sampler = train.batch_sampler
    if isinstance(sampler, GroupBatchSampler):
        sampler.position = lambda: max(start, (trainer.current_epoch, 0))
        sampler.rank, sampler.world_size = trainer.global_rank, trainer.world_size
        clips = sum(sampler.per_batch[group] for group in sampler.groups)
        if clips < trainer.world_size:
            raise InputError(f"a batch of {clips} clips cannot be shared by {trainer.world_size} processes")


def device_of(devices: Devices) -> torch.device:
    """Of this process: Lightning has chosen among several GPUs when callbacks are set up."""
    on_gpu = devices.accelerator != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if on_gpu else "cpu")


def _trainer(run: StageRun, config: OptimizerConfig, callbacks: list[Callback]) -> L.Trainer:
    return L.Trainer(
        accelerator=run.devices.accelerator,
        devices=run.devices.devices,
        num_nodes=run.devices.nodes,
        strategy="auto",
        precision="bf16-mixed"
        if build.uses_bfloat16(run.machine.precision, device_of(run.devices))
        else "32-true",
        max_epochs=config.epochs,
        accumulate_grad_batches=config.accumulate,
        gradient_clip_val=config.gradient_norm,
        check_val_every_n_epoch=config.validate_every,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        logger=False,
        plugins=_plugins(),
        enable_progress_bar=run.console.is_terminal,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=run.folder,
    )


def _plugins() -> list[Any]:
    """Under SLURM no checkpoints of Lightning's own on SIGUSR1: ours, on SIGTERM, are the exact ones."""
    slurm = [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []
    return [PlainFiles(), *slurm]


def _quiet() -> None:
    """Hide hints that don't concern users: our loaders and loggers are chosen on purpose."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    for message in (
        ".*module.s. in eval mode at the start of training.*",  # frozen batch norms
        ".*does not have many workers.*",
        ".*number of training batches.*",
        ".*have no `val_dataloader`.*",  # a recipe may have no validation clips
        ".*isinstance.*LeafSpec.*",
        ".*your dataloader is not resumable.*",  # our sampler is
    ):
        warnings.filterwarnings("ignore", message=message)

"""Data loaders of the stages."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, Subset

from sedt.batch import Clip, PatchClip, collate, collate_patches
from sedt.config import MachineConfig
from sedt.data.clips import TrainingClips, WindowClips
from sedt.data.sampler import GroupBatchSampler
from sedt.data.unlabelled import PatchClips
from sedt.errors import InputError


def training_loader(
    clips: TrainingClips, sampler: GroupBatchSampler, machine: MachineConfig
) -> DataLoader[Clip]:
    """Batches in the sampler's order."""
    return DataLoader(clips, batch_sampler=sampler, **_options(machine))


def window_loader(clips: WindowClips, machine: MachineConfig) -> DataLoader[Clip]:
    """Windows in order."""
    return DataLoader(clips, batch_size=machine.eval_batch_size, shuffle=False, **_options(machine))


def patch_loader(
    clips: PatchClips, sampler: GroupBatchSampler, machine: MachineConfig
) -> DataLoader[PatchClip]:
    """Batches of clips without labels, in the sampler's order."""
    return DataLoader(clips, batch_sampler=sampler, **_options(machine, collate_patches))


def patch_sample_loader(clips: PatchClips, at_most: int, machine: MachineConfig) -> DataLoader[PatchClip]:
    """Evenly spread clips, `at_most` of them, the same each time."""
    number = min(len(clips), at_most)
    chosen = Subset(clips, [i * len(clips) // number for i in range(number)])
    return DataLoader(
        chosen, batch_size=machine.eval_batch_size, shuffle=False, **_options(machine, collate_patches)
    )


@contextmanager
def told_by_workers() -> Iterator[None]:
    """What is wrong with a file as its reader said it, though a worker read it.

    Torch hands on an error of a worker as the text of its traceback, whose last lines are the message.
    """
    try:
        yield
    except InputError as error:
        told = str(error)
        if "Traceback (most recent call last)" not in told:
            raise
        raise InputError(told.rpartition(f"{InputError.__name__}: ")[2].strip()) from None


def _options(machine: MachineConfig, collate_fn: Callable[..., Any] = collate) -> dict[str, Any]:
    workers = machine.workers
    return {
        "collate_fn": collate_fn,
        "num_workers": workers,
        "persistent_workers": workers > 0,
        # Forked, a worker has one thread, and can be deaf to signals from its start.
        "multiprocessing_context": "fork" if workers and sys.platform == "linux" else None,
        "worker_init_fn": _stay_until_the_end if workers else None,
        "pin_memory": torch.cuda.is_available(),
    }


def _stay_until_the_end(worker: int) -> None:
    """Ctrl-C and clusters signal many processes at once; workers must live until training has stopped.

    They leave the process group, and SIGTERM ends them only if the process that started them sends it. They
    end with that process, however it ends: torch's workers look for it.
    """
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    if hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # of this thread, and so of the next
        threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)

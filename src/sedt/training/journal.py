"""`metrics.csv`: one row per epoch of each stage, without doubled or lost rows after a resume."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from rich.console import Console

from sedt.files import write_text
from sedt.training.means import EpochMeans
from sedt.training.optimizer import learning_rates

Row = dict[str, Any]


class Journal(Callback):
    """Writes rows at the end of each epoch, and says them in a line where no progress bar can be shown.

    Rows of this stage travel in the checkpoint, so that what a resumed run repeats is not written twice.
    """

    def __init__(self, file: Path, stage: str, means: EpochMeans, console: Console) -> None:
        self.file, self.stage, self.means, self.console = file, stage, means, console
        self.rows: list[Row] = []
        self._others = [row for row in read_rows(file) if row["stage"] != stage]
        self._start = time.monotonic()
        self._before = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """An epoch that goes on has been running for a while; a new one starts the clock itself."""
        self._start = time.monotonic() - self._before

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the epoch's row."""
        values = {
            name: round(float(value), 6)
            for name, value in trainer.callback_metrics.items()
            if name != "train_loss" and _validated(trainer)
        }
        values |= {name: round(value, 6) for name, value in self.means.means(trainer).items()}
        rates = {name: float(f"{rate:.4g}") for name, rate in learning_rates(trainer.optimizers[0]).items()}
        epoch = trainer.current_epoch
        self.rows = [row for row in self.rows if row["epoch"] < epoch]
        seconds = round(time.monotonic() - self._start, 1)
        place = {"stage": self.stage, "epoch": epoch, "step": trainer.global_step, "seconds": seconds}
        self.rows.append({**place, **values, **rates})
        if not trainer.is_global_zero:
            return
        write_text(self.file, _csv(self._others + self.rows))
        if not self.console.is_terminal:
            shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            self.console.print(
                f"{self.stage} epoch {epoch + 1}/{trainer.max_epochs} ({seconds:g} s)  {shown}"
            )

    def state_dict(self) -> dict[str, Any]:
        """Goes into the checkpoint."""
        return {"rows": self.rows, "seconds": time.monotonic() - self._start}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Comes from the checkpoint."""
        self.rows = state_dict["rows"]
        self._before = state_dict["seconds"]


def _validated(trainer: L.Trainer) -> bool:
    """Whether this epoch ended with a validation; else its scores are an earlier epoch's."""
    every = trainer.check_val_every_n_epoch
    return every is not None and (trainer.current_epoch + 1) % every == 0


def read_rows(file: Path) -> list[Row]:
    """Rows of a `metrics.csv`, as text; none where the file is not there."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _csv(rows: list[Row]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

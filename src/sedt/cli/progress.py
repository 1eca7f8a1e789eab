"""How far the work on many recordings is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sedt.bulk import Result, Source, Workload

if TYPE_CHECKING:
    from rich.console import Console

LINE_EVERY_S = 30.0
"""Seconds between two lines where there is no terminal."""
_BAR_EVERY_S = 0.2


class Display(Workload):
    """Says on `console` what is done and left, for as long as it is entered."""

    def __init__(self, console: Console, on_finished: Callable[[Source, Result], None] | None = None) -> None:
        super().__init__()
        self._console, self._on_finished = console, on_finished
        self._bar = _Bar(console) if console.is_terminal else None
        self._said_at = time.monotonic()
        self.has_said = False
        """Whether a line was printed: then it took long enough for somebody to wait for it."""

    def __enter__(self) -> Display:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def started(self, source: Source, from_s: float) -> None:
        """A new recording."""
        super().started(source, from_s)
        if self._bar:
            self._bar.name(source.name)

    def heard(self, source: Source, seconds: float) -> None:
        """So much more audio."""
        super().heard(source, seconds)
        self._show()

    def finished(self, source: Source, result: Result) -> None:
        """One more recording is done."""
        super().finished(source, result)
        if self._on_finished:
            self._on_finished(source, result)
        self._show()

    def failed(self, source: Source, reason: str) -> None:
        """One is not to be done."""
        super().failed(source, reason)
        self._show()

    def summary(self) -> str:
        """How fast it was."""
        factor = self.elapsed_s / self.heard_s
        took = f"{audio(self.heard_s)} of audio in {clock(self.elapsed_s)}"
        return f"{took}: {self.speed:.1f} x real time (real-time factor {factor:.3f})"

    def _show(self) -> None:
        every_s = _BAR_EVERY_S if self._bar else LINE_EVERY_S
        if time.monotonic() - self._said_at < every_s:
            return
        self._said_at = time.monotonic()
        total_s = self.done_s + self.left_s
        done = f"{audio(self.done_s)} of {audio(total_s)}"
        left = f"{clock(self.left_s / self.speed)} left" if self.speed else ""
        if self._bar:  # a terminal of 80 columns shows all of it
            self._bar.show(self, f"{done}, {self.speed:.1f} x", left)
            return
        files = f"{self.num_done} of {self.num_files} recordings"
        share = f"{100 * self.done_s / max(total_s, 1e-9):.0f} %"
        self._console.print(f"{done} of audio ({share}), {files}, {self.speed:.1f} x real time, {left}")
        self.has_said = True


class _Bar:
    """Of audio, with the recording that was begun last."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=10),
            *(TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("files", "done", "left")),
            console=console,
            transient=True,
            # A table that goes to a file must get there; one on the terminal goes above the bar.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._bar.add_task("", total=None, files="", done="", left="")
        self.start, self.stop = self._bar.start, self._bar.stop

    def name(self, text: str) -> None:
        self._bar.update(self._task, description=text[-16:])

    def show(self, work: Workload, done: str, left: str) -> None:
        self._bar.update(
            self._task,
            total=work.done_s + work.left_s,
            completed=work.done_s,
            files=f"{work.num_done}/{work.num_files}",
            done=done,
            left=left,
        )


def audio(seconds: float) -> str:
    """A length of audio for people."""
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"

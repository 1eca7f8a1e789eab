"""Scenes of the mixer written to a folder, with their label files (`sedt synth`)."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sedt.audio import WRITABLE, write_audio
from sedt.data.mixer import SceneMixer, scene_name
from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import load_json, write_text
from sedt.formats.dcase import read_strong, write_durations, write_strong, write_unlabelled, write_weak

SETTINGS = "scenes.json"
TABLES = ("strong.tsv", "weak.tsv", "unlabelled.tsv", "durations.tsv")


def write_scenes(
    mixer: SceneMixer,
    folder: Path,
    *,
    suffix: str = ".flac",
    workers: int = 1,
    overwrite: bool = False,
    after_scene: Callable[[], None] | None = None,
) -> EventTable:
    """Write all scenes of `mixer`; returns their events by file name.

    `folder` gets audio/scene_00000.flac ..., the tables strong.tsv, weak.tsv, unlabelled.tsv and
    durations.tsv, and the settings. The tables come last: with them the folder is finished and is left as it
    is the next time. A run that was cut off goes on: audio that is there stays. The same settings give the
    same samples and the same bytes in the tables.

    Args:
        mixer: makes the scenes; with several workers each has its own copy.
        folder: made if it isn't there.
        suffix: `.flac`, `.wav` or `.ogg`.
        workers: processes.
        overwrite: replace scenes in `folder`, of whatever settings.
        after_scene: called after every scene.

    Raises:
        InputError: another suffix, `folder` holds scenes of other settings, a file cannot be read or written.
    """
    if suffix not in WRITABLE:
        raise InputError(f"scenes are written as {', '.join(WRITABLE)}, not {suffix!r}")
    if _prepare(folder, _settings(mixer, suffix), overwrite):
        return read_strong(folder / "strong.tsv")
    job = _Job(mixer, folder, suffix)
    table: dict[str, list[Event]] = {}
    with _mapping(job, workers) as results:
        for index, events in enumerate(results):
            table[scene_name(index) + suffix] = events
            if after_scene is not None:
                after_scene()
    _write_tables(folder, table, mixer)
    return table


def summary(table: EventTable) -> str:
    """A few lines on a set of scenes: how many, events by class, lengths of events."""
    events = [event for scene in table.values() for event in scene]
    empty = sum(1 for scene in table.values() if not scene)
    lines = [f"{len(table)} scenes ({empty} without events), {len(events)} events"]
    for label in sorted({event.label for event in events}):
        lines.append(f"  {label}: {sum(event.label == label for event in events)}")
    if events:
        quantiles = np.quantile([event.duration for event in events], [0, 0.1, 0.5, 0.9, 1])
        names = ("shortest", "10 %", "median", "90 %", "longest")
        lengths = (f"{name} {value:.2f}" for name, value in zip(names, quantiles, strict=True))
        lines.append("event length in s: " + ", ".join(lengths))
    return "\n".join(lines)


class _Job:
    """Writes one scene; goes to the worker processes."""

    def __init__(self, mixer: SceneMixer, folder: Path, suffix: str) -> None:
        self.mixer, self.folder, self.suffix = mixer, folder, suffix

    def __call__(self, index: int) -> list[Event]:
        """The events of scene `index`, whose audio is there afterwards."""
        path = self.folder / "audio" / (scene_name(index) + self.suffix)
        if path.exists():
            return self.mixer.events(index)
        scene = self.mixer.scene(index)
        write_audio(path, scene.waveform, self.mixer.sample_rate)
        return scene.events


@contextmanager
def _mapping(job: _Job, workers: int) -> Iterator[Iterator[list[Event]]]:
    """Results of `job` for every scene, in order."""
    indices = range(len(job.mixer))
    if workers <= 1:
        yield map(job, indices)
        return
    # Spawned, not forked: a fork of a process with threads (a notebook, a server) can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(job,)) as pool:
        yield pool.map(_run_in_worker, indices, chunksize=4)


_worker_job: _Job | None = None


def _start_worker(job: _Job) -> None:
    global _worker_job  # set once per process, so that decoded sounds are kept between scenes
    _worker_job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """Workers would wait forever for one that a signal has ended. Scenes are renamed when they are whole."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_in_worker(index: int) -> list[Event]:
    if _worker_job is None:
        raise RuntimeError("the worker process was not initialised")
    return _worker_job(index)


def _settings(mixer: SceneMixer, suffix: str) -> dict[str, Any]:
    scenes = mixer.config.model_dump(mode="json")
    made_of = mixer.fingerprint()
    return {"sample_rate": mixer.sample_rate, "suffix": suffix, "scenes": scenes, "made_of": made_of}


def _prepare(folder: Path, settings: dict[str, Any], overwrite: bool) -> bool:
    """Make the folder ready; True if it is finished already."""
    record = folder / SETTINGS
    if record.exists() and not overwrite:
        before = {"made_of": settings["made_of"], **_read_settings(record)}  # older ones have none
        if before == settings and all((folder / name).exists() for name in TABLES):
            return True
        if not _may_continue(before, settings):
            raise InputError(
                f"{folder}: holds scenes of other settings or sounds ({SETTINGS}); "
                "replace them with --overwrite"
            )
    elif not overwrite and any((folder / "audio").glob("*")):
        raise InputError(f"{folder}: holds audio that is not of `sedt synth`; give another folder")
    if overwrite and record.exists():
        for suffix in WRITABLE:
            for path in (folder / "audio").glob(f"scene_*{suffix}"):
                path.unlink()
    for name in TABLES:
        (folder / name).unlink(missing_ok=True)
    write_text(record, json.dumps(settings, indent=2) + "\n")
    return False


def _read_settings(record: Path) -> dict[str, Any]:
    settings = load_json(record)
    return settings if isinstance(settings, dict) else {}


def _may_continue(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Same settings, or the same with more scenes: what was written is the beginning of what is wanted."""
    scenes = before.get("scenes")
    if not isinstance(scenes, dict) or not isinstance(number := scenes.get("num_scenes"), int):
        return False
    more = {**before, "scenes": {**scenes, "num_scenes": now["scenes"]["num_scenes"]}}
    return number <= now["scenes"]["num_scenes"] and more == now


def _write_tables(folder: Path, table: EventTable, mixer: SceneMixer) -> None:
    duration_s = mixer.num_samples / mixer.sample_rate
    names: Sequence[str] = list(table)
    write_unlabelled(folder / "unlabelled.tsv", names)
    write_durations(folder / "durations.tsv", dict.fromkeys(names, duration_s))
    write_weak(folder / "weak.tsv", {n: sorted({e.label for e in table[n]}) for n in names})
    write_strong(folder / "strong.tsv", table)

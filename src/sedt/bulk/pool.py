"""Recordings by worker processes. One that dies costs its recording alone, and another takes its place.

The executors of the standard library give up all that is waiting when one process dies; so each worker has a
pipe of its own, and is sent one recording at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from sedt.bulk.job import Failure, Job, Result, Watcher
from sedt.bulk.recording import detect_recording
from sedt.bulk.sources import Source
from sedt.errors import InputError

STOP_S = 30.0
"""Seconds that workers have to note how far they are, when the work is interrupted."""

_SPAWN = multiprocessing.get_context("spawn")

Finish = Callable[[Source, Result | Failure], None]


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection[Any, Any]
    source: Source | None = None


def detect_in_workers(
    job: Job, run: str, sources: Sequence[Source], num_workers: int, watcher: Watcher, finish: Finish
) -> None:
    """Detect in all recordings; `finish` is called with each as it is done.

    On an interrupt the workers note how far they are, and `finish` still gets what they had done.

    Raises:
        InputError: a result cannot be written, the model cannot be loaded, or no worker lives.
    """
    waiting, num_threads = deque(sources), max(1, (os.cpu_count() or 1) // num_workers)
    workers = [_start(job, run, num_threads) for _ in range(min(num_workers, len(waiting)))]
    try:
        while workers:
            for worker in _with_news(workers):
                if not _take(worker, waiting, watcher, finish):
                    workers.remove(worker)
                    if worker.source is not None and waiting:
                        workers.append(_start(job, run, num_threads))
        if waiting:
            raise InputError("worker processes end before they begin: fewer --workers need less memory")
    finally:
        _stop(workers, finish)


def _with_news(workers: list[_Worker]) -> list[_Worker]:
    ready = wait([worker.pipe for worker in workers])
    return [worker for worker in workers if worker.pipe in ready]


def _take(worker: _Worker, waiting: deque[Source], watcher: Watcher, finish: Finish) -> bool:
    """What a worker says. Whether it goes on."""
    try:
        kind, value = worker.pipe.recv()
    except (EOFError, OSError):
        return _bury(worker, finish)
    if kind == "started":
        watcher.started(_source(worker), value)
    elif kind == "heard":
        watcher.heard(_source(worker), value)
    elif kind == "cannot":
        raise InputError(value)
    else:  # ready, or done with a recording
        if kind == "done":
            finish(_source(worker), value)
        worker.source = waiting.popleft() if waiting else None
        with suppress(OSError):  # it died meanwhile: its pipe tells
            worker.pipe.send(worker.source)
    return True


def _source(worker: _Worker) -> Source:
    assert worker.source is not None
    return worker.source


def _bury(worker: _Worker, finish: Finish) -> bool:
    """A worker that is gone: sent away, or dead."""
    worker.process.join()
    worker.pipe.close()
    if worker.source is not None:
        code = worker.process.exitcode or 0
        how = f"signal {-code}{_HINTS.get(-code, '')}" if code < 0 else f"exit code {code}"
        finish(worker.source, Failure(f"{worker.source.path}: its worker process ended ({how})"))
    return False


_HINTS = {9: ": killed, or out of memory", 11: ": a crash in a library", 15: ": terminated"}


def _start(job: Job, run: str, num_threads: int) -> _Worker:
    pipe, other = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(other, job, run, num_threads), daemon=True)
    with _no_interrupt():
        process.start()
    other.close()  # or the end of the process would not be the end of the pipe
    return _Worker(process, pipe)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Ctrl-C in a terminal reaches all processes: a worker begins deaf to it, and is told by its parent."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(workers: list[_Worker], finish: Finish) -> None:
    """Let workers note how far they are; what they had finished counts."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        with suppress(EOFError, OSError):
            while worker.pipe.poll(STOP_S):
                kind, value = worker.pipe.recv()
                if kind == "done" and isinstance(value, Result):
                    finish(_source(worker), value)
        worker.process.join(STOP_S)
        worker.process.kill()
        worker.process.join()


def _work(pipe: Connection[Any, Any], job: Job, run: str, num_threads: int) -> None:
    """A worker's life: it asks for a recording until there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ["OMP_NUM_THREADS"] = str(num_threads)  # torch is imported with the model, if it needs it

    def tell(kind: str, value: Any = None) -> None:
        try:
            pipe.send((kind, value))
        except OSError as error:  # the parent is dead
            raise KeyboardInterrupt from error

    with suppress(KeyboardInterrupt, EOFError, OSError):
        try:
            detector = job.load()
            tell("ready")
            while (source := pipe.recv()) is not None:
                tell("done", detect_recording(detector, job, run, source, *_tellers(tell)))
        except InputError as error:
            tell("cannot", str(error))


def _tellers(tell: Callable[[str, Any], None]) -> list[Callable[[float], None]]:
    return [lambda value: tell("started", value), lambda value: tell("heard", value)]


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt

"""A server under load: many clients on loopback, each answer compared with what `Detector.detect` finds.

Goals: which statuses come, how long answers take, whether memory stays, whether batches change results.
Non-goals: the most that a machine can do; clients and server share it here.

    python benchmarks/serve.py --clients 64 --seconds 120
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from typing import Any

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from sedt.audio import read_audio
from sedt.detector import load
from sedt.events import Event

RECORDING = Path(str(files("sedt") / "bundled" / "recording" / "recording.ogg"))
MEMORY_EVERY_S = 5.0


@dataclass(frozen=True)
class Sent:
    """A recording as it is sent, and what the detector finds in it."""

    name: str
    body: bytes
    seconds: float
    events: list[Event]


@dataclass
class Measured:
    """What all clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    """Of answers with status 200."""
    score_difference: float = 0.0
    time_difference_s: float = 0.0
    num_other_events: int = 0
    """Answers with another number of events, or other labels."""
    audio_s: float = 0.0
    memory_mb: list[float] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def compare(self, sent: Sent, entries: list[dict[str, Any]]) -> None:
        """An answer with the detector's events."""
        if [one["event_label"] for one in entries] != [event.label for event in sent.events]:
            self.num_other_events += 1
            return
        for one, event in zip(entries, sent.events, strict=True):
            self.score_difference = max(self.score_difference, abs(one["score"] - (event.score or 0)))
            edges = abs(one["onset"] - event.onset), abs(one["offset"] - event.offset)
            self.time_difference_s = max(self.time_difference_s, *edges)


def recordings(folder: Path) -> list[Sent]:
    """The bundled recording whole, in parts, three times over; in other containers and rates."""
    detector, made = load("demo"), []
    whole = read_audio(RECORDING, 44_100)
    parts = {
        "whole.flac": (whole, 44_100),
        "part.wav": (whole[44_100 * 4 : 44_100 * 13], 44_100),
        "minute.flac": (np.tile(read_audio(RECORDING, 16_000), 3), 16_000),
        "high.wav": (read_audio(RECORDING, 48_000)[: 48_000 * 7], 48_000),
    }
    for name, (samples, rate) in parts.items():
        soundfile.write(folder / name, samples, rate)
    for path in (RECORDING, *(folder / name for name in parts)):
        head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
        body = BytesIO(head.encode() + path.read_bytes() + b"\r\n--b--\r\n").getvalue()
        made.append(Sent(path.name, body, detector.duration_s(path), detector.detect(path)))
    return made


def client(number: int, port: int, sent: Sequence[Sent], until: float, measured: Measured) -> None:
    """Send one recording after another; on 503 wait as long as the server says."""
    turn = number
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    while time.monotonic() < until:
        one, start, wait_s = sent[turn % len(sent)], time.monotonic(), 0.0
        turn += 1
        try:
            connection.request(
                "POST", "/detect", one.body, {"Content-Type": "multipart/form-data; boundary=b"}
            )
            response = connection.getresponse()
            text, status = response.read(), str(response.status)
            wait_s = float(response.headers.get("Retry-After", 0))
        except (OSError, HTTPException) as error:
            text, status = b"", type(error).__name__
            connection.close()
        with measured.lock:
            measured.statuses[status] += 1
            if status == "200":
                measured.latencies_s.append(time.monotonic() - start)
                measured.audio_s += one.seconds
                measured.compare(one, json.loads(text)["events"])
        time.sleep(min(wait_s, max(0.0, until - time.monotonic())))
    connection.close()


def watch_memory(pid: int, until: float, measured: Measured) -> None:
    """RSS of the server, now and then."""
    while time.monotonic() < until:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        measured.memory_mb.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        time.sleep(MEMORY_EVERY_S)


def run(clients: int, seconds: float, options: Sequence[str]) -> Measured:
    """Start a server, load it, stop it."""
    measured = Measured()
    with TemporaryDirectory() as folder:
        sent = recordings(Path(folder))
    code = "from sedt.cli.main import run; run()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--port", "0", *options], stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    try:
        port = int(json.loads(server.stderr.readline())["url"].rstrip("/").rpartition(":")[2])
        Thread(target=server.stderr.read, daemon=True).start()  # or its log would fill the pipe
        until = time.monotonic() + seconds
        memory = Thread(target=watch_memory, args=(server.pid, until, measured))
        memory.start()
        with ThreadPoolExecutor(clients) as threads:
            for number in range(clients):
                threads.submit(client, number, port, sent, until, measured)
        memory.join()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    return measured


def show(measured: Measured, clients: int, seconds: float) -> None:
    """A table."""
    table = Table(title=f"{clients} clients for {seconds:g} s, bundled model, {os.cpu_count()} CPU cores")
    table.add_column("what")
    table.add_column("value", justify="right")
    latencies = np.array(measured.latencies_s or [np.nan])
    memory = measured.memory_mb
    third = max(1, len(memory) // 3)
    rows = {
        **{f"answers {status}": str(count) for status, count in sorted(measured.statuses.items())},
        "audio": f"{measured.audio_s / seconds:.0f} s per second",
        "latency of 200, median": f"{np.percentile(latencies, 50):.2f} s",
        "latency of 200, 95 %": f"{np.percentile(latencies, 95):.2f} s",
        "answers with other events than offline": str(measured.num_other_events),
        "largest difference of a score": f"{measured.score_difference:.1e}",
        "largest difference of a time": f"{measured.time_difference_s * 1000:.1e} ms",
        "server's memory, before the first request": f"{memory[0]:.0f} MB",
        "server's memory, mean of the second third": f"{np.mean(memory[third : 2 * third]):.0f} MB",
        "server's memory, mean of the last third": f"{np.mean(memory[-third:]):.0f} MB",
        "server's memory, most": f"{max(memory):.0f} MB",
    }
    for row in rows.items():
        table.add_row(*row)
    Console().print(table)


def main() -> None:
    """Measure and print; what stands behind `--` goes to `sedt serve`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("options", nargs="*", help="of `sedt serve`, behind `--`")
    given = parser.parse_args()
    measured = run(given.clients, given.seconds, given.options)
    show(measured, given.clients, given.seconds)
    wrong = set(measured.statuses) - {"200", "503"}
    if wrong or measured.num_other_events:
        sys.exit(f"wrong: {', '.join(sorted(wrong)) or 'events that differ from the offline result'}")


if __name__ == "__main__":
    main()

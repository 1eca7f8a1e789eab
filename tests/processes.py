"""Processes that tests start, and those that these start."""

from __future__ import annotations

import time
from pathlib import Path


def children(pid: int) -> list[int]:
    """Processes that a process has started, and theirs; Linux knows."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    if not file.exists():
        return []
    found = [int(word) for word in file.read_text().split()]
    return found + [other for child in found for other in children(child)]


def wait_until_gone(processes: list[int], patience_s: float = 60) -> None:
    """Fails where one of them stays."""
    deadline = time.monotonic() + patience_s
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        assert time.monotonic() < deadline, "a process outlives the one that started it"
        time.sleep(0.1)

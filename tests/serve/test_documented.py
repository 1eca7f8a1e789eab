"""What docs/serving.md tells people to type works, on a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import RECORDING, offline, serving

from sedt.audio import read_audio, write_audio
from sedt.formats import read_events

TEXT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
LABELS = [event.label for event in offline()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on the path")
def test_commands(tmp_path: Path) -> None:
    commands = re.findall(r"^curl .*$", TEXT, re.MULTILINE)
    assert len(commands) > 6
    write_audio(tmp_path / "recording.wav", read_audio(RECORDING, 16_000), 16_000)
    with serving(corrections=tmp_path / "corrections") as address:
        said = {command: _answer(command, address, tmp_path) for command in commands}
    for command, answer in said.items():
        assert '"detail"' not in answer, command
    detected = [a for c, a in said.items() if "/detect" in c and "format" not in c]
    assert [e["event_label"] for e in json.loads(detected[0])["events"]] == LABELS
    assert len(json.loads(detected[-1])["events"]) > len(LABELS)
    [labels] = read_events(tmp_path / "recording.txt", "audacity").values()
    assert [event.label for event in labels] == LABELS
    assert [e.label for e in read_events(tmp_path / "corrections")["recording.wav"]] == ["dog"]


def _answer(command: str, address: str, folder: Path) -> str:
    line = re.sub(r"(localhost|127\.0\.0\.1):8000", address, command)
    done = subprocess.run(["bash", "-ec", line], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def test_the_stream() -> None:
    [example] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    samples = np.rint(read_audio(RECORDING, 16_000) * 32767).astype("<i2")
    told: list[dict[str, Any]] = []
    with serving() as address:
        given = {"samples": samples, "print": lambda message: told.append(json.loads(message))}
        exec(example.replace("127.0.0.1:8000", address), given)
    assert sorted(one["event_label"] for one in told[:-1]) == sorted(LABELS)
    assert told[-1] == {"end": True, "duration": pytest.approx(len(samples) / 16_000)}

"""What README.md tells people to type works: blocks after a line `<!-- test -->` are run, in order.

They run in one folder that has what a reader has: `recording.wav`, `recordings/`, `sounds/`, two tables.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from sedt.audio import write_audio
from sedt.cli.main import COMMANDS
from sedt.events import Event
from sedt.formats import write_events
from sedt.recipe import load_recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RATE = 16_000
TIME_LIMIT_S = 300


class Block(NamedTuple):
    """A block of code in the README."""

    language: str
    text: str
    line: int
    tested: bool


def blocks() -> list[Block]:
    pattern = re.compile(r"^(<!-- test -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [
        Block(match[2], match[3], README[: match.start(3)].count("\n") + 1, match[1] is not None)
        for match in pattern.finditer(README)
    ]


def marked(*languages: str) -> list[Block]:
    return [block for block in blocks() if block.tested and block.language in languages]


def name_of(block: Block) -> str:
    return f"line-{block.line}-{block.language}"


def tone(seconds: float, hz: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


@pytest.fixture(scope="module")
def reader_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of somebody who reads the README."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("recordings", "sounds/bell", "sounds/horn"):
        (folder / name).mkdir(parents=True)
    write_audio(folder / "recording.wav", tone(12.0, 440.0), RATE)
    for i in range(2):
        write_audio(folder / "recordings" / f"{i}.flac", tone(3.0, 300.0 * (i + 1)), RATE)
        write_audio(folder / "sounds" / "bell" / f"{i}.wav", tone(1.0, 900.0 + 50 * i), RATE)
        write_audio(folder / "sounds" / "horn" / f"{i}.wav", tone(2.0, 200.0 + 50 * i), RATE)
    write_events(folder / "truth.tsv", {"a.wav": [Event(1, 2, "bell"), Event(4, 6, "horn")], "b.wav": []})
    for name in ("detected", "other"):
        write_events(folder / f"{name}.tsv", {"a.wav": [Event(1.1, 2, "bell", 0.9)], "b.wav": []})
    return folder


def run(command: list[str], folder: Path) -> None:
    """Run as in a shell with the environment active; what it prints is shown if it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"


def test_there_are_tested_blocks() -> None:
    assert marked("bash")
    assert {block.language for block in blocks() if block.tested} <= {"bash", "python", "toml"}
    assert README.count("<!-- test -->") == len(marked("bash", "python", "toml"))


@pytest.mark.parametrize("block", marked("bash", "python"), ids=name_of)
def test_block_runs(block: Block, reader_folder: Path) -> None:
    if block.language == "bash":
        run(["bash", "-euo", "pipefail", "-c", block.text], reader_folder)
    else:
        run([sys.executable, "-c", block.text], reader_folder)


@pytest.mark.parametrize("block", marked("toml"), ids=name_of)
def test_recipe_is_valid(block: Block, tmp_path: Path) -> None:
    """Later recipes extend the first."""
    (tmp_path / "kitchen.toml").write_text(marked("toml")[0].text, encoding="utf-8")
    path = tmp_path / "recipe.toml"
    path.write_text(block.text, encoding="utf-8")
    assert load_recipe(path).data.strong[0].audio == [tmp_path / "audio"]


def test_every_command_is_named_and_every_name_is_a_command() -> None:
    named = set(re.findall(r"^(?:\| `)?sedt (\w+)", README, re.MULTILINE))
    assert named == set(COMMANDS)


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README + contributing, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/departures.md"]
)
def test_links_and_paths_lead_somewhere(document: str) -> None:
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    files = re.findall(r"`((?:src|tests|recipes|docs)/[\w./-]+)`", text)
    for place in (*(path.parent / link for link in links), *(ROOT / file for file in files)):
        assert place.exists(), f"{document} names {place.relative_to(ROOT)}, which is not there"

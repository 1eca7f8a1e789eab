"""What README.md and docs/*.md tell people to type works: blocks after `<!-- test -->` are run in order.

Those of a document run in a folder that has what its reader has: `recording.wav`, `recordings/`, `sounds/`,
`birds/` with labels of Audacity, tables of events. Commands stand as people type them. What `sedt new` wrote
is shrunk before it trains: a recipe of the same name extends it, with a network that trains in seconds.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from sedt.audio import write_audio
from sedt.cli.main import COMMANDS
from sedt.events import Event
from sedt.formats import write_events, write_folder
from sedt.recipe import load_recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ALL_DOCUMENTS = [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md"]
RATE = 16_000
TIME_LIMIT_S = 300
MARK = "<!-- test -->"
WRITTEN = "# Written by `sedt new`"
SMALL = """\
extends = "{name}"
[features]
num_bands = 32
[model]
time_stride = 16
map_stage = 2
model_size = 32
num_heads = 2
ffn_size = 64
encoder_layers = 1
decoder_layers = 1
[machine]
workers = 0
"""
SHORT = "[{stage}]\nepochs = 1\nvalidate_every = 1\n"


class Block(NamedTuple):
    """A block of code in a document."""

    document: Path
    language: str
    text: str
    line: int
    tested: bool
    before: str
    """All that stands before it."""

    @property
    def name(self) -> str:
        return f"{self.document.stem}-line-{self.line}-{self.language}"


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    pattern = re.compile(rf"^({MARK}\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [
        Block(
            document,
            match[2],
            match[3],
            text.count("\n", 0, match.start(3)) + 1,
            match[1] is not None,
            text[: match.start()],
        )
        for match in pattern.finditer(text)
    ]


MARKED = [block for document in DOCUMENTS for block in blocks(document) if block.tested]


def tone(seconds: float, hz: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def birds(folder: Path) -> None:
    """Nine short recordings of two birds, seven with a label track of Audacity."""
    generator = np.random.default_rng(0)
    for i in range(9):
        samples = generator.standard_normal(4 * RATE).astype(np.float32) * 0.001
        onsets = [round(half + float(generator.uniform(0, 0.2)), 3) for half in (0.2, 1.1, 2.2, 3.1)]
        events = [Event(at, at + 0.5, label) for at, label in zip(onsets, ["wren", "robin"] * 2, strict=True)]
        for one in events:
            first = round(one.onset * RATE)
            samples[first : first + RATE // 2] += tone(0.5, 3000 if one.label == "wren" else 1000)
        write_audio(folder / f"{i}.wav", samples, RATE)
        if i < 7:
            (track,) = write_folder(folder, {f"{i}.wav": events}, "audacity")
            track.rename(folder / f"{i}.txt")


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Document -> the working folder of somebody who reads it."""

    @cache
    def made(document: Path) -> Path:
        folder = tmp_path_factory.mktemp(document.stem)
        write_audio(folder / "recording.wav", tone(12.0, 440.0), RATE)
        for i in range(2):
            write_audio(folder / "recordings" / f"{i}.flac", tone(3.0, 300.0 * (i + 1)), RATE)
            write_audio(folder / "sounds" / "bell" / f"{i}.wav", tone(1.0, 900.0 + 50 * i), RATE)
            write_audio(folder / "sounds" / "horn" / f"{i}.wav", tone(2.0, 200.0 + 50 * i), RATE)
        write_events(folder / "truth.tsv", {"a.wav": [Event(1, 2, "bell"), Event(4, 6, "horn")], "b.wav": []})
        for name in ("detected", "other"):
            write_events(folder / f"{name}.tsv", {"a.wav": [Event(1.1, 2, "bell", 0.9)], "b.wav": []})
        birds(folder / "birds")
        return folder

    return made


def shrink(folder: Path) -> None:
    """Put a small network and short stages into the place of what `sedt new` wrote."""
    for recipe in folder.glob("*.toml"):
        if recipe.read_text(encoding="utf-8").startswith(WRITTEN):
            whole = recipe.rename(recipe.with_suffix(".toml.whole"))
            stages = [stage for stage in load_recipe(whole).stages if stage != "tune"]
            text = SMALL.format(name=whole.name) + "".join(SHORT.format(stage=stage) for stage in stages)
            recipe.write_text(text, encoding="utf-8")


def run(command: list[str], folder: Path) -> None:
    """Run as in a shell with the environment active; what it prints is shown if it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    given = {name: value for name, value in os.environ.items() if name != "SEDT_RUNS"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**given, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"


def test_marks_are_before_blocks_that_can_be_run() -> None:
    assert {block.language for block in MARKED} == {"bash", "python", "toml"}
    assert sum(document.read_text(encoding="utf-8").count(f"{MARK}\n") for document in DOCUMENTS) == len(
        MARKED
    )


@pytest.mark.parametrize("block", MARKED, ids=lambda block: block.name)
def test_block_runs(block: Block, folder_of: Callable[[Path], Path]) -> None:
    folder = folder_of(block.document)
    if block.language == "bash":
        shrink(folder)
        run(["bash", "-euo", "pipefail", "-c", block.text], folder)
    elif block.language == "python":
        run([sys.executable, "-c", block.text], folder)
    else:  # a recipe, whose name was told just before
        *_, name = re.findall(r"`([\w-]+\.toml)`", block.before)
        (folder / name).write_text(block.text, encoding="utf-8")
        assert load_recipe(folder / name).stages


def test_every_command_is_named_and_every_name_is_a_command() -> None:
    named = set(re.findall(r"^(?:\| `)?sedt (\w+)", README, re.MULTILINE))
    assert named == set(COMMANDS)


def test_commands_in_documents_exist() -> None:
    """In blocks that are not run, too."""
    lines = [line for document in DOCUMENTS for block in blocks(document) for line in block.text.split("\n")]
    named = {match[1] for line in lines if (match := re.match(r"(?:[A-Z0-9_]+=\S+ )*sedt ([a-z]+)", line))}
    assert {"detect", "train"} <= named <= set(COMMANDS)


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    text = "".join(document.read_text(encoding="utf-8") for document in ALL_DOCUMENTS)
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("document", ALL_DOCUMENTS, ids=lambda document: document.name)
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    files = re.findall(r"`((?:src|tests|recipes|docs)/[\w./-]+)`", text)
    for place in (*(document.parent / link for link in links), *(ROOT / file for file in files)):
        assert place.exists(), f"{document.name} names {place}, which is not there"

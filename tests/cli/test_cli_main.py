"""The frame of the `sedt` command: help, exit codes, one line per error."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import sedt
from sedt.audio import write_audio
from sedt.cli.main import COMMANDS, app

SEDT = [sys.executable, "-c", "from sedt.cli.main import run; run()"]


def sedt_says(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SEDT, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [[], ["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_needs_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from sedt.cli.main import app\n"
        "try:\n    app(sys.argv[1:], prog_name='sedt')\n"
        "finally:\n"
        "    heavy = {'torch', 'numpy', 'scipy', 'matplotlib', 'timm', 'lightning'} & set(sys.modules)\n"
        "    assert not heavy, heavy\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert "Usage: sedt" in said.stdout
    if len(arguments) == 2:
        assert f"Example: sedt {arguments[0]}" in " ".join(said.stdout.split())
    else:
        assert all(name in said.stdout for name in COMMANDS)


def test_version() -> None:
    said = sedt_says("--version")
    assert (said.returncode, said.stdout) == (0, f"sedt {sedt.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["detct"], "sedt: no command `detct`: did you mean `detect`?\n"),
        (["xyz"], f"sedt: no command `xyz`: there are {', '.join(COMMANDS)}\n"),
        (["evaluate", "a.tsv", "b.tsv"], "sedt: a.tsv: cannot be read: No such file or directory\n"),
    ],
)
def test_one_line_and_exit_code_2(arguments: list[str], told: str) -> None:
    said = sedt_says(*arguments)
    assert (said.returncode, said.stdout, said.stderr) == (2, "", told)


@pytest.mark.parametrize(
    "arguments",
    [["--wrong"], ["detect"], ["detect", "a", "--wrong"], ["detect", "a", "--threshold", "2"]],
)
def test_wrong_use_is_exit_code_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_ctrl_c_is_exit_code_130_without_a_traceback(tmp_path: Path) -> None:
    bank = tmp_path / "bank" / "beep"
    bank.mkdir(parents=True)
    write_audio(bank / "a.wav", np.sin(np.arange(8000) / 3).astype(np.float32), 8000)
    arguments = ["synth", str(tmp_path / "out"), "--foreground", str(tmp_path / "bank"), "--scenes", "100000"]
    with subprocess.Popen(
        [*SEDT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in its background with Ctrl-C ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not list(tmp_path.glob("out/**/*.flac")) and time.monotonic() < deadline:
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in out + errors
    assert "interrupted" in errors


def test_a_closed_pipe_is_quiet() -> None:
    process = subprocess.Popen([*SEDT, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    assert process.wait() != 0
    assert errors == ""


def test_every_command_is_a_function_of_its_name() -> None:
    group = typer.main.get_command(app)
    context = group.make_context("sedt", [], resilient_parsing=True)
    assert group.list_commands(context) == list(COMMANDS)  # type: ignore[attr-defined]
    for name in COMMANDS:
        assert group.get_command(context, name).name == name  # type: ignore[attr-defined]

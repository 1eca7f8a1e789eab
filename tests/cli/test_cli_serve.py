"""`sedt serve`, wrongly used: one line, exit code 2. A server that runs is for tests/serve."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sedt.cli.main import app


def assert_refused(arguments: list[str], told: str, environment: dict[str, str] | None = None) -> None:
    result = CliRunner().invoke(app, ["serve", *arguments], env=environment)
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith(f"sedt: {told}")


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = f"port {port} of 127.0.0.1 cannot be opened: another program uses it"
        assert_refused(["--port", str(port)], told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "nothing"], "nothing: no such model"),
        (["--device", "abacus"], "device abacus: "),
        (["--host", "no such host"], "port 0 of no such host cannot be opened: "),
        (["--host", "203.0.113.7", "--token", "x"], "port 0 of 203.0.113.7 cannot be opened: "),
        (["--token", ""], "--token (SEDT_TOKEN): must be printable ASCII"),
        (["--token", "a\nb"], "--token (SEDT_TOKEN): must be printable ASCII"),
        (["--max-connections", "100000000000"], "--max-connections: 100000000000 connections need"),
    ],
)
def test_wrong_use(arguments: list[str], told: str) -> None:
    assert_refused(["--port", "0", *arguments], told)


def test_a_token_of_the_environment() -> None:
    assert_refused(["--port", "0"], "--token (SEDT_TOKEN): must", {"SEDT_TOKEN": " x "})


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file"
    assert_refused(["--port", "0", "--corrections", str(folder)], f"--corrections {folder}: ")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert_refused([], "the server needs uvicorn: pip install 'sedt[serve]'")

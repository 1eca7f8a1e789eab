"""`sedt serve`, wrongly used: one line, exit code 2. A server that runs is for tests/serve."""

from __future__ import annotations

import importlib
import socket
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sedt.cli.main import app
from sedt.serve.settings import ServeSettings

serve_module = importlib.import_module("sedt.cli.serve")  # `sedt.cli.serve` may be its function


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


def test_every_option_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[object, ...]] = []
    monkeypatch.setattr(serve_module, "_run", lambda *arguments: called.append(arguments))
    words = [
        "--model", "runs/kitchen/model", "--host", "::1", "--port", "8123", "--token", "sesame",
        "--queue", "3", "--max-mb", "2.5", "--max-minutes", "7", "--max-streams", "0",
        "--max-connections", "99", "--origin", "https://a.example/", "--origin", "http://b.example",
        "--stop-s", "4", "--batch-size", "5", "--device", "cuda:1",
    ]  # fmt: skip
    result = CliRunner().invoke(app, ["serve", *words, "--corrections", str(tmp_path / "in")])
    assert result.exit_code == 0, result.output
    settings = ServeSettings(
        model="kitchen", token="sesame", origins=("https://a.example", "http://b.example"),
        corrections=tmp_path / "in", queue=3, max_upload_bytes=2_500_000, max_duration_s=420, max_streams=0,
        max_connections=99, stop_s=4,
    )  # fmt: skip
    assert called == [("runs/kitchen/model", "::1", 8123, settings, 5, "cuda:1")]
    assert (tmp_path / "in").is_dir()


def test_a_token_of_the_environment() -> None:
    assert_refused(["--port", "0"], "--token (SEDT_TOKEN): must", {"SEDT_TOKEN": " x "})


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file"
    assert_refused(["--port", "0", "--corrections", str(folder)], f"--corrections {folder}: ")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert_refused([], "the server needs uvicorn: pip install 'sedt[serve]'")

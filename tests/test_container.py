"""What can be known of the container without an engine: that the Dockerfile's claims about sedt are true."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from sedt.cli.main import COMMANDS, app

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / "Dockerfile").exists(), reason="the Dockerfile is in the repository only"
)


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments), of which the last stage's are the image's."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0].upper(), line.split(maxsplit=1)[1].strip()) for line in lines if line.strip()]


def last(name: str) -> str:
    found = instructions()
    stage = max(i for i, (instruction, _) in enumerate(found) if instruction == "FROM")
    return [arguments for instruction, arguments in found[stage:] if instruction == name][-1]


def arguments_of_build() -> dict[str, str]:
    return dict(value.split("=", 1) for name, value in instructions() if name == "ARG" and "=" in value)


def commands() -> list[list[str]]:
    """The image's command, and those that docs/container.md gives in its place."""
    text = (ROOT / "docs" / "container.md").read_text(encoding="utf-8").replace("\\\n", " ")
    compose = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    shown = re.findall(r"\bsedt sedt (\w+[^\n`]*)", text)
    return [
        json.loads(last("CMD")),
        compose["services"]["sedt"]["command"],
        *(["sedt", *line.split()] for line in shown),
    ]


def options_of(command: str) -> str:
    assert command in COMMANDS
    return CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_commands_exist(command: list[str]) -> None:
    assert command[0] == "sedt"
    told = options_of(command[1])
    for option in (word for word in command if word.startswith("-")):
        assert re.search(rf"{option}\b", told), option


def test_it_serves_on_the_port_that_is_exposed_and_checked() -> None:
    command = json.loads(last("CMD"))
    assert command[command.index("--host") + 1] == "0.0.0.0"
    port = command[command.index("--port") + 1]
    assert last("EXPOSE") == port
    assert f"http://127.0.0.1:{port}/health" in last("HEALTHCHECK")


def test_the_health_check_is_a_command_of_python() -> None:
    check = json.loads(last("HEALTHCHECK").split("CMD", 1)[1])
    assert check[:2] == ["python", "-c"]
    compile(check[2], "HEALTHCHECK", "exec")


def test_it_does_not_run_as_root() -> None:
    user = last("USER")
    assert user.isdigit()  # by name, nobody outside can tell
    assert int(user) > 0
    assert f"--uid {user}" in last("RUN")


def test_extras_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    text = (ROOT / "docs" / "container.md").read_text(encoding="utf-8")
    named = {
        *arguments_of_build()["EXTRAS"].split(","),
        *re.findall(r"`([a-z]+(?:,[a-z]+)+)`", text)[0].split(","),
    }
    assert {"serve", "av"} <= named
    assert named <= set(extras)


def test_torch_comes_without_cuda() -> None:
    assert arguments_of_build()["TORCH_INDEX"].endswith("/whl/cpu")
    runs = [arguments for name, arguments in instructions() if name == "RUN"]
    torch = next(i for i, line in enumerate(runs) if "${TORCH_INDEX}" in line)
    sedt = next(i for i, line in enumerate(runs) if "${EXTRAS}" in line)
    assert torch < sedt  # or pip would take PyPI's torch


def test_what_is_copied_goes_to_the_engine() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore
    copied = [
        value.split()[:-1] for name, value in instructions() if name == "COPY" and "--from" not in value
    ]
    for path in (path for paths in copied for path in paths):
        assert (ROOT / path).exists()
        assert f"!{path}" in ignore


def test_compose_publishes_to_this_machine_alone() -> None:
    text = (ROOT / "docs" / "container.md").read_text(encoding="utf-8")
    service: dict[str, Any] = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])[
        "services"
    ]["sedt"]
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert service["read_only"] is True
    for line in re.findall(r"docker run .*-p (\S+)", text.replace("\\\n", " ")):
        assert line.startswith("127.0.0.1:")

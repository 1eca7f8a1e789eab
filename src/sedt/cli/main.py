"""The `sedt` command. Each subcommand's module is imported only when it runs, so that help is fast."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click
import typer
from typer.core import TyperGroup
from typer.main import get_command

from sedt.errors import InputError

COMMANDS = {
    "detect": "Find the events in recordings.",
    "train": "Run the stages of a recipe.",
    "evaluate": "Score detected events against the truth.",
    "synth": "Make soundscapes with exact labels from isolated sounds.",
    "info": "What a model is: classes, window, training data, scores.",
}
"""Name -> help. `sedt X` is the function X in the module sedt.cli.X."""


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and imports one only to run it or to show its help."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        function = getattr(import_module(f"sedt.cli.{cmd_name}"), cmd_name)
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(function)
        return get_command(single)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help from the table alone."""
        from rich.console import Console
        from rich.table import Table

        console = Console()
        console.print("Usage: sedt [--version] COMMAND ...\n", highlight=False, markup=False)
        console.print("Finds when each sound happens.\n")
        table = Table(box=None, show_header=False, padding=(0, 2))
        for name, text in COMMANDS.items():
            table.add_row(f"[bold]{name}[/bold]", text)
        console.print(table)
        console.print("\n`sedt COMMAND --help` tells more, with an example.", highlight=False)


app = typer.Typer(cls=LazyGroup, add_completion=False)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    """Finds when each sound happens."""
    if version:
        import sedt

        typer.echo(f"sedt {sedt.__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)


def run() -> None:
    """Entry point. Exit code 0 all well, 1 some files failed, 2 wrong use or input, 130 interrupted."""
    try:
        app()
    except InputError as error:
        _say(f"sedt: {error}")
        code = 2
    except (KeyboardInterrupt, click.Abort):
        _say("sedt: interrupted")
        code = 130
    except BrokenPipeError:
        # Whoever read our output has closed it (`sedt ... | head`); nothing is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    else:
        code = 0
    sys.exit(code)


def _say(message: str) -> None:
    print(" ".join(message.split("\n")), file=sys.stderr)

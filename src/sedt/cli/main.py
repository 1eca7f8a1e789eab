"""The `sedt` command. Each subcommand's module is imported only when it runs, so that help is fast."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from sedt.errors import InputError

COMMANDS = {
    "detect": "Find the events in recordings.",
    "listen": "Find the events in audio as it comes: a microphone, a pipe.",
    "new": "Write a recipe that fits a folder of recordings and labels.",
    "data": "Look at the data of a recipe (`sedt data check`).",
    "train": "Run the stages of a recipe.",
    "report": "What came of a run, as one page: curves, scores, worst clips.",
    "tune": "Choose a model's thresholds on recordings with known events.",
    "convert": "Write labels in another format.",
    "evaluate": "Score detected events against the truth.",
    "synth": "Make soundscapes with exact labels from isolated sounds.",
    "push": "Put a model on the Hugging Face Hub.",
    "serve": "Detect for others: a web page, REST, a WebSocket.",
    "export": "Write a model as one file, ONNX or torch's, that runs elsewhere.",
    "info": "What a model is: classes, window, training data, scores.",
}
"""Name -> help. `sedt X` is the function X in the module sedt.cli.X, or a group of the SUBCOMMANDS there."""

INPUT_ERROR, INTERRUPTED, BROKEN_PIPE = 2, 130, 141
"""Exit codes; the last two are what a shell says of a program that SIGINT or SIGPIPE ended."""


DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a full or broken disk answers."""

PLACE_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP})
"""What a file or folder answers that one may not see, or that cannot be."""


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and imports one only to run it or to show its help."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            if not cmd_name.startswith("-") and not ctx.resilient_parsing:
                close = get_close_matches(cmd_name, COMMANDS, 1)
                hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(COMMANDS)}"
                _say(f"sedt: no command `{cmd_name}`: {hint}")
                raise typer.Exit(INPUT_ERROR)
            return None
        module = import_module(f"sedt.cli.{cmd_name}")
        made = typer.Typer(add_completion=False, no_args_is_help=True, help=module.__doc__)
        if hasattr(module, "SUBCOMMANDS"):
            made.callback()(lambda: None)  # with a callback it stays a group, of one command even
            for name, function in module.SUBCOMMANDS.items():
                made.command(name)(_with_exit_codes(function))
            group = get_command(made)
            group.name = cmd_name
            return group
        made = typer.Typer(add_completion=False)
        made.command(cmd_name)(_with_exit_codes(getattr(module, cmd_name)))
        return get_command(made)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help from the table alone."""
        width = max(map(len, COMMANDS)) + 2
        formatter.write("Usage: sedt [--version] COMMAND ...\n\nFinds when each sound happens.\n\n")
        formatter.write("".join(f"  {name:{width}}{text}\n" for name, text in COMMANDS.items()))
        formatter.write("\n`sedt COMMAND --help` tells more, with an example.\n")


app = typer.Typer(cls=LazyGroup, add_completion=False, pretty_exceptions_enable=False)


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
        typer.echo(context.get_help())


def run() -> None:
    """Entry point. Exit code 0 all well, 1 some files failed, 2 wrong use or input, 130 interrupted."""
    _print_all_letters()
    try:
        _with_exit_codes(_run)()
    except typer.Exit as stop:
        sys.exit(stop.exit_code)


def _run() -> None:
    try:
        app(prog_name="sedt")
    finally:
        sys.stdout.flush()  # here, where a closed pipe is still caught


def _with_exit_codes(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command that ends in one line and an exit code where a user, or their data, is the cause."""

    @wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except InputError as error:
            _say(f"sedt: {error}")
            code = INPUT_ERROR
        except KeyboardInterrupt:
            _say("sedt: interrupted")
            code = INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has closed it (`sedt ... | head`); nothing is left to tell.
            _leave_stdout()
            code = BROKEN_PIPE
        except ModuleNotFoundError as error:
            # An environment that only detects, with an ONNX file, lacks what other commands need.
            if error.name is None or error.name.partition(".")[0] == "sedt":
                raise
            _say(f"sedt: this needs {error.name}, which is not installed")
            code = INPUT_ERROR
        except OSError as error:
            if error.errno in PLACE_ERRORS and error.filename is not None:
                _say(f"sedt: {error.filename}: {error.strerror}")
                raise typer.Exit(INPUT_ERROR) from None
            if error.errno not in DISK_ERRORS:
                raise
            _leave_stdout()  # files have their own messages, which name them: this is what was printed
            _say(f"sedt: the output cannot be written: {error.strerror}")
            code = INPUT_ERROR
        raise typer.Exit(code)

    return command


def _print_all_letters() -> None:
    """Tables are UTF-8 wherever they go; what a terminal cannot show is shown by its number."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        chosen = sys.stdout.isatty() or "PYTHONIOENCODING" in os.environ
        sys.stdout.reconfigure(encoding=None if chosen else "utf-8", errors="backslashreplace")


def _leave_stdout() -> None:
    """Let Python end without another try to write what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str) -> None:
    print(" ".join(message.splitlines()), file=sys.stderr)

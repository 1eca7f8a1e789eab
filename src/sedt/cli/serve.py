"""`sedt serve`."""

from __future__ import annotations

import math
import os
import signal
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from sedt.errors import InputError

if TYPE_CHECKING:
    from sedt.serve.settings import ServeSettings

_NEEDED = ("fastapi", "uvicorn", "python_multipart", "websockets", "prometheus_client")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    model: Annotated[
        str, typer.Option(help="Folder of a model package, an .onnx file, `demo`, or user/name on the Hub.")
    ] = "demo",
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 means all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 means any that is free.", min=0, max=65535)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(help="Refuse who does not name it (`Authorization: Bearer T`).", envvar="SEDT_TOKEN"),
    ] = None,
    queue: Annotated[int, typer.Option(help="Requests in hand at most; another one gets 503.", min=1)] = 32,
    max_mb: Annotated[float, typer.Option(help="Size of a recording, in MB.", min=0.001)] = 100,
    max_minutes: Annotated[float, typer.Option(help="Length of a recording, decoded.", min=0.001)] = 60,
    max_streams: Annotated[int, typer.Option(help="WebSockets at once.", min=0)] = 8,
    max_connections: Annotated[int, typer.Option(help="Connections at once.", min=8)] = 1024,
    corrections: Annotated[
        Path | None, typer.Option(help="Save corrected labels here, for `sedt new`.", metavar="DIR")
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Another site whose pages may use it; may be given often.", metavar="URL"),
    ] = None,
    stop_s: Annotated[int, typer.Option(help="Seconds to end what is in hand when stopped.", min=1)] = 30,
    batch_size: Annotated[int, typer.Option(help="Windows of one recording at a time.", min=1)] = 8,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1 ...")] = "cpu",
) -> None:
    """Detect for others: a web page, REST and a WebSocket (extra `serve`). docs/serving.md tells all.

    Logs JSON lines on standard error. Ctrl-C or SIGTERM: what is in hand is done, then it ends.

    Example: sedt serve --model runs/urban-sedt/model, then: curl -F file=@recording.wav localhost:8000/detect
    """
    _require_extra()
    for name, value in (("--max-mb", max_mb), ("--max-minutes", max_minutes)):
        if not math.isfinite(value):
            raise InputError(f"{name} {value}: a finite number is needed")
    from sedt.serve.settings import ServeSettings

    settings = ServeSettings(
        model=_name(model),
        token=_token(token),
        origins=tuple(one.rstrip("/") for one in origin or ()),
        corrections=_folder(corrections),
        queue=queue,
        max_upload_bytes=round(max_mb * 1e6),
        max_duration_s=max_minutes * 60,
        max_streams=max_streams,
        max_connections=max_connections,
        stop_s=stop_s,
    )
    _run(model, host, port, settings, batch_size, device)


def _run(model: str, host: str, port: int, settings: ServeSettings, batch_size: int, device: str) -> None:
    from sedt.serve.logs import log_to_stderr
    from sedt.serve.server import allow_files, bind, serve

    allow_files(settings.max_connections)
    with bind(host, port) as opened:  # before the model, which takes its time
        from sedt.detector import find_model, fingerprint, load

        path = find_model(model)
        detector = load(path, batch_size=batch_size, device=device)
        settings = replace(settings, fingerprint=fingerprint(path))
        if host not in _LOOPBACK and settings.token is None:
            print(f"note: anybody who reaches {host} may use it: --token restricts that", file=sys.stderr)
        log_to_stderr()
        signal.signal(signal.SIGTERM, _terminated)
        serve(detector, settings, opened)


def _terminated(number: int, frame: FrameType | None) -> None:
    """uvicorn gives the signal back once all is done."""
    raise typer.Exit(128 + number)


def _require_extra() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(f"the server needs {', '.join(missing)}: pip install 'sedt[serve]'")


def _name(model: str) -> str:
    """What answers call it: runs/NAME/model is NAME."""
    path = Path(model).resolve()
    return path.parent.name if path.name == "model" else path.name


def _token(token: str | None) -> str | None:
    """Raises InputError: one that no header can carry, or that is empty by mistake."""
    if token is not None and not (
        token.isascii() and token.isprintable() and token.strip() == token and token
    ):
        raise InputError(
            "--token (SEDT_TOKEN): must be printable ASCII, not empty, without blanks at its ends"
        )
    return token


def _folder(corrections: Path | None) -> Path | None:
    if corrections is None:
        return None
    try:
        corrections.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--corrections {corrections}: {error.strerror}") from error
    if not os.access(corrections, os.W_OK):
        raise InputError(f"--corrections {corrections}: cannot be written")
    return corrections

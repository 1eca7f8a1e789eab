"""`sedt info`."""

from __future__ import annotations

from typing import Annotated

import typer


def info(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder of a model package, an .onnx file, `demo`, or user/name on the Hub.", metavar="MODEL"
        ),
    ] = "demo",
) -> None:
    """What a model is: classes, window, features, size, training data, scores.

    Example: sedt info runs/urban-sedt/model
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from sedt.detector import load

    facts = load(model).facts
    table = Table(show_header=False, title=Text(str(facts.info.get("name", model))))
    rows = {
        "description": facts.info.get("description", ""),
        "classes": ", ".join(facts.classes),
        "window": f"{facts.window_s:g} s at {facts.sample_rate} Hz",
        **facts.details,
        "shortest event": f"{facts.decision.min_length_s} s",
        "threshold": str(facts.decision.threshold),
    }
    for key, value in facts.info.items():
        if key not in {"name", "description"}:
            rows[key.replace("_", " ")] = _text(value)
    for name, text in rows.items():
        table.add_row(name, Text(text))  # not a string: brackets would be taken for markup
    Console().print(table)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)

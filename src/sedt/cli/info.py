"""`sedt info`."""

from __future__ import annotations

from typing import Annotated

import typer


def info(
    model: Annotated[
        str,
        typer.Argument(help="Folder of a model package, `demo`, or user/name on the Hub.", metavar="MODEL"),
    ] = "demo",
) -> None:
    """What a model is: classes, window, features, size, training data, scores.

    Example: sedt info runs/urban-sedt/model
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from sedt.detector import find_model
    from sedt.package import load_package

    package = load_package(find_model(model))
    features, network = package.features, package.model_config
    parameters = sum(p.numel() for p in package.model.parameters())
    table = Table(show_header=False, title=Text(str(package.info.get("name", model))))
    rows = {
        "description": package.info.get("description", ""),
        "classes": ", ".join(package.classes),
        "window": f"{network.window_s:g} s at {features.sample_rate} Hz",
        "features": f"{features.num_bands} mel bands, a frame each "
        f"{1000 * features.hop_samples / features.sample_rate:.4g} ms",
        "network": f"{network.backbone}, E = {network.encoder_layers}, D = {network.decoder_layers}, "
        f"N = {network.num_queries}, {parameters / 1e6:.2f} M parameters",
        "shortest event": f"{package.decoding.min_length_s} s",
        "threshold": str(package.decoding.threshold),
    }
    for key, value in package.info.items():
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

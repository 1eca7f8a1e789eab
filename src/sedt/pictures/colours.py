"""Colours of pages and pictures, in light and in dark."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PALETTE = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"),
    *("#8A7500", "#7A5AA6", "#B0304F", "#5D7285", "#7FA63A", "#4350B5"),
)
"""Of classes. The first seven are told apart by colour-blind readers too (after Okabe and Ito)."""

ON_DARK = (
    *("#4FA9E2", "#F2B63C", "#35C79B", "#F4864A", "#E3A0C8", "#93CDF4"),
    *("#C4AE45", "#B094DC", "#E9768F", "#9FB2C4", "#A9CF63", "#8B97EE"),
)
"""The same hues on a dark ground."""

_LIGHT = {
    "ink": "#1b2127",
    "soft": "#56616c",
    "faint": "#8a949e",
    "line": "#dde2e7",
    "ground": "#ffffff",
    "panel": "#f6f8fa",
    "accent": "#0b62b8",
    "good": "#157a55",
    "bad": "#bb3a2a",
}
_DARK = {
    "ink": "#e4e8ec",
    "soft": "#a3adb7",
    "faint": "#76818c",
    "line": "#2d353d",
    "ground": "#14181c",
    "panel": "#1b2025",
    "accent": "#6cb2f5",
    "good": "#4bc495",
    "bad": "#f08a7b",
}

# Anchors of matplotlib's `magma` (CC0), from silent to loud; between them colours are mixed.
_MAGMA = "000004 140e36 3b0f70 641a80 8c2981 b73779 de4968 f7705c fe9f6d fecf92 fcfdbf"


def colour_index(labels: list[str]) -> dict[str, int]:
    """Label -> place in the palettes, which begin anew after the last colour."""
    return {label: number % len(PALETTE) for number, label in enumerate(labels)}


def themes() -> str:
    """CSS: the variables of `.sedt` in light and dark, as the reader's system or notebook has it."""
    light, dark = _variables(_LIGHT, PALETTE), _variables(_DARK, ON_DARK)
    on_dark = "".join(f"--k{number}:{colour};" for number, colour in enumerate(ON_DARK))
    return (
        f".sedt{{{light}color-scheme:light}}\n"
        f"@media (prefers-color-scheme:dark){{.sedt{{{dark}color-scheme:dark}}}}\n"
        # A notebook has a theme of its own.
        f'[data-jp-theme-light="true"] .sedt,.vscode-light .sedt{{{light}color-scheme:light}}\n'
        f'[data-jp-theme-light="false"] .sedt,.vscode-dark .sedt{{{dark}color-scheme:dark}}\n'
        f".sedt .sedt-spec{{{on_dark}}}\n"
        + "".join(f".sedt .k{n}{{--k:var(--k{n})}}" for n in range(len(PALETTE)))
    )


def magma() -> NDArray[np.uint8]:
    """(256, 3): from silent to loud."""
    anchors = np.array([[int(word[i : i + 2], 16) for i in (0, 2, 4)] for word in _MAGMA.split()])
    places = np.linspace(0, 255, len(anchors))
    mixed = np.stack([np.interp(np.arange(256), places, anchors[:, c]) for c in range(3)], axis=1)
    return mixed.round().astype(np.uint8)


def _variables(colours: dict[str, str], palette: tuple[str, ...]) -> str:
    named = {**colours, **{f"k{number}": colour for number, colour in enumerate(palette)}}
    return "".join(f"--{name}:{colour};" for name, colour in named.items())

"""The rules of ARCHITECTURE.md: who may import whom. Reads source with `ast`, imports nothing of sedt.

An import inside a function counts; one under `if TYPE_CHECKING:` does not, since it never runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

ROWS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "files",
        "events",
        "spans",
        "batch",
        "config",
        "recipe",
        "audio",
        "audio_files",
        "audio_mp3",
        "audio_wav",
        "resampling",
        "windows",
    ),
    ("features", "formats", "pictures", "live", "hub", "model_card"),
    ("data", "models", "losses", "decoding", "metrics"),
    ("build",),
    ("package", "runtimes"),
    ("detector", "evaluation", "tuning", "checking", "planning"),
    ("bulk", "trials"),
    ("training", "report", "export"),
    ("serve",),
    ("cli",),
)
ROW = {unit: number for number, units in enumerate(ROWS) for unit in units}
"""Top-level module or folder -> row. In row 0 modules may import each other, but not in circles."""
WITHOUT_TORCH = ("decoding", "metrics")
TORCH = {"torch", "torchvision", "timm", "lightning", "safetensors.torch"}


class Import(NamedTuple):
    """One imported name, such as `sedt.data.clips` or `torch.nn`."""

    name: str
    line: int
    lazy: bool
    """Inside a function."""


def modules(source: Path) -> dict[str, Path]:
    """Dotted name -> file, of all modules of the package; a folder is its `__init__`."""
    found = {}
    for path in sorted((source / "sedt").rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> list[Import]:
    """All imports of a file that can run."""
    return list(_imports(ast.parse(path.read_text(encoding="utf-8")), lazy=False))


def _imports(node: ast.AST, lazy: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, node.lineno, lazy) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = "." * node.level + (node.module or "")
        yield from (Import(f"{base}.{alias.name}", node.lineno, lazy) for alias in node.names)
    lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in _children(node):
        yield from _imports(child, lazy)


def _children(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
        return list(node.orelse)
    return list(ast.iter_child_nodes(node))


def module_of(name: str, known: dict[str, Path]) -> str:
    """The module that an imported name lies in: `sedt.events.Event` -> `sedt.events`."""
    while name not in known and "." in name:
        name = name.rpartition(".")[0]
    return name


def unit_of(module: str) -> str:
    """Top-level module or folder: `sedt.data.clips` -> `data`; the package itself -> the empty string."""
    return module.split(".")[1] if "." in module else ""


def row_violations(source: Path) -> list[str]:
    """What breaks the rows, a line each."""
    known = modules(source)
    found = [
        f"{unit} is in no row: give it one in ARCHITECTURE.md and tests/architecture.py"
        for unit in sorted({unit_of(module) for module in known} - {""} - set(ROW))
    ]
    for module, path in known.items():
        for one in imports(path):
            reason = _reason_against(unit_of(module), one.name, known)
            if reason:
                found.append(f"{path.relative_to(source)}:{one.line}: {reason}")
    return found


def _reason_against(unit: str, name: str, known: dict[str, Path]) -> str | None:
    if name.startswith("."):
        return f"imports {name}: imports are absolute"
    if name.split(".")[0] != "sedt":
        return None
    target = unit_of(name)
    if target not in {unit_of(module) for module in known}:
        is_fine = name in {"sedt", "sedt.__version__"}
        return None if is_fine else f"imports {name}: import it from the module that holds it"
    if unit == target or target not in ROW or unit not in {"", *ROW}:
        return None  # a unit without a row has its own line
    if unit == "" and ROW[target] > 0:
        return f"imports {name}: the package itself imports only row 0, the rest on first use"
    if unit == "" or ROW[target] < ROW[unit] or ROW[target] == ROW[unit] == 0:
        return None
    if ROW[target] == ROW[unit]:
        return f"imports {name}: {unit} and {target} are both of row {ROW[unit]} and never import each other"
    return f"imports {name}: {unit} is of row {ROW[unit]}, {target} of row {ROW[target]}, which is above it"


def circle(source: Path) -> list[str]:
    """Modules that import each other in a circle; empty if there are none."""
    known = modules(source)
    graph = {
        module: {module_of(one.name, known) for one in imports(path)} & set(known) - {module, "sedt"}
        for module, path in known.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def torch_violations(source: Path) -> list[str]:
    """Ways on which importing or running decoding and metrics would import torch, a line each."""
    known = modules(source)
    starts = [module for module in known if unit_of(module) in WITHOUT_TORCH]
    found = [
        f"{m} imports {i.name}" for m in starts for i in imports(known[m]) if i.lazy and _is_torch(i.name)
    ]
    for start in starts:
        way = _way_to_torch(start, known)
        if way:
            found.append(" imports ".join(way))
    return found


def _way_to_torch(start: str, known: dict[str, Path]) -> list[str]:
    """The chain of imports from `start` to torch that runs when `start` is imported; empty if none."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop(0)
        for one in imports(known[way[-1]]):
            if one.lazy:
                continue
            if _is_torch(one.name):
                return [*way, one.name]
            for module in _executed(one.name, known):
                if module not in seen:
                    seen.add(module)
                    ways.append([*way, module])
    return []


def _executed(name: str, known: dict[str, Path]) -> list[str]:
    """Modules that run for an import: the one that holds the name, and the folders above it."""
    parts = module_of(name, known).split(".")
    return [m for m in (".".join(parts[:n]) for n in range(1, len(parts) + 1)) if m in known]


def _is_torch(name: str) -> bool:
    return any(name == other or name.startswith(other + ".") for other in TORCH)

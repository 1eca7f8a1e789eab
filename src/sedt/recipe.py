"""Recipes: TOML files -> `sedt.config.Recipe`, with every error naming the file and the key."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from sedt.config import Recipe, ScenesConfig, Settings
from sedt.errors import InputError

_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_Settings = TypeVar("_Settings", bound=Settings)


def load_recipe(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe; `settings` are changes as the command line gives them: `finetune.epochs=3`.

    A recipe may say `extends = "other.toml"` (relative to itself): what it says then replaces, key by key,
    what the other says; "none" unsets an optional setting. `${NAME}` in a string is the environment variable,
    which need not be set where a child replaces the string; `$${` is `${`. Relative paths are relative to the
    recipe that they stand in.

    Raises:
        InputError: no such file, not TOML, an unknown key, a wrong type or value, a variable not set.
    """
    path = Path(path)
    content = _read(path, ())
    for setting in settings:
        _apply(content, setting)
    _require_variables(content)
    content.setdefault("name", path.stem)
    return validate(Recipe, content, where=str(path), base=path.parent)


def load_scenes(path: str | os.PathLike[str]) -> ScenesConfig:
    """Read the settings of `sedt synth` from a TOML file. Raises InputError as `load_recipe` does."""
    path = Path(path)
    content = _read(path, ())
    _require_variables(content)
    return validate(ScenesConfig, content, where=str(path), base=path.parent)


def validate(kind: type[_Settings], content: Any, *, where: str, base: Path | None = None) -> _Settings:
    """Check `content` against the settings class `kind`; the error says `where` and which key."""
    try:
        return kind.model_validate(content, context={"base": base})
    except ValidationError as error:
        raise InputError(f"{where}: {_first_problem(error, content)}") from error


def _first_problem(error: ValidationError, content: Any) -> str:
    problems: dict[tuple[str | int, ...], Any] = {}
    for one in error.errors():
        problems.setdefault(_written_key(one["type"], one["loc"], content), one)
    # Where a value may be of several types, each complains of it: the one that got furthest in is meant.
    names = [k for k in problems if not any(k == other[: len(k)] != other for other in problems)]
    problem = problems[names[0]]
    key = ".".join(map(str, names[0]))
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    if problem["type"] == "extra_forbidden":
        return f"unknown key `{key}`{more}"
    message = problem["msg"].removeprefix("Value error, ")
    given = "" if problem["type"] in {"missing", "value_error"} else f", not {_short(problem['input'])}"
    return f"`{key}`: {message}{given}{more}" if key else f"{message}{more}"


def _written_key(problem: str, location: tuple[str | int, ...], content: Any) -> tuple[str | int, ...]:
    """The keys of `location` that stand in the file: pydantic's also names types, which nobody wrote."""
    keys: list[str | int] = []
    for part in location:
        in_table = isinstance(content, dict) and part in content
        in_list = isinstance(content, list | tuple) and isinstance(part, int) and part < len(content)
        if in_table or in_list:
            content = content[part]
            keys.append(part)
    if problem == "missing":
        keys.append(location[-1])
    return tuple(keys)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _read(path: Path, children: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in children:
        raise InputError(f"{path}: `extends` goes round in a circle")
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # also text that is none, lists in lists in lists
        raise InputError(f"{path}: not TOML: {error}") from error
    content: dict[str, Any] = expanded(raw, path)
    parent_name = content.pop("extends", None)
    if parent_name is None:
        return content
    _require_variables(parent_name)
    if not isinstance(parent_name, str):
        raise InputError(f"{path}: `extends` must be the name of one recipe, not {parent_name!r}")
    parent = _read(path.parent / parent_name, (*children, path.resolve()))
    parent.pop("name", None)
    return _merge(_rebase(parent, path.parent, (path.parent / parent_name).parent), content)


class _Unset(str):
    """A string with a variable that is not set: what to say if it is needed."""


def _require_variables(value: Any) -> None:
    """Raise InputError for the first variable below `value` that is not set."""
    if isinstance(value, _Unset):
        raise InputError(str(value))
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        _require_variables(item)


def expanded(value: Any, path: Path, key: str = "") -> Any:
    """Replace ${NAME} in every string below `value`; what cannot be replaced becomes `_Unset`.

    `path` and `key` say where `value` stands.
    """
    if isinstance(value, dict):
        return {k: expanded(v, path, f"{key}.{k}" if key else k) for k, v in value.items()}
    if isinstance(value, list):
        return [expanded(v, path, key) for v in value]
    if not isinstance(value, str):
        return value
    unset = [name for name in _VARIABLE.findall(value) if not os.environ.get(name)]
    if unset:
        return _Unset(f"{path}: `{key}`: the environment variable {unset[0]} is not set")

    def variable(match: re.Match[str]) -> str:
        found = os.environ[match[1]]
        # A folder named by a variable is relative to where the command runs, not to the recipe.
        return str(Path(found).absolute()) if _names_path(key.rpartition(".")[2], value) else found

    return _VARIABLE.sub(variable, value).replace("$${", "${")


_PATH_KEYS = frozenset(
    {
        "extends",
        "labels",
        "audio",
        "durations",
        "foreground",
        "foreground_audio",
        "backgrounds",
        "timing",
        "pretrained",
    }
)


def _rebase(value: Any, child_folder: Path, parent_folder: Path, key: str = "") -> Any:
    """Make the parent's relative paths relative to the child, if they lie in different folders."""
    if child_folder.resolve() == parent_folder.resolve():
        return value
    if isinstance(value, dict):
        return {k: _rebase(v, child_folder, parent_folder, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_rebase(v, child_folder, parent_folder, key) for v in value]
    is_path = isinstance(value, str) and value and _names_path(key, value)
    return str(parent_folder.absolute() / value) if is_path else value


def _names_path(key: str, value: str) -> bool:
    if value == "none" or isinstance(value, _Unset):  # "none" unsets a setting
        return False
    return key in _PATH_KEYS or (key == "backbone_start" and value not in {"imagenet", "random"})


def _merge(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    merged = dict(parent)
    for key, value in child.items():
        old = merged.get(key)
        both_tables = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merge(old, value) if both_tables else value  # type: ignore[arg-type]
    return merged


def _apply(content: dict[str, Any], setting: str) -> None:
    """One `--set table.key=value`; the value is TOML, or else a bare string."""
    key, equals, text = setting.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise InputError(f"--set {setting}: must be key=value, such as finetune.epochs=3")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    table: Any = content
    for name in names[:-1]:
        if isinstance(table, list) and name.isdecimal() and int(name) < len(table):
            table = table[int(name)]
        elif isinstance(table, dict):
            table = table.setdefault(name, {})
        else:
            raise InputError(f"--set {setting}: `{name}` is not a table of the recipe")
    if not isinstance(table, dict):
        raise InputError(f"--set {setting}: `{'.'.join(names[:-1])}` is not a table of the recipe")
    table[names[-1]] = expanded(value, Path("--set"), key)

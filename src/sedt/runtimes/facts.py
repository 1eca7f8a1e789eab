"""What detection needs to know of a model beside its weights, as a record and as JSON in an ONNX file.

Read without pydantic, which an environment for detection alone need not have.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sedt.decoding import Decision, per_class
from sedt.errors import InputError

FORMAT = 1
"""Raised when an older version could not read what a newer one writes."""

_LIMITS = {"threshold": 1.0, "tag_threshold": 1.0, "min_length_s": math.inf, "median_s": math.inf}
_SWITCHES = {"fusion": (1, 2, 3), "deoverlap": (True, False)}


@dataclass(frozen=True)
class ModelFacts:
    """Classes, times and rules of a model."""

    classes: list[str]
    """Labels in the order of the model's outputs."""
    sample_rate: int
    """Samples per second of what the model hears."""
    window_s: float
    """Seconds that the model hears at once."""
    hop_samples: int
    """From one window of a longer recording to the next: whole samples, or times would drift."""
    decision: Decision
    """How predictions become events."""
    network: str = "sedt"
    """Kind of network: sedt, crnn, conv_transformer."""
    step_s: float = 0.0
    """Seconds of a step of a network that says of each what sounds; 0 for SEDT."""
    details: dict[str, str] = field(default_factory=dict)
    """Features, sizes and the like, in words for people."""
    info: dict[str, Any] = field(default_factory=dict)
    """Name, description, licence, training data, scores: for people."""

    @property
    def window_samples(self) -> int:
        """Samples of a window."""
        return max(1, round(self.window_s * self.sample_rate))

    @property
    def hop_s(self) -> float:
        """Seconds from one window to the next."""
        return self.hop_samples / self.sample_rate

    def as_json(self, **more: Any) -> str:
        """All of it, and `more` for people."""
        return json.dumps({"format": FORMAT, **asdict(self), **more}, ensure_ascii=False)


def facts_from_json(text: str, where: str) -> ModelFacts:
    """The facts that `as_json` wrote. Raises InputError, which says `where`: something is wrong."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{where}: `format` must be {FORMAT}: not what this version reads")
    table = _Table(content, where)
    sample_rate, window_s = table.whole("sample_rate"), table.number("window_s", least=1e-6)
    facts = ModelFacts(
        classes=table.labels("classes"),
        sample_rate=sample_rate,
        window_s=window_s,
        hop_samples=table.whole("hop_samples"),
        decision=_decision(_Table(table.table("decision"), f"{where}: decision")),
        network=str(content.get("network", "sedt")),
        step_s=table.number("step_s"),
        details={str(key): str(value) for key, value in table.table("details").items()},
        info=table.table("info"),
    )
    if not facts.window_samples // 2 <= facts.hop_samples <= facts.window_samples:
        raise InputError(f"{where}: `hop_samples` must be between half a window and a window")
    for name in _LIMITS:
        try:
            per_class(getattr(facts.decision, name), facts.classes, name)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
    return facts


def _decision(table: _Table) -> Decision:
    known = {one.name for one in fields(Decision)}
    unknown = sorted(set(table.content) - known)
    if unknown:
        raise InputError(f"{table.where}: unknown key `{unknown[0]}`")
    values: dict[str, Any] = {name: table.share(name, most) for name, most in _LIMITS.items()}
    return Decision(**values, **{name: table.choice(name, among) for name, among in _SWITCHES.items()})


@dataclass(frozen=True)
class _Table:
    """A JSON object whose values are taken out with a check. Each raises InputError."""

    content: Mapping[str, Any]
    where: str

    def number(self, key: str, least: float = 0.0) -> float:
        return self._checked(key, self.content.get(key), least, math.inf)

    def whole(self, key: str) -> int:
        value = self.content.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 1 << 40:
            raise self._wrong(key, "a whole number from 1 up", value)
        return value

    def labels(self, key: str) -> list[str]:
        value: Any = self.content.get(key)
        fine = isinstance(value, list) and value and all(isinstance(one, str) and one for one in value)
        if not fine or len(set(value)) < len(value):
            raise self._wrong(key, "a list of different labels", value)
        return list(value)

    def table(self, key: str) -> dict[str, Any]:
        value = self.content.get(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "an object", value)
        return value

    def share(self, key: str, most: float) -> float | dict[str, float]:
        """A number, or one for each class."""
        value = self.content.get(key)
        if isinstance(value, dict):
            return {label: self._checked(f"{key}.{label}", one, 0.0, most) for label, one in value.items()}
        return self._checked(key, value, 0.0, most)

    def choice(self, key: str, among: tuple[Any, ...]) -> Any:
        value = self.content.get(key)
        if not any(value is one or (value == one and type(value) is type(one)) for one in among):
            raise self._wrong(key, f"one of {', '.join(map(str, among))}", value)
        return value

    def _checked(self, key: str, value: Any, least: float, most: float) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            allowed = (
                f"a number from {least:g} up" if most == math.inf else f"a number in {least:g}..{most:g}"
            )
            raise self._wrong(key, allowed, value)
        if value == math.inf:
            raise self._wrong(key, "a finite number", value)
        return float(value)

    def _wrong(self, key: str, allowed: str, value: Any) -> InputError:
        given = "nothing" if value is None else f"{value!r:.40}"
        return InputError(f"{self.where}: `{key}` must be {allowed}, not {given}")

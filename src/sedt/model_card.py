"""The model card: README.md of a package, with the metadata in front that the Hub reads.

Names, descriptions and labels come from recipes and tables and may hold anything: the metadata are written by
a YAML library, and in the text nothing of them is Markdown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sedt.errors import InputError

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

METRICS = {
    "event_based": ("f1", "event-based F1 (macro)"),
    "segment_based": ("f1", "segment-based F1 (macro)"),
    "tagging": ("f1", "tagging F1 (macro)"),
    "psds1": ("psds", "PSDS 1"),
    "psds2": ("psds", "PSDS 2"),
}
"""Key in a package's scores -> the Hub's name of the metric, ours."""
LICENCES = """
apache-2.0 mit openrail afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear
c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0
cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0
etalab-2.0 eupl-1.1 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc ms-pl mpl-2.0 odc-by
odbl osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl unknown other
"""
"""Identifiers that the Hub takes; any other licence is `other` with a name."""
LIMITS = (
    "It knows the classes above and no others: any other sound is missed, or taken for one of them.",
    "Scores hold for the data they are of; other places, microphones and levels give others.",
)
"""Of a model that says none of its own."""


@dataclass(frozen=True)
class Facts:
    """What a card tells of a model."""

    info: Mapping[str, Any]
    """Name, description, license, training_data, scores, limits: as in a package; none has to be there."""
    classes: Sequence[str]
    thresholds: Sequence[float]
    """Least score of an event, for each class."""
    min_lengths_s: Sequence[float]
    """Of the shortest event, for each class."""
    window_s: float
    sample_rate: int
    source: str = "."
    """What `sedt.load` is given: a folder, or the name on the Hub."""


class Score(NamedTuple):
    """One figure."""

    data_set: str
    split: str
    type: str
    """The Hub's name of the metric."""
    name: str
    value: float


def model_card(facts: Facts) -> str:
    """The text of README.md."""
    text = "\n\n".join(part for part in _parts(facts) if part)
    return f"---\n{_metadata(facts).to_yaml(line_break=chr(10))}\n---\n{text}\n"


def completed(text: str, facts: Facts) -> str:
    """A card that was written by hand, with the metadata that it lacks.

    A licence in `facts.info` goes before the one in the text. Raises InputError: the metadata are not YAML.
    """
    from huggingface_hub import ModelCard

    try:
        card = ModelCard(text)
    except Exception as error:  # YAML has error types of its own
        raise InputError(
            f"README.md: its metadata (between the lines ---) are no YAML: {_line(error)}"
        ) from error
    is_licensed = bool(facts.info.get("license"))
    for key, value in vars(_metadata(facts)).items():
        is_ours = card.data.get(key) is None or (is_licensed and key.startswith("license"))
        if value is not None and is_ours:
            card.data[key] = value
    return str(card)


def scores(info: Mapping[str, Any]) -> list[Score]:
    """All figures of a package: by split (`{"test": {"event_based": 0.3}}`), or one by one under names."""
    data_set = _line(info.get("data_set") or f"data of {_name(info)}")
    found = info.get("scores")
    rows = []
    for key, value in found.items() if isinstance(found, Mapping) else ():
        if isinstance(value, Mapping):
            known = ((METRICS[name], figure) for name, figure in value.items() if name in METRICS)
            rows += [Score(data_set, _line(key), *names, float(v)) for names, v in known if _is_number(v)]
        elif _is_number(value):
            rows.append(Score(data_set, "", "f1" if "F1" in key else "score", _line(key), float(value)))
    return rows


def _metadata(facts: Facts) -> ModelCardData:
    from huggingface_hub import EvalResult, ModelCardData

    figures = scores(facts.info)
    results = [
        EvalResult(
            task_type="audio-classification",
            task_name="Sound event detection",
            dataset_type=_slug(figure.data_set) or "unknown",
            dataset_name=figure.data_set,
            dataset_split=figure.split or None,
            metric_type=figure.type,
            metric_name=figure.name,
            metric_value=figure.value,
        )
        for figure in figures
    ]
    licence, licence_name = _licence(str(facts.info.get("license") or ""))
    return ModelCardData(
        library_name="sedt",
        pipeline_tag="audio-classification",
        tags=["sound-event-detection", "audio", "sedt"],
        license=licence,
        license_name=licence_name,
        metrics=sorted({figure.type for figure in figures}) or None,
        model_name=_name(facts.info) if results else None,
        eval_results=results or None,
    )


def _licence(said: str) -> tuple[str, str | None]:
    """The Hub's identifier, and a name where it has none."""
    name = re.sub(r"\s+", "-", _line(said).lower())
    if name in LICENCES.split() or not name:
        return name or "unknown", None
    return "other", _slug(said) or "other"


def _parts(facts: Facts) -> Iterator[str]:
    info = facts.info
    yield f"# {_plain(_name(info))}"
    yield _plain(info.get("description", ""))
    yield f"Finds, in windows of {facts.window_s:g} s: {', '.join(map(_plain, facts.classes))}."
    yield (
        f'```python\nimport sedt\ndetector = sedt.load("{facts.source}")\n'
        'events = detector.detect("recording.wav")\n```'
    )
    yield f"Or in a shell: `sedt detect recording.wav --model {facts.source}`"
    yield "## Scores\n\n" + _scores_text(info)
    classes = zip(facts.classes, facts.thresholds, facts.min_lengths_s, strict=True)
    rows = [(_plain(label), f"{threshold:.3g}", f"{shortest:.3g}") for label, threshold, shortest in classes]
    yield "## Classes\n\n" + _table(("class", "threshold", "shortest event, s"), rows)
    yield (
        f"Input: audio of any length and rate; inside, windows of {facts.window_s:g} s "
        f"at {facts.sample_rate} Hz, mono."
    )
    yield "## Training data\n\n" + (_list(info.get("training_data")) or "Not said.")
    yield f"## Licence\n\n{_plain(info.get('license') or '') or 'Not said.'}"
    yield "## Limits\n\n" + _list(info.get("limits") or LIMITS)


def _scores_text(info: Mapping[str, Any]) -> str:
    rows = [
        (_plain(s.data_set), _plain(s.split) or "-", _plain(s.name), f"{s.value:.4g}") for s in scores(info)
    ]
    return _table(("data", "part", "metric", "value"), rows) if rows else "None known."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _list(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"- {_plain(key)}: {_plain(item)}" for key, item in value.items())
    items = value if isinstance(value, list | tuple) else [value] if value else []
    return "\n".join(f"- {_plain(item)}" for item in items)


def _name(info: Mapping[str, Any]) -> str:
    return _line(info.get("name") or "") or "SEDT model"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")


def _line(value: Any) -> str:
    """On one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())


def _plain(value: Any) -> str:
    """On one line, and nothing of it is Markdown or HTML."""
    escaped = re.sub(r"[\\`*\[\]<>|$]|(?<!\w)[_~]|[_~](?!\w)", r"\\\g<0>", _line(value))
    return re.sub(r"^([#+=-]|\d+[.)])", r"\\\1", escaped)

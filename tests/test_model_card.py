"""The model card: what it says, and that nothing a name holds can break it."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st

from sedt.errors import InputError
from sedt.model_card import LICENCES, Facts, completed, model_card, scores
from sedt.package import PackageConfig
from sedt.package import model_card as card_of

DEMO = Path(str(files("sedt"))) / "bundled" / "demo"
SPLIT = re.compile(r"---\n(.*?)\n---\n(.*)", re.DOTALL)


def facts(classes: tuple[str, ...] = ("cat", "dog"), **info: Any) -> Facts:
    numbers = [0.5] * len(classes)
    return Facts(info, classes, numbers, numbers, window_s=10.0, sample_rate=16_000)


def metadata(card: str) -> dict[str, Any]:
    """By PyYAML alone, and as the Hub's own library reads it."""
    found = SPLIT.fullmatch(card)
    assert found is not None
    read = yaml.safe_load(found[1])
    assert isinstance(read, dict)
    assert ModelCard(card).data.to_dict() == read
    return read


def test_the_bundled_card_is_up_to_date() -> None:
    config = PackageConfig.model_validate_json((DEMO / "config.json").read_text(encoding="utf-8"))
    card = (DEMO / "README.md").read_text(encoding="utf-8")
    assert card == card_of(config)
    said = metadata(card)
    assert said["library_name"] == "sedt"
    assert said["pipeline_tag"] == "audio-classification"
    assert said["license"] == "cc-by-3.0"
    (index,) = said["model-index"]
    (result,) = index["results"]
    assert index["name"] == "demo-esc10"
    assert result["task"]["type"] == "audio-classification"
    assert "ESC-10" in result["dataset"]["name"]
    figures = config.info["scores"]["test"]
    assert [metric["value"] for metric in result["metrics"]] == list(figures.values())
    assert result["metrics"][0]["name"] == "event-based F1 (macro)"
    for label in config.classes:
        assert f"\n| {label} | 0.5 | 0.2 |\n" in card


def test_all_parts() -> None:
    card = model_card(
        replace(
            facts(
                name="kitchen",
                description="Dogs in my kitchen.",
                license="mit",
                data_set="My kitchen",
                scores={
                    "validation": {"event_based": 0.25, "epoch": 7.0},
                    "test": {"psds1": None, "psds2": 0.5},
                },
                training_data=["strong: 3 recordings"],
                limits=["Only my kitchen."],
            ),
            thresholds=[0.4, 0.6],
            source="me/kitchen",
        )
    )
    for line in (
        "# kitchen",
        "Dogs in my kitchen.",
        "Finds, in windows of 10 s: cat, dog.",
        'detector = sedt.load("me/kitchen")',
        "| My kitchen | validation | event-based F1 (macro) | 0.25 |",
        "| My kitchen | test | PSDS 2 | 0.5 |",
        "| cat | 0.4 | 0.5 |",
        "| dog | 0.6 | 0.5 |",
        "- strong: 3 recordings",
        "mit",
        "- Only my kitchen.",
    ):
        assert line in card.splitlines()
    assert "epoch" not in card
    results = metadata(card)["model-index"][0]["results"]
    assert [r["dataset"]["split"] for r in results] == ["validation", "test"]


def test_a_model_that_says_nothing() -> None:
    card = model_card(facts())
    said = metadata(card)
    assert said["license"] == "unknown"
    assert set(said) == {"library_name", "pipeline_tag", "tags", "license"}
    assert card.count("Not said.") == 2
    assert "None known." in card
    assert "It knows the classes above and no others" in card


@pytest.mark.parametrize(
    "info",
    [
        {"license": "cc-by-3.0", "scores": {"event-based F1 in % (macro), 200 scenes": 35.7}},
        {"scores": {"validation": {"event_based": 0.3, "epoch": 3.0}, "f1": 0.5, "note": "by ear"}},
        {"scores": "good", "training_data": {"strong": 3}, "limits": "few", "description": None},
        {"scores": {"test": {"event_based": float("nan"), "psds1": None, "tagging": True}}},
        {"scores": [1, 2], "training_data": "a lot", "license": None},
    ],
)
def test_packages_of_older_versions(info: dict[str, Any]) -> None:
    metadata(model_card(facts(**info)))


def test_which_scores_count() -> None:
    found = scores(
        {"data_set": "D", "scores": {"test": {"event_based": 0.3, "tagging": True}, "by ear": 0.5}}
    )
    assert [(s.split, s.name, s.value) for s in found] == [
        ("test", "event-based F1 (macro)", 0.3),
        ("", "by ear", 0.5),
    ]


@pytest.mark.parametrize(
    ("said", "license_id", "name"),
    [
        ("mit", "mit", None),
        ("MIT", "mit", None),
        ("CC BY 4.0", "cc-by-4.0", None),
        ("", "unknown", None),
        ("My own: words\n---", "other", "my-own-words"),
        ("***", "other", "other"),
    ],
)
def test_licences(said: str, license_id: str, name: str | None) -> None:
    found = metadata(model_card(facts(license=said)))
    assert found["license"] == license_id
    assert license_id in LICENCES.split()
    assert found.get("license_name") == name


ODD = st.text(max_size=40) | st.sampled_from(
    [
        "---",
        "a: b",
        "\n---\n",
        "# x",
        "| a | b |",
        "[x](y)",
        "<script>",
        "`",
        "'\"",
        "null",
        "{",
        "&a",
        "*a",
        "%",
        "\x85",
        "\u2028",
    ]
)


@given(
    name=ODD,
    description=ODD,
    data_set=ODD,
    licence=ODD,
    labels=st.lists(ODD, min_size=1, max_size=4, unique=True),
)
def test_nothing_breaks_it(
    name: str, description: str, data_set: str, licence: str, labels: list[str]
) -> None:
    info = {
        "name": name,
        "description": description,
        "data_set": data_set,
        "license": licence,
        "scores": {description: {"event_based": 0.25}, "test": {"event_based": 0.5}},
        "training_data": labels,
    }
    card = model_card(facts(tuple(labels), **info))
    said = metadata(card)
    assert said["library_name"] == "sedt"
    assert 0.25 in [m["value"] for r in said["model-index"][0]["results"] for m in r["metrics"]]
    body = SPLIT.fullmatch(card)[2]  # type: ignore[index]
    rows = [line for line in body.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 2 + 2 + len(labels)
    for row in rows:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) in (4, 5)
    headings = [line for line in body.splitlines() if line.startswith("#")]
    assert headings[1:] == ["## Scores", "## Classes", "## Training data", "## Licence", "## Limits"]
    assert "<" not in re.sub(r"\\.", "", body)


def test_what_somebody_wrote_is_kept() -> None:
    text = "---\nlicense: mit\nlanguage: en\ntags: [mine]\n---\n# Mine\n\nText.\n"
    card = completed(text, facts(scores={"test": {"event_based": 0.5}}))
    said = metadata(card)
    assert (said["license"], said["language"], said["tags"]) == ("mit", "en", ["mine"])
    assert said["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.5
    assert card.endswith("---\n# Mine\n\nText.\n")
    assert metadata(completed(text, facts(license="cc0-1.0")))["license"] == "cc0-1.0"
    assert completed("Only text.", facts()).endswith("---\nOnly text.")


@pytest.mark.parametrize("block", ["license: [", "a: b: c", "- list", "model-index: 3", "\t x"])
def test_metadata_that_cannot_be_read(block: str) -> None:
    with pytest.raises(InputError, match=r"^README.md: its metadata .* no YAML: ") as caught:
        completed(f"---\n{block}\n---\n# Mine\n", facts())
    assert "\n" not in str(caught.value)

"""What the run is: recipe, data, stages, and its figures in large."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from sedt.config import SourceConfig
from sedt.report.curves import score_name
from sedt.report.folder import RunFolder
from sedt.report.judged import Judged
from sedt.report.words import count, facts, hours, percent, plain, section, table

PARTS = ("strong", "weak", "unlabelled", "validation", "test")


def header(run: RunFolder) -> str:
    """Name and description."""
    words = f"<p>{escape(run.recipe.description)}</p>" if run.recipe.description else ""
    return f"<header><h1>{escape(run.recipe.name)}</h1>{words}</header>"


def headline(judged: Judged) -> str:
    """The figures that people ask for first, and what they were counted on."""
    scores = judged.scores
    tags = scores.get("tagging_from_tags") or scores["tagging"]
    tiles = [
        _tile("Event-based F1", percent(scores["event_based"]["macro"]["f1"]), _both(scores["event_based"])),
        _tile(
            "Segment-based F1",
            percent(scores["segment_based"]["macro"]["f1"]),
            _both(scores["segment_based"]),
        ),
        _tile("Tagging F1", percent(tags["macro"]["f1"]), _both(tags)),
        _tile("PSDS 1", plain(scores["psds1"]), "times matter"),
        _tile("PSDS 2", plain(scores["psds2"]), "labels matter"),
    ]
    return f'<div class="tiles">{"".join(tiles)}</div><p class="about">{escape(counted_on(judged))}</p>'


def size_of(judged: Judged) -> str:
    """Recordings and their length."""
    return f"{count(judged.num_files, 'recording')}, {hours(judged.seconds)}"


def counted_on(judged: Judged) -> str:
    """Which recordings, and what a reader must know of them."""
    size = size_of(judged)
    collars = judged.collars
    ends = "any offset" if collars.offset_s is None else f"offset {1000 * collars.offset_s:g} ms"
    if collars.offset_s is not None and collars.offset_ratio:
        ends += f" or {100 * collars.offset_ratio:g} % of the length"
    way = f"F1 in %, macro over classes; collars: onset {1000 * collars.onset_s:g} ms, {ends}."
    if judged.part == "test":
        return f"On the test set: {size}. {way}"
    return (
        f"On the validation set: {size}. {way} The recipe has no test set. Epoch and thresholds were "
        "chosen on these recordings, so the figures flatter the model."
    )


def about(run: RunFolder, judged: Judged | None) -> str:
    """Facts, stages, data."""
    return section("run", "Run", facts(_facts(run)), _stages(run), _sources(run, judged))


def _tile(name: str, value: str, below: str) -> str:
    return f"<div><span>{name}</span><b>{value}</b><small>{escape(below)}</small></div>"


def _both(metric: dict[str, Any]) -> str:
    macro = metric["macro"]
    return f"precision {percent(macro['precision'])}, recall {percent(macro['recall'])}"


def _facts(run: RunFolder) -> Iterator[tuple[str, str]]:
    recipe, model = run.recipe, run.recipe.model
    info: dict[str, Any] = {} if run.package is None else run.package.info
    classes = run.package.classes if run.package is not None else recipe.data.classes or []
    if classes:
        yield f"{len(classes)} classes", ", ".join(classes)
    if model.network == "sedt":
        yield (
            "network",
            (
                f"SEDT: {model.backbone}, E = {model.encoder_layers}, D = {model.decoder_layers}, "
                f"N = {model.num_queries}"
            ),
        )
    else:
        yield "network", {"crnn": "CRNN"}.get(model.network, "Conv-Transformer")
    features = recipe.features
    yield (
        "audio",
        (
            f"windows of {model.window_s:g} s at {features.sample_rate / 1000:g} kHz; {features.num_bands} "
            f"mel bands, a frame each {1000 * features.hop_samples / features.sample_rate:.3g} ms"
        ),
    )
    yield "seed", str(recipe.seed)
    yield (
        "made with",
        f"sedt {info.get('sedt_version', '')} {info.get('commit', '')}".strip() if info else "",
    )
    yield "thresholds", f"chosen by {info['tuned_on']}" if "tuned_on" in info else ""


def _stages(run: RunFolder) -> str:
    rows = []
    for stage in run.recipe.stages:
        epochs = [epoch for epoch in run.epochs if epoch.stage == stage]
        result = run.results.get(stage)
        planned = getattr(getattr(run.recipe, stage), "epochs", None)
        rows.append(
            (
                escape(stage),
                _state(result, bool(epochs)),
                "–" if planned is None else f"{len(epochs)} of {planned}",
                hours(sum(epoch.seconds for epoch in epochs)) if epochs else "–",
                str(run.chosen_epoch(stage) or "–"),
                escape(_chosen(result or {})),
            )
        )
    total = hours(sum(epoch.seconds for epoch in run.epochs))
    head = ("stage", "", "epochs", f"time ({total})", "chosen epoch", "its scores on validation")
    return table(head, rows, "stages")


def _state(result: dict[str, Any] | None, begun: bool) -> str:
    if result is not None:
        return '<span class="good">done</span>'
    return '<span class="bad">cut off, or going on</span>' if begun else "not begun"


def _chosen(result: dict[str, Any]) -> str:
    if "before" in result and "after" in result:
        return f"event-based {percent(result['before'])} → {percent(result['after'])} by thresholds"
    names = {name: value for name, value in result.items() if name != "epoch" and isinstance(value, float)}
    return ", ".join(
        f"{score_name(name)} {plain(v) if name == 'reconstruction' else percent(v)}"
        for name, v in names.items()
    )


def _sources(run: RunFolder, judged: Judged | None) -> str:
    lines = run.package.info.get("training_data", []) if run.package is not None else []
    sizes = dict(str(line).split(": ", 1) for line in lines if ": " in str(line))
    if judged is not None:
        sizes[judged.part] = size_of(judged)
    rows = [
        [part, escape("; ".join(map(_source, getattr(run.recipe.data, part)))), escape(sizes.get(part, ""))]
        for part in PARTS
        if getattr(run.recipe.data, part)
    ]
    return table(("data", "from", "size" if sizes else ""), rows, "sources")


def _source(source: SourceConfig) -> str:
    scenes = source.scenes
    if scenes is not None:
        anew = ", mixed anew in each epoch" if source.fresh else ""
        return f"{scenes.num_scenes} scenes of {scenes.duration_s:g} s from {_short(scenes.foreground)}{anew}"
    return _short(source.labels) if source.labels is not None else ", ".join(map(_short, source.audio))


def _short(path: Any) -> str:
    """The last parts: the report may be shown to others."""
    return "/".join(str(path).replace("\\", "/").split("/")[-2:])

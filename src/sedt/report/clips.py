"""The clips with the most errors, to see and to hear."""

from __future__ import annotations

from collections.abc import Callable

from sedt.errors import InputError
from sedt.events import Event
from sedt.metrics import Confusion, FileErrors
from sedt.pictures.player import Stretch, clock, player_html
from sedt.report.judged import Judged
from sedt.report.words import note, section

LEAD_S = 1.0
"""Heard before the first error of a stretch of a long recording."""


def worst_clips(
    judged: Judged, found: Confusion, number: int, longest_s: float, say: Callable[[str], None]
) -> str:
    """Players of at most `number` clips, each at most `longest_s`, with truth and estimate."""
    ranked = sorted(found.files, key=lambda name: (-found.files[name].number, name))
    worst = [name for name in ranked if found.files[name].number][:number]
    if not number:
        return ""
    if not worst:
        return section("clips", "Worst clips", note("No clip has an error."))
    if not judged.recordings:
        why = (
            f"The {judged.part} recordings cannot be read ({judged.why_silent}), so there is nothing to hear."
        )
        return section("clips", "Worst clips", note(why))
    players = "".join(_player(name, found.files[name], judged, longest_s, say) for name in worst)
    return section(
        "clips",
        "Worst clips",
        f'<div class="players">{players}</div>',
        about="By missed and false events. In each lane: above, outlined, what is true; below, filled, what "
        "was found, with its score; errors have a red edge. Dashed lines in the spectrogram are true. Click "
        "an event to hear it.",
    )


def stretch_of(errors: FileErrors, duration_s: float, longest_s: float) -> tuple[float, float]:
    """Start and length, in seconds, of the part with the most errors."""
    if duration_s <= longest_s:
        return 0.0, duration_s
    wrong = _wrong(errors)

    def inside(start_s: float) -> int:
        return sum(start_s <= e.onset and e.offset <= start_s + longest_s for e in wrong)

    starts = [min(max(0.0, e.onset - LEAD_S), duration_s - longest_s) for e in wrong]
    return max(sorted(starts), key=inside), longest_s


def _player(
    name: str, errors: FileErrors, judged: Judged, longest_s: float, say: Callable[[str], None]
) -> str:
    one, trial = judged.recordings.get(name), judged.trial
    if one is None:
        return note(f"{name}: no longer among the recipe's {judged.part} recordings.")
    start_s, length_s = stretch_of(errors, trial.durations[name], longest_s)
    rate = judged.package.features.sample_rate
    try:
        samples, _ = one.recordings.read(one.index, rate, start_s, length_s)
    except InputError as error:
        say(f"note: {error}")
        return note(f"{name}: cannot be read: {error}")
    stretch = Stretch(
        samples,
        rate,
        start_s,
        length_s,
        [e for e in trial.estimated.get(name, ()) if _touches(e, start_s, length_s)],
        [e for e in trial.reference[name] if _touches(e, start_s, length_s)],
        frozenset(_wrong(errors)),
        judged.package.classes,
    )
    whole = trial.durations[name]
    part = "" if length_s >= whole else f", {clock(start_s)} – {clock(start_s + length_s)} of {clock(whole)}"
    return player_html(stretch, name, _said(errors) + part)


def _said(errors: FileErrors) -> str:
    parts = {
        "missed": len(errors.missed),
        "false": len(errors.false),
        "called otherwise": len(errors.called_otherwise),
    }
    return ", ".join(f"{number} {what}" for what, number in parts.items() if number)


def _wrong(errors: FileErrors) -> list[Event]:
    both = [event for pair in errors.called_otherwise for event in pair]
    return [*errors.missed, *errors.false, *both]


def _touches(event: Event, start_s: float, length_s: float) -> bool:
    return event.offset >= start_s and event.onset <= start_s + length_s

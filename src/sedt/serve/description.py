"""What a server says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from sedt.detector import Detector
from sedt.formats import FORMATS
from sedt.serve.settings import ServeSettings


class Health(BaseModel):
    """`GET /health`."""

    status: str
    model: str
    version: str
    queue: int
    """Requests in hand."""
    streams: int


class ModelDescription(BaseModel):
    """`GET /model`."""

    name: str
    fingerprint: str
    """Changes when the model does."""
    classes: list[str]
    window_s: float
    hop_s: float
    sample_rate: int
    thresholds: dict[str, float]
    """Smallest score of an event, by class."""
    tag_thresholds: dict[str, float]
    formats: list[str]
    """What `POST /detect` and `POST /convert` write."""
    saves_corrections: bool
    max_upload_bytes: int
    max_duration_s: float
    max_streams: int


def describe(detector: Detector, settings: ServeSettings) -> ModelDescription:
    """The model and the limits."""
    return ModelDescription(
        name=settings.model,
        fingerprint=settings.fingerprint,
        classes=list(detector.classes),
        window_s=detector.window_s,
        hop_s=detector.hop_s,
        sample_rate=detector.sample_rate,
        thresholds=_by_class(detector.decision.threshold, detector.classes),
        tag_thresholds=_by_class(detector.decision.tag_threshold, detector.classes),
        formats=list(FORMATS),
        saves_corrections=settings.corrections is not None,
        max_upload_bytes=settings.max_upload_bytes,
        max_duration_s=settings.max_duration_s,
        max_streams=settings.max_streams,
    )


def _by_class(value: float | Mapping[str, float], classes: list[str]) -> dict[str, float]:
    if isinstance(value, Mapping):
        return {label: float(value[label]) for label in classes}
    return dict.fromkeys(classes, float(value))

"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_WINDOWS = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Counts of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = self._counter("sedt_requests", "Answers to requests", "method", "route", "status")
        self._seconds = Histogram(
            "sedt_request_seconds",
            "From a request's head to the end of its answer",
            ["route"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.audio_s = self._counter("sedt_audio_seconds", "Audio in which events were detected")
        self.events = self._counter("sedt_events", "Events detected")
        self.upload_bytes = self._counter("sedt_upload_bytes", "Bytes of recordings received")
        self._windows = self._histogram("sedt_batch_windows", "Windows that went through the model together")
        self._askers = self._histogram("sedt_batch_requests", "Requests and streams whose windows those were")
        self.in_hand = Gauge(
            "sedt_requests_in_hand", "Requests received, waiting or worked on", registry=self.registry
        )
        self.streams = Gauge("sedt_streams", "WebSockets that stream", registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has ended."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, windows: int, askers: int) -> None:
        """The model has run."""
        self._windows.observe(windows)
        self._askers.observe(askers)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, registry=self.registry, buckets=_WINDOWS)

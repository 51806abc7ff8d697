"""What the realtime server reports about itself."""

from __future__ import annotations

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["Metrics", "NoMetrics", "PrometheusMetrics"]


class Metrics(Protocol):
    """Hooks called from the event loop; they must not block. `route` is the path's pattern."""

    def opened(self, route: str, encoding: str) -> None:
        """A socket settled on its encoding."""

    def closed(self, route: str, code: int, seconds: float) -> None:
        """A socket ended with this close code after this long."""

    def refused(self, route: str, status: int) -> None:
        """An upgrade was answered with an HTTP error."""

    def received(self, route: str, size: int) -> None:
        """A message of `size` bytes came in."""

    def sent(self, route: str, size: int) -> None:
        """A message of `size` bytes was written."""

    def coalesced(self, route: str) -> None:
        """An update replaced one that had not been written yet."""

    def error(self, route: str, code: str) -> None:
        """An error frame was sent."""


class NoMetrics:
    """Reports nowhere."""

    def opened(self, route: str, encoding: str) -> None: ...

    def closed(self, route: str, code: int, seconds: float) -> None: ...

    def refused(self, route: str, status: int) -> None: ...

    def received(self, route: str, size: int) -> None: ...

    def sent(self, route: str, size: int) -> None: ...

    def coalesced(self, route: str) -> None: ...

    def error(self, route: str, code: str) -> None: ...


class PrometheusMetrics:
    """Counters and histograms that add up over processes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"choir_realtime_{name}", text, ("route", *labels), registry=registry)

        self._open = Gauge("choir_realtime_sockets", "Open sockets", ("route",), registry=registry)
        self._opened = counter("opened", "Sockets opened", "encoding")
        self._closed = counter("closed", "Sockets closed", "code")
        self._refused = counter("refused", "Upgrades refused", "status")
        self._received = counter("received_frames", "Messages received")
        self._received_bytes = counter("received_bytes", "Bytes received")
        self._sent = counter("sent_frames", "Messages written")
        self._sent_bytes = counter("sent_bytes", "Bytes written")
        self._coalesced = counter("coalesced_frames", "Updates replaced by a later one")
        self._errors = counter("error_frames", "Error frames", "code")
        self._lifetime = Histogram(
            "choir_realtime_socket_seconds",
            "How long sockets lived",
            ("route",),
            buckets=(1, 10, 60, 300, 1800, 7200, 43200),
            registry=registry,
        )

    def opened(self, route: str, encoding: str) -> None:
        self._open.labels(route).inc()
        self._opened.labels(route, encoding).inc()

    def closed(self, route: str, code: int, seconds: float) -> None:
        self._open.labels(route).dec()
        self._closed.labels(route, str(code)).inc()
        self._lifetime.labels(route).observe(seconds)

    def refused(self, route: str, status: int) -> None:
        self._refused.labels(route, str(status)).inc()

    def received(self, route: str, size: int) -> None:
        self._received.labels(route).inc()
        self._received_bytes.labels(route).inc(size)

    def sent(self, route: str, size: int) -> None:
        self._sent.labels(route).inc()
        self._sent_bytes.labels(route).inc(size)

    def coalesced(self, route: str) -> None:
        self._coalesced.labels(route).inc()

    def error(self, route: str, code: str) -> None:
        self._errors.labels(route, code).inc()

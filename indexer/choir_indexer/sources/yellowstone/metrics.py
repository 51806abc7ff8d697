"""What an operator can see of the stream."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

__all__ = ["StreamMetrics"]


class StreamMetrics:
    """Counters of one source, in the process's registry or in one of their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.buffered = Gauge(
            "choir_indexer_stream_buffered",
            "Transactions and accounts of whole slots that the mirror has not taken",
            registry=registry,
        )
        self.pauses = Counter(
            "choir_indexer_stream_pauses",
            "Times the stream was not read because the buffer was full",
            registry=registry,
        )
        self.streams = Counter(
            "choir_indexer_stream_opened", "Streams opened, by whether they replay",
            ("replay",), registry=registry,
        )  # fmt: skip
        self.refused = Counter(
            "choir_indexer_stream_replay_refused",
            "Replays that the server could not give",
            registry=registry,
        )
        self.gaps = Counter(
            "choir_indexer_stream_gaps",
            "Holes in the stream that were filled from the node",
            registry=registry,
        )
        self.dead = Counter("choir_indexer_stream_dead_slots", "Slots that died", registry=registry)
        self.asked = Counter(
            "choir_indexer_stream_accounts_asked",
            "Accounts that the stream did not carry and the node was asked for",
            registry=registry,
        )

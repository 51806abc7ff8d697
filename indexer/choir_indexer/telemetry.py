"""What the mirror says of itself: its state for `/health`, its numbers for `/metrics`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from choir.clock import Clock
from choir_indexer.store.gaps import GapRow

__all__ = ["Metrics", "State"]


class Metrics:
    """Prometheus metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.watermark = Gauge(
            "choir_indexer_watermark_slot", "Newest slot proven complete", registry=self.registry
        )
        self.frontier = Gauge(
            "choir_indexer_frontier_slot", "Newest slot the source has", registry=self.registry
        )
        self.lag_slots = Gauge(
            "choir_indexer_lag_slots", "Slots between the two", registry=self.registry
        )
        self.lag_seconds = Gauge(
            "choir_indexer_lag_seconds",
            "Seconds since the mirror last had everything that the source had",
            registry=self.registry,
        )
        self.retries = Counter(
            "choir_indexer_source_retries",
            "Requests that the node was asked again, being busy, behind or away",
            registry=self.registry,
        )
        self.transactions = Counter(
            "choir_indexer_transactions", "Transactions written", registry=self.registry
        )
        self.events = Counter("choir_indexer_events", "Events written", registry=self.registry)
        self.accounts = Counter(
            "choir_indexer_account_updates",
            "Account updates given to the merge",
            ["origin"],
            registry=self.registry,
        )
        self.dead_letters = Counter(
            "choir_indexer_dead_letters", "Updates not understood", registry=self.registry
        )
        self.lost_hints = Counter(
            "choir_indexer_lost_announcements",
            "Announcements dropped by the bounded queue; history had them",
            registry=self.registry,
        )
        self.gaps = Counter(
            "choir_indexer_gaps", "Gaps found in what the source gave", registry=self.registry
        )
        self.gaps_open = Gauge(
            "choir_indexer_gaps_open", "Gaps that are not filled yet", registry=self.registry
        )
        self.interruptions = Counter(
            "choir_indexer_interruptions",
            "Sessions with the source or the database that ended early",
            ["cause"],
            registry=self.registry,
        )
        self.rollbacks = Counter(
            "choir_indexer_rollbacks",
            "Times that slots were taken back because the chain had left their fork",
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "choir_indexer_commit_seconds", "Time of one history transaction",
            registry=self.registry,
        )  # fmt: skip


@dataclass(slots=True)
class State:
    """Where the mirror stands. `caught_up_at` is the clock's monotonic time when the watermark
    last stood at the source's frontier; None before the first time. Transactions older than
    `history_slot` could not be had; None when all are there. `gap` is what the source has not
    given yet, though it must have it."""

    clock: Clock
    phase: str = "starting"
    slot: int | None = None
    frontier: int | None = None
    history_slot: int | None = None
    caught_up_at: float | None = None
    trouble: str | None = None
    gap: GapRow | None = None
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.started_at = self.clock.monotonic()

    def lag_s(self) -> float:
        """Seconds since the mirror last had everything the source had."""
        since = self.started_at if self.caught_up_at is None else self.caught_up_at
        return self.clock.monotonic() - since

    def report(self, max_lag_s: float) -> tuple[bool, dict[str, object]]:
        """Whether the mirror may be trusted to be current, and the account of it."""
        lag = self.lag_s()
        healthy = self.caught_up_at is not None and lag <= max_lag_s
        return healthy, {
            "status": "ok" if healthy else "behind",
            "phase": self.phase,
            "watermark": self.slot,
            "frontier": self.frontier,
            "history_slot": self.history_slot,
            "lag_s": round(lag, 3),
            "max_lag_s": max_lag_s,
            "trouble": self.trouble,
            "gap": None if self.gap is None else asdict(self.gap),
        }

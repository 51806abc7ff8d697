"""What the application is given at construction, and how endpoints reach it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from choir.clock import Clock, SystemClock
from choir.sending import Sender
from choir_api.db import Database
from choir_api.entropy import Entropy, SystemEntropy
from choir_api.rate import Limiter
from choir_api.settings import Settings
from choir_api.transactions.admission import Admission

if TYPE_CHECKING:
    from choir_api.search.engine import SearchEngine
    from choir_api.spaces.hub import SpaceHub


@dataclass(frozen=True, kw_only=True)
class Deps:
    """The ports of the API; tests give their own.

    A room that needs more adds one field with its port, defaulting to None when the API can
    do without.
    """

    settings: Settings
    database: Database
    limiter: Limiter
    sender: Sender
    admission: Admission = field(init=False)
    spaces: SpaceHub | None = None
    search: SearchEngine | None = None
    clock: Clock = field(default_factory=SystemClock)
    entropy: Entropy = field(default_factory=SystemEntropy)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        settings = self.settings
        admission = Admission(
            of_wallet=settings.submissions_of_wallet, in_all=settings.submissions_in_all
        )
        object.__setattr__(self, "admission", admission)

    def now(self) -> datetime:
        """The clock's time, in UTC."""
        return datetime.fromtimestamp(self.clock.now(), UTC)


def get_deps(request: Request) -> Deps:
    """The ports of the application that serves this request."""
    deps: Deps = request.app.state.deps
    return deps


Given = Annotated[Deps, Depends(get_deps)]

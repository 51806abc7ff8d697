"""What goes wrong in a run: weather drawn from a seed, and a count of what it did.

Everything random in a run comes from one generator, and everything it moves happens either
while the mirror waits for announcements or inside a request of the mirror's, so that a seed
gives the same run again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

from tests.indexer.synthetic import Faults

from choir.errors import RateLimited, RpcError, RpcUnreachable
from choir_indexer.model import Hint, Lost
from choir_indexer.sources import (
    MissingTransaction,
    NotListed,
    Pruned,
    SourceError,
    SourceLost,
)

__all__ = ["VECTORS", "Plan"]

REQUESTS = ("429", "503", "node error", "chain moves meanwhile", "node behind", "older answer")
LISTS = ("short page", "list lacks newest", "list breaks off")
FETCHES = ("null transaction", "another transaction")
ANNOUNCEMENTS = ("lost", "doubled", "reordered", "delayed", "cut", "queue full")
AROUND = ("kill", "stop", "database cut", "several slots at once")
VECTORS = (
    "vectors refused",
    "vectors answer lost",
    "vectors half written",
    "vectors slow",
    "vectors restarted",
    "embedder refused",
    "pump killed",
    "no pump",
)
KINDS = (*REQUESTS, *LISTS, *FETCHES, *ANNOUNCEMENTS, *AROUND)
CHANCES = (0.02, 0.08, 0.25)
OFTENER = {"kill": 3, "stop": 2, "database cut": 2, "short page": 3, "older answer": 4, "cut": 2}
"""What seldom has occasion."""


class Plan(Faults):
    """The faults of one run: of requests, of announcements, of what is around.

    Args:
        dice: the run's generator.
        counts: how often each fault happened, over all runs.
        kinds: what may go wrong.
    """

    def __init__(
        self, dice: random.Random, counts: Counter[str], kinds: Sequence[str] = KINDS
    ) -> None:
        self.dice = dice
        self.counts = counts
        self.move: Callable[[], bool] = lambda: False
        """Lets the chain move on; False when it is over."""
        self._late: list[Hint] = []
        self._left = dice.choice((8, 25, 60))  # no storm lasts for ever
        stormy = dice.choice((0.15, 0.4, 0.8))
        self.weather = {kind: dice.choice(CHANCES) for kind in kinds if dice.random() < stormy}

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self.weather = {}

    def hits(self, kind: str, *, counted: bool = True) -> bool:
        """Whether this fault happens now."""
        chance = self.weather.get(kind)
        if chance is None or not self._left or self.dice.random() >= chance:
            return False
        self._left -= 1
        if counted:
            self.counts[kind] += 1
        return True

    def before(self, call: str) -> None:
        """A request through the port itself."""
        if self.hits("chain moves meanwhile", counted=False) and self.move():
            self.counts["chain moves meanwhile"] += 1
        for kind in ("429", "503", "node error"):
            if self.hits(kind):
                raise SourceError(f"{call}: {kind}")
        if call == "list":
            if self.hits("list lacks newest"):
                raise NotListed("announced, but not listed")
            if self.hits("list breaks off"):
                raise Pruned("the list broke off")
        if call == "transactions" and self.hits("null transaction"):
            raise MissingTransaction("listed, but not there")

    def request(self, method: str) -> None:
        """A request to the node. Raises RpcError."""
        if self.hits("chain moves meanwhile", counted=False) and self.move():
            self.counts["chain moves meanwhile"] += 1
        if self.hits("429"):
            raise RateLimited(method, retry_after=self.dice.choice((None, 0.5, 30.0)))
        if self.hits("503"):
            raise RpcUnreachable(f"{method}: 503")
        if self.hits("node error"):
            raise RpcError(f"{method}: internal error", code=-32603)

    def lag(self) -> int:
        return self.dice.randint(1, 3) if self.hits("node behind") else 0

    def announced(self, hints: list[Hint]) -> list[Hint] | SourceLost:
        hints = [hint for hint in hints if not self.hits("lost")]
        if self.hits("cut"):
            self._late.clear()
            return SourceLost("cut off")
        if self._late:
            hints, self._late = [*hints, *self._late], []
        if self.hits("delayed"):
            self._late = hints[len(hints) // 2 :]
            hints = hints[: len(hints) // 2]
        if self.hits("doubled"):
            hints = [*hints, *hints]
        if self.hits("reordered"):
            self.dice.shuffle(hints)
        if hints and self.hits("queue full"):
            return [Lost(len(hints))]
        return hints

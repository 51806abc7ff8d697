"""Reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009), the same for each engine.

Done here and not in the engines because they break ties differently from call to call, and
paging needs one order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from choir.vectors.protocol import Hit

RANK_CONSTANT = 60
# How far each branch is read. Constant, so that a hit's score, and with it the order, does
# not depend on how many results somebody asks for.
DEPTH = 200


def fuse(branches: Iterable[Sequence[Hit]], limit: int) -> list[Hit]:
    """The hits of all branches by Σ 1/(60 + rank), ranks from 1; ties by message.

    Args:
        branches: hits with the branch's own score, best first.
        limit: results wanted, at most.
    """
    scores: dict[str, float] = {}
    known: dict[str, Hit] = {}
    for branch in branches:
        ordered = sorted(branch, key=lambda hit: (-hit.score, hit.message))
        for rank, hit in enumerate(ordered, start=1):
            scores[hit.message] = scores.get(hit.message, 0.0) + 1 / (RANK_CONSTANT + rank)
            known[hit.message] = hit
    best = sorted(scores, key=lambda message: (-scores[message], message))[:limit]
    return [replace(known[message], score=scores[message]) for message in best]

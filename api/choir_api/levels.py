"""Privacy levels, statuses and decisions by the names that requests and answers use."""

from __future__ import annotations

from typing import Literal, TypeAlias

from choir.accounts import Decision, PrivacyLevel, SpecStatus, ThreadStatus
from choir.privacy import Level

LevelName: TypeAlias = Literal["public", "premium", "thread-only", "encrypted"]
ThreadStatusName: TypeAlias = Literal["open", "closed", "closing"]
SpecStatusName: TypeAlias = Literal[
    "pending", "approved", "denied", "split", "expired", "withdrawn"
]
DecisionName: TypeAlias = Literal["approve", "deny"]

LEVEL_NAMES: dict[int, LevelName] = {
    Level.PUBLIC: "public",
    Level.PREMIUM: "premium",
    Level.THREAD_ONLY: "thread-only",
    Level.ENCRYPTED: "encrypted",
}
THREAD_STATUS_NAMES: dict[int, ThreadStatusName] = {
    ThreadStatus.OPEN: "open",
    ThreadStatus.CLOSED: "closed",
    ThreadStatus.CLOSING: "closing",
}
SPEC_STATUS_NAMES: dict[int, SpecStatusName] = {
    SpecStatus.PENDING: "pending",
    SpecStatus.APPROVED: "approved",
    SpecStatus.DENIED: "denied",
    SpecStatus.SPLIT: "split",
    SpecStatus.EXPIRED: "expired",
    SpecStatus.WITHDRAWN: "withdrawn",
}
DECISIONS: dict[DecisionName, Decision] = {"approve": Decision.APPROVE, "deny": Decision.DENY}


def privacy_level(name: LevelName) -> PrivacyLevel:
    """The program's level of that name."""
    return PrivacyLevel(Level.parse(name).value)

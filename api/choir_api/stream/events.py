"""The chain's events as the realtime events subscribers know."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from choir_api.stream.frames import Channel

Realtime: TypeAlias = Literal[
    "NewMessage", "NewApproval", "ApprovalRequest", "StateChange", "PrivacyChanged", "UserAction"
]

_CHANNELS: dict[str, Channel] = {
    "SpecDecided": "approvals",
    "SpecSubmitted": "specs",
    "SpecSettled": "specs",
    "SpecCleaned": "specs",
}
_REALTIME: dict[str, Realtime] = {
    "MessagePosted": "NewMessage",
    "SpecDecided": "NewApproval",
    "PrivacyChanged": "PrivacyChanged",
    "AuthorJoined": "UserAction",
    "AuthorLeft": "UserAction",
    "AuthorRetired": "UserAction",
    "Deposited": "UserAction",
    "Divested": "UserAction",
    "RewardClaimed": "UserAction",
}
# whole numbers that are not amounts and stay numbers
_COUNTS = frozenset(
    {
        "slot",
        "timestamp",
        "index",
        "author_epoch",
        "expires_at",
        "approvals",
        "denials",
        "sequence",
        "last_action_at",
    }
)
# fields that hold the name of an enum's variant
_NAMES = frozenset({"privacy", "decision", "outcome", "from", "to"})


def channel_of(kind: str) -> Channel:
    """Which subscription an event belongs to."""
    return _CHANNELS.get(kind, "thread")


def realtime_of(kind: str, *, co_author: bool) -> Realtime:
    """What an event is to a subscriber: a new spec asks the co-authors for approval."""
    if kind == "SpecSubmitted" and co_author:
        return "ApprovalRequest"
    return _REALTIME.get(kind, "StateChange")


def public(payload: dict[str, Any]) -> dict[str, Any]:
    """The event's fields as answers write them: amounts as digits, names in lower case."""
    return {name: _field(name, value) for name, value in payload.items()}


def _field(name: str, value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and name not in _COUNTS:
        return str(value)
    if isinstance(value, str) and name in _NAMES:
        return value.lower().replace("_", "-")
    return value

"""Who may do what in a space. Roles are ordered: reader, writer, admin, owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from choir.spaces.models import OpName, Role

RANK: Final[Mapping[Role, int]] = {"reader": 0, "writer": 1, "admin": 2, "owner": 3}

NEEDED: Final[Mapping[OpName, Role]] = {
    "set_phase": "writer",
    "shift_phase": "writer",
    "set_operator": "writer",
    "set_entropy": "writer",
    "set_policy": "admin",
}
"""What each operation asks of its author."""


def allows(role: Role, needed: Role) -> bool:
    """Whether `role` may do what `needed` may."""
    return RANK[role] >= RANK[needed]


def lesser(a: Role, b: Role) -> Role:
    """The weaker of two roles: a session never gives more than its member has."""
    return a if RANK[a] <= RANK[b] else b


def needed_for(ops: Iterable[OpName]) -> Role:
    """The role that all of these operations together ask for."""
    return max((NEEDED[op] for op in ops), key=RANK.__getitem__, default="reader")


def visible_as(role: Role | None, *, allow_guest: bool) -> Role | None:
    """The role in effect: a stranger reads where guests may, and else sees nothing (None)."""
    if role is None and allow_guest:
        return "reader"
    return role

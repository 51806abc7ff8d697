"""A query's filter as plain values, made in one place for every engine and branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from choir.vectors.protocol import Query

# Payload fields that filters read, and how an engine should index them.
INDEXES: Final = {
    "access": "keyword",
    "thread": "keyword",
    "author": "keyword",
    "level": "integer",
    "created_at": "integer",
}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field, or one of its items, is among the values; no values: no match."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Equals:
    """The field is the value."""

    key: str
    value: str | int


@dataclass(frozen=True, slots=True)
class Between:
    """The number is in the half-open interval; None is unbounded."""

    key: str
    start: int | None
    end: int | None


Condition: TypeAlias = AnyOf | Equals | Between


def conditions(query: Query) -> tuple[Condition, ...]:
    """What a point has to satisfy, all of it; the access condition is always the first."""
    where = query.where
    found: list[Condition] = [AnyOf("access", tuple(query.access.sorted()))]
    found += [
        Equals(key, value)
        for key, value in (("thread", where.thread), ("author", where.author))
        if value is not None
    ]
    if where.level is not None:
        found.append(Equals("level", int(where.level)))
    if where.after is not None or where.before is not None:
        found.append(Between("created_at", where.after, where.before))
    return tuple(found)


def holds(condition: Condition, payload: dict[str, Any]) -> bool:
    """Whether a payload satisfies a condition: the reference for the engines."""
    value = payload.get(condition.key)
    if value is None:
        return False
    if isinstance(condition, AnyOf):
        have = set(value) if isinstance(value, list) else {value}
        return not have.isdisjoint(condition.values)
    if isinstance(condition, Equals):
        return bool(value == condition.value)
    return (condition.start is None or value >= condition.start) and (
        condition.end is None or value < condition.end
    )

"""The access matrix: four levels, three roles, five rights.

========== ================== ================== ============ ===============================
viewer     public             premium            thread-only  encrypted
========== ================== ================== ============ ===============================
co-author  all                all                all          all, as ciphertext and own key
premium    read, search, cite read, search, cite summary      existence only
anyone     read, search, cite summary            summary      existence only
========== ================== ================== ============ ===============================

A right says what the viewer may *do*; a view says in which form the content reaches them.
Whoever lacks the right to read still gets the view of their cell, and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from choir.privacy.errors import UnauthorizedAccess


class Level(IntEnum):
    """Privacy level, with the numbers the program stores; a higher one is stricter."""

    PUBLIC = 0
    PREMIUM = 1
    THREAD_ONLY = 2
    ENCRYPTED = 3

    @property
    def label(self) -> str:
        """The name used in requests and answers: ``public``, ``thread-only``, …"""
        return self.name.lower().replace("_", "-")

    @classmethod
    def parse(cls, label: str) -> Level:
        """The level of a label.

        Raises:
            ValueError: the label is not one of the four; the message lists them.
        """
        for level in cls:
            if level.label == label:
                return level
        known = ", ".join(level.label for level in cls)
        raise ValueError(f"{label!r} is not a privacy level; use one of: {known}")


class Role(IntEnum):
    """How a viewer stands to one content; a higher role never sees less."""

    ANYONE = 0
    PREMIUM = 1
    CO_AUTHOR = 2


class Right(StrEnum):
    """What a viewer may do with content."""

    READ = "read"
    WRITE = "write"
    APPROVE = "approve"
    SEARCH = "search"
    CITE = "cite"


class View(IntEnum):
    """The form in which content reaches a viewer, from least to most telling."""

    EXISTENCE = 0
    SUMMARY = 1
    CIPHERTEXT = 2
    FULL = 3


class Detail(IntEnum):
    """How much a summary may tell; each level of privacy has its own."""

    MINIMAL = 0
    LIMITED = 1
    DETAILED = 2


class Citation(IntEnum):
    """How a citation of a source is shown to a viewer."""

    EXISTENCE = 0
    LIMITED = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking.

    Attributes:
        wallet: base58 public key, or None for somebody who has not signed in.
        premium: holds the premium attribute now.
        threads: base58 addresses of the threads the wallet co-authors now, read from the
            mirror of the chain for this request and not remembered between requests.
    """

    wallet: str | None = None
    premium: bool = False
    threads: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if self.wallet is None and (self.premium or self.threads):
            raise ValueError("an anonymous viewer has neither premium nor threads")


ANONYMOUS = Viewer()


@dataclass(frozen=True, slots=True)
class Content:
    """What is asked for: the base58 address of its thread and its level now."""

    thread: str
    level: Level


@dataclass(frozen=True, slots=True)
class Access:
    """The answer of :func:`decide`.

    Attributes:
        role: how the viewer stands to this content.
        rights: what they may do.
        view: the form in which they get it.
        detail: how telling a summary may be; set when, and only when, ``view`` is SUMMARY.
        wrapped_key: whether their own wrapped content key goes with the ciphertext.
    """

    role: Role
    rights: frozenset[Right]
    view: View
    detail: Detail | None = None
    wrapped_key: bool = False

    def allows(self, right: Right) -> bool:
        """Whether ``right`` is among the rights."""
        return right in self.rights


SUMMARY_DETAIL = {
    Level.PUBLIC: Detail.DETAILED,
    Level.PREMIUM: Detail.LIMITED,
    Level.THREAD_ONLY: Detail.MINIMAL,
}

_ALL = frozenset(Right)
_USE = frozenset({Right.READ, Right.SEARCH, Right.CITE})
_NONE: frozenset[Right] = frozenset()

_EVERYTHING = (_ALL, View.FULL)
_READABLE = (_USE, View.FULL)
_SUMMARY = (_NONE, View.SUMMARY)
_EXISTENCE = (_NONE, View.EXISTENCE)

_MATRIX: dict[Role, dict[Level, tuple[frozenset[Right], View]]] = {
    Role.CO_AUTHOR: {
        Level.PUBLIC: _EVERYTHING,
        Level.PREMIUM: _EVERYTHING,
        Level.THREAD_ONLY: _EVERYTHING,
        Level.ENCRYPTED: (_ALL, View.CIPHERTEXT),
    },
    Role.PREMIUM: {
        Level.PUBLIC: _READABLE,
        Level.PREMIUM: _READABLE,
        Level.THREAD_ONLY: _SUMMARY,
        Level.ENCRYPTED: _EXISTENCE,
    },
    Role.ANYONE: {
        Level.PUBLIC: _READABLE,
        Level.PREMIUM: _SUMMARY,
        Level.THREAD_ONLY: _SUMMARY,
        Level.ENCRYPTED: _EXISTENCE,
    },
}


def role_of(viewer: Viewer, thread: str) -> Role:
    """The viewer's highest role for content of ``thread`` (base58 address)."""
    if viewer.wallet is not None and thread in viewer.threads:
        return Role.CO_AUTHOR
    if viewer.wallet is not None and viewer.premium:
        return Role.PREMIUM
    return Role.ANYONE


def decide(viewer: Viewer, content: Content, *, certain: bool = True) -> Access:
    """What ``viewer`` may do with ``content`` and in which form they get it.

    Args:
        viewer: who is asking.
        content: what for.
        certain: whether level and co-authors are known to be the present ones. Without that
            nobody learns more of content that is not public than that it is there.

    Raises:
        KeyError: ``content.level`` is not a :class:`Level`; an unknown level shows nothing.
    """
    role = role_of(viewer, content.thread)
    if not certain and content.level is not Level.PUBLIC:
        return Access(role=role, rights=_NONE, view=View.EXISTENCE)
    rights, view = _MATRIX[role][content.level]
    return Access(
        role=role,
        rights=rights,
        view=view,
        detail=SUMMARY_DETAIL[content.level] if view is View.SUMMARY else None,
        wrapped_key=view is View.CIPHERTEXT,
    )


def require(viewer: Viewer, content: Content, rights: Iterable[Right]) -> Access:
    """:func:`decide`, insisting on all of ``rights``.

    Raises:
        UnauthorizedAccess: at least one is missing; the message names the missing ones.
    """
    access = decide(viewer, content)
    missing = sorted(right.value for right in rights if not access.allows(right))
    if missing:
        raise UnauthorizedAccess(
            f"this {content.level.label} content does not give you the right to "
            f"{' or '.join(missing)}; its thread's co-authors have it"
        )
    return access


def cite(viewer: Viewer, source: Content) -> Citation:
    """How a citation of ``source`` is shown to ``viewer``: by their rights on the source."""
    access = decide(viewer, source)
    if access.view is View.EXISTENCE:
        return Citation.EXISTENCE
    return Citation.FULL if access.allows(Right.READ) else Citation.LIMITED

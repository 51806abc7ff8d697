"""The four privacy errors and what is to be done after each.

``PrivacyError``
├── ``UnauthorizedAccess``     a viewer asked for what the matrix does not give them
├── ``PrivacyLevelMismatch``   the level beside the content is not the level on the chain
├── ``SearchIndexLeak``        the index offered an item which the viewer may not find
└── ``SummaryOverexposure``    a summary shows too much of its original

The messages name the rule that was broken, never the content.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Recovery(StrEnum):
    """An action that follows a privacy error; callers carry them out in the order given."""

    LOG = "log"
    REVOKE = "revoke"
    RECHECK = "recheck"
    NOTIFY = "notify"


class PrivacyError(Exception):
    """A privacy rule was broken or was about to be; nothing was shown."""

    recovery: ClassVar[tuple[Recovery, ...]] = (Recovery.LOG,)


class UnauthorizedAccess(PrivacyError):
    """The viewer lacks a right on the content: log the attempt, refuse."""

    recovery = (Recovery.LOG,)


class PrivacyLevelMismatch(PrivacyError):
    """Stored and on-chain levels differ: serve by the stricter, recheck, reindex."""

    recovery = (Recovery.LOG, Recovery.RECHECK)


class SearchIndexLeak(PrivacyError):
    """The index returned a hidden item: withhold it, recheck it, tell an operator."""

    recovery = (Recovery.LOG, Recovery.REVOKE, Recovery.RECHECK, Recovery.NOTIFY)


class SummaryOverexposure(PrivacyError):
    """A summary failed its check: withhold it, use a plainer one, tell an operator."""

    recovery = (Recovery.LOG, Recovery.REVOKE, Recovery.NOTIFY)

"""Who may do what with which content: pure policy, the only place where it is decided.

Nothing here reads a clock, a file or a network, and nothing outside the standard library
is imported, so that every process (API, sockets, indexer, a wallet's own script) asks the
same question and gets the same answer::

    access = decide(viewer, content)      # rights and what the viewer sees
    AccessFilter.for_viewer(viewer)       # the same rights as a filter for a search engine
    summarise(text, access.detail)        # what stands in for content that stays hidden
"""

from choir.privacy.access import AccessFilter, access_tokens
from choir.privacy.errors import (
    PrivacyError,
    PrivacyLevelMismatch,
    Recovery,
    SearchIndexLeak,
    SummaryOverexposure,
    UnauthorizedAccess,
)
from choir.privacy.policy import (
    ANONYMOUS,
    Access,
    Citation,
    Content,
    Detail,
    Level,
    Right,
    Role,
    View,
    Viewer,
    cite,
    decide,
    require,
    role_of,
)
from choir.privacy.summary import LIMITS, Limit, check_summary, exposure, summarise

__all__ = [
    "ANONYMOUS",
    "LIMITS",
    "Access",
    "AccessFilter",
    "Citation",
    "Content",
    "Detail",
    "Level",
    "Limit",
    "PrivacyError",
    "PrivacyLevelMismatch",
    "Recovery",
    "Right",
    "Role",
    "SearchIndexLeak",
    "SummaryOverexposure",
    "UnauthorizedAccess",
    "View",
    "Viewer",
    "access_tokens",
    "check_summary",
    "cite",
    "decide",
    "exposure",
    "require",
    "role_of",
    "summarise",
]

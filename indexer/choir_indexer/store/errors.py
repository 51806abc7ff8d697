"""What can be wrong with the mirror or its database.

```
MirrorError
├── DatabaseUnreachable     no PostgreSQL at the URL, or it refuses us
├── NotMigrated             schema `chain` is missing or older than this code
├── WrongChain              the mirror is of another chain or another program
└── Incomplete              history that must be there is missing; nothing was skipped
```
"""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = [
    "DatabaseUnreachable",
    "Incomplete",
    "MirrorError",
    "NotMigrated",
    "WrongChain",
    "unreachable",
]


class MirrorError(Exception):
    """Base of the mirror's errors; its text is written for a person."""


class DatabaseUnreachable(MirrorError):
    """No PostgreSQL answers at the URL; the message names the host, never the password."""


class NotMigrated(MirrorError):
    """Schema `chain` is missing or older than this code."""


class WrongChain(MirrorError):
    """The mirror belongs to another chain or program than the one it is asked to follow."""


class Incomplete(MirrorError):
    """The source cannot give history that the watermark would have to pass."""


def unreachable(url: str, reason: str) -> str:
    """Who does not answer, why, and what to do; without the password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "CHOIR_DATABASE_URL is not a URL (postgresql://user:password@host:port/name)"
    where = f"{host or '(no host)'}:{port or 5432}/{parts.path.lstrip('/')}"
    first = reason.strip().splitlines()[0] if reason.strip() else "no answer"
    return f"no usable PostgreSQL at {where} ({first}); start it, or correct CHOIR_DATABASE_URL"

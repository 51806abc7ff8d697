"""What the client of spaces raises.

```
ChoirError
└── SpaceError                   a server refused (status, code, problem)
    ├── SpaceUnreachable         it does not answer
    ├── SpaceConflict            the space moved on: look again, propose anew (expected, actual)
    └── SpaceClosed              the session ended and will not come back
```
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choir.errors import ChoirError

__all__ = ["SpaceClosed", "SpaceConflict", "SpaceError", "SpaceUnreachable"]


class SpaceError(ChoirError):
    """A refusal. `status` is the HTTP status, or 0 from a socket; `problem` what came with it."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.problem = dict(problem or {})


class SpaceConflict(SpaceError):
    """A delta that cannot be merged. A session's replica is up to date when this is raised."""

    def __init__(self, message: str, *, expected: int, actual: int, **more: Any) -> None:
        super().__init__(message, **more)
        self.expected = expected
        """The version the delta was made for."""
        self.actual = actual
        """The version the space had."""


class SpaceUnreachable(SpaceError):
    """No answer, time and again. What was asked for may have happened."""


class SpaceClosed(SpaceError):
    """The session ended: it was closed, or the right to take part was taken away."""

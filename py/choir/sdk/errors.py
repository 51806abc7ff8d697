"""What goes wrong between this library and an API server.

::

    ChoirError
    ├── ApiError              the server refused (status, code, details)
    │   └── ApiRateLimited    and goes on refusing after every wait
    ├── ApiUnreachable        no usable answer
    ├── UntrustedTransaction  the server built what this wallet will not sign
    ├── SocketRefused         the socket was refused, or a frame of ours was (code)
    └── SocketClosed          the socket is closed and stays so (code)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choir.errors import ChoirError


class ApiError(ChoirError):
    """A refusal of the server.

    Attributes:
        status: of HTTP.
        code: for programs, such as ``stake_below_minimum``.
        field: the request's field that is to blame, or None.
        details: what the server adds, such as ``minimum``.
        request_id: what to name when reporting it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        field: str | None = None,
        details: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field
        self.details = dict(details or {})
        self.request_id = request_id


class ApiRateLimited(ApiError):
    """429, after the waits of 1, 5 and 30 seconds."""


class ApiUnreachable(ChoirError):
    """The server does not answer, or not as this API does."""


class UntrustedTransaction(ChoirError):
    """A transaction from the server that is not what was asked for; it was not signed."""


class SocketRefused(ChoirError):
    """The server refused the socket or a frame; `code` says why."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class SocketClosed(ChoirError):
    """The socket has ended for good; `code` is the close code."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code

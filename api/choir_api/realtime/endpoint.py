"""What a room implements to serve a path of the realtime server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from choir.wire import Codec

if TYPE_CHECKING:
    from choir_api.realtime.socket import Socket

__all__ = ["Context", "Endpoint", "Refused", "Upgrade"]

Context = TypeVar("Context")


@dataclass(frozen=True)
class Upgrade:
    """A request to become a socket, before it is answered."""

    route: str
    """The pattern it matched, such as ``/spaces/{id}``."""
    path: str
    params: Mapping[str, str]
    """The pattern's variables, percent-decoded."""
    query: Mapping[str, str]
    """The last value of each query parameter."""
    headers: Mapping[str, str]
    """By lower-case name."""
    remote: str
    """The peer's address, as the socket sees it."""

    def bearer(self) -> str | None:
        """The token in ``Authorization: Bearer …`` or, for browsers, in ``?token=``."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
        return self.query.get("token") or None


class Refused(Exception):
    """Ends an upgrade with an HTTP status and a problem document."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class FrameError:
    """What an endpoint turns into an error frame of its own shape."""

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    reply_to: Mapping[str, Any] | None = None
    """The frame that caused it, when it could be read."""


class Endpoint(ABC, Generic[Context]):
    """Serves the sockets of one path. One instance serves all of them."""

    subprotocols: ClassVar[Mapping[str, Codec]] = {}
    """Names offered in ``Sec-WebSocket-Protocol``, the preferred first."""

    encodings: ClassVar[frozenset[str]] = frozenset({"json", "msgpack", "cbor"})
    """Codec names accepted from the first frame when no subprotocol was agreed on."""

    async def admit(self, upgrade: Upgrade) -> Context:
        """Decides before the handshake; the answer becomes `Socket.context`.

        Raises:
            Refused: answered with that status and no socket.
        """
        raise NotImplementedError

    @abstractmethod
    async def serve(self, socket: Socket[Context]) -> None:
        """Lives as long as the socket; returning closes it with 1000."""

    def error_frame(self, error: FrameError) -> dict[str, Any]:
        """The shape of an error on this path: flat by default."""
        frame = {"type": "error", "code": error.code, "message": error.message, **error.details}
        if error.reply_to is not None and "id" in error.reply_to:
            frame["re"] = error.reply_to["id"]
        return frame

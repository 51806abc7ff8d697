"""Live threads: ``/v1/ws`` on the realtime server. docs/socket.md has the protocol."""

from __future__ import annotations

from choir_api.stream.endpoint import ThreadStream
from choir_api.stream.hub import Hub

__all__ = ["Hub", "ThreadStream"]

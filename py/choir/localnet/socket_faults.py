"""Faults on the way of notifications to their sockets: lost, late, doubled, shuffled, cut off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from choir.localnet.faults import SOCKET, Fault, Faults

if TYPE_CHECKING:
    from choir.clock import Clock


class Socket(Protocol):
    """The other end."""

    def send(self, message: str) -> None:
        """Write a message, without waiting."""

    def cut(self) -> None:
        """End the connection without a close frame."""


class Disturber:
    """Delivers notifications, as the faults that wait for them say."""

    def __init__(self, faults: Faults, clock: Clock) -> None:
        self._faults = faults
        self._clock = clock
        self._stalled: dict[Socket, list[str]] = {}
        self._held: dict[Socket, tuple[int, list[str]]] = {}
        self._late: set[asyncio.Task[None]] = set()
        faults.cleared.append(self.release)

    def deliver(self, socket: Socket, method: str, message: str) -> None:
        """Send a notification; `method` is its name, as in `accountNotification`."""
        if socket in self._stalled:
            self._stalled[socket].append(message)
            return
        fault = self._faults.take(SOCKET, [method]) if self._faults else None
        if fault is not None:
            self._disturb(fault, socket, message)
        elif socket in self._held:
            self._hold(socket, message)
        else:
            socket.send(message)

    def forget(self, socket: Socket) -> None:
        """The socket is gone, with all that was kept back for it."""
        self._stalled.pop(socket, None)
        self._held.pop(socket, None)

    def release(self) -> None:
        """Send whatever is kept back: the faults are over."""
        stalled, self._stalled = self._stalled, {}
        held, self._held = self._held, {}
        for socket, messages in [*stalled.items(), *((s, m) for s, (_, m) in held.items())]:
            for message in messages:
                socket.send(message)

    def _disturb(self, fault: Fault, socket: Socket, message: str) -> None:
        if fault.kind == "duplicateMessage":
            socket.send(message)
            socket.send(message)
        elif fault.kind == "delayMessage":
            task = asyncio.ensure_future(self._later(self._faults.wait(fault), socket, message))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        elif fault.kind == "reorderMessage":
            self._held.setdefault(socket, (fault.messages, []))
            self._hold(socket, message)
        elif fault.kind == "stallSocket":
            self._stalled[socket] = [message]
        elif fault.kind == "cutSocket":
            if not fault.before:
                socket.send(message)
            socket.cut()

    async def _later(self, seconds: float, socket: Socket, message: str) -> None:
        await self._clock.sleep(seconds)
        socket.send(message)

    def _hold(self, socket: Socket, message: str) -> None:
        size, messages = self._held[socket]
        messages.append(message)
        if len(messages) < size:
            return
        del self._held[socket]
        while messages:
            socket.send(messages.pop(self._faults.pick(len(messages))))

    def close(self) -> None:
        """Give up what is late."""
        for task in self._late:
            task.cancel()

"""`SyncChoir`: the client for scripts without `async`.

    with SyncChoir("http://127.0.0.1:8899", KeypairSigner.from_file("wallet.json")) as choir:
        choir.create_thread("gardening", deposit=20_000_000)
        print(choir.thread("gardening").balance)

Every method of `ChoirClient` is there under the same name with the same arguments; the call waits
for the answer. So are the objects it gives (`nonces`, `lookup_tables`, `deployer()`, `sender`,
`unsigned(…)`, `collect(…)`), subscriptions (`choir.pubsub(ws_url)`, whose iterators become ordinary
ones), and with `choir.waiting(…)` anything else that has coroutine methods. It runs an event loop
of its own in a thread of its own, so it works where a loop already runs (notebooks) and from
several threads at once.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Self, TypeVar

from choir.client import ChoirClient
from choir.rpc import HttpRpc, Rpc
from choir.wallet import Signer

__all__ = ["SyncChoir", "Waiting", "WaitingIterator"]

T = TypeVar("T")


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="choir-sync", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def wait(self, work: Awaitable[T]) -> T:
        """Run to the end there, and return or raise here; an interrupt here cancels it there."""

        async def run() -> T:
            return await work

        coroutine: Coroutine[Any, Any, T] = run()
        if self._loop.is_closed() or not self._thread.is_alive():
            coroutine.close()
            raise RuntimeError("this SyncChoir is closed")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


class Waiting:
    """Any object with coroutine methods, seen from outside the loop: calls wait for the answer."""

    def __init__(self, target: Any, loop: _Loop) -> None:
        self._target = target
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._target, name)
        if _has_coroutines(found):
            return Waiting(found, self._loop)
        return self._waiting(found) if callable(found) else found

    def _waiting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*arguments: Any, **options: Any) -> Any:
            given = [_bare(argument) for argument in arguments]
            named = {name: _bare(option) for name, option in options.items()}

            async def run() -> Any:
                # made inside the loop: what it makes may belong to the loop
                answer = method(*given, **named)
                return await answer if inspect.isawaitable(answer) else answer

            answer = self._loop.wait(run())
            if isinstance(answer, AsyncIterator):
                return WaitingIterator(answer, self._loop)
            return Waiting(answer, self._loop) if _has_coroutines(answer) else answer

        return call

    def __dir__(self) -> list[str]:
        return sorted(name for name in dir(self._target) if not name.startswith("_"))


class WaitingIterator:
    """An asynchronous iterator as an ordinary one. Close it, or use it in a `with`."""

    def __init__(self, target: AsyncIterator[Any], loop: _Loop) -> None:
        self._target = target
        self._loop = loop

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return self._loop.wait(anext(self._target))
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """End it and give back what it holds."""
        aclose = getattr(self._target, "aclose", None)
        if aclose is not None:
            self._loop.wait(aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bare(value: Any) -> Any:
    return value._target if isinstance(value, Waiting | WaitingIterator) else value


def _has_coroutines(value: Any) -> bool:
    """Whether it is one of this library's objects that are asked and waited for."""
    kind = type(value)
    if isinstance(value, Signer) or not kind.__module__.startswith("choir."):
        return False
    methods = (getattr(kind, name, None) for name in dir(kind) if not name.startswith("_"))
    return any(inspect.iscoroutinefunction(method) for method in methods)


class SyncChoir(Waiting):
    """`ChoirClient` without `async`. Close it, or use it in a `with`."""

    def __init__(
        self, url: str, signer: Signer | None = None, *, rpc: Rpc | None = None, **options: Any
    ) -> None:
        """`url` of the node, unless an `rpc` is given; `options` are those of `ChoirClient`."""
        loop = _Loop()

        async def make() -> tuple[Rpc, ChoirClient]:
            # connections belong to the loop they are made in
            port = rpc or HttpRpc(url)
            return port, ChoirClient(port, signer, **options)

        self._rpc, client = loop.wait(make())
        self._pubsubs: list[Any] = []
        super().__init__(client, loop)

    def waiting(self, target: Any) -> Any:
        """The same façade for another object of this library that was made in its loop."""
        return Waiting(_bare(target), self._loop)

    def pubsub(self, ws_url: str, **options: Any) -> Any:
        """Subscriptions (`choir.subscriptions.PubSub`) as ordinary iterators; closed with this."""
        from choir.subscriptions import PubSub

        made = Waiting(PubSub(ws_url, self._rpc, **options), self._loop)
        self._pubsubs.append(made)
        return made

    def close(self) -> None:
        """Give back connections and the thread; again does nothing."""
        try:
            for pubsub in self._pubsubs:
                pubsub.aclose()
            self._loop.wait(self._rpc.aclose())
        except RuntimeError:
            return
        finally:
            self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

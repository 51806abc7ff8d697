"""`SyncChoir`: the client for scripts without `async`.

    with SyncChoir("http://127.0.0.1:8899", KeypairSigner.from_file("wallet.json")) as choir:
        choir.create_thread("gardening", deposit=5_000_000)
        print(choir.thread("gardening").balance)

Every method of `ChoirClient` is there under the same name with the same arguments; the call waits
for the answer. It runs an event loop of its own in a thread of its own, so it works where a loop
already runs (notebooks) and from several threads at once.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Self, TypeVar

from choir.client import ChoirClient
from choir.rpc import HttpRpc, Rpc
from choir.wallet import Signer

__all__ = ["SyncChoir", "Waiting"]

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
        if isinstance(found, ChoirClient) or not callable(found):
            return found
        return self._waiting(found)

    def _waiting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*arguments: Any, **options: Any) -> Any:
            answer = method(*arguments, **options)
            if inspect.isawaitable(answer):
                return self._loop.wait(answer)
            if hasattr(type(answer), "_finish"):  # `unsigned(...)`: a client again
                return Waiting(answer, self._loop)
            return answer

        return call

    def __dir__(self) -> list[str]:
        return sorted(name for name in dir(self._target) if not name.startswith("_"))


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
        super().__init__(client, loop)

    def close(self) -> None:
        """Give back connections and the thread; again does nothing."""
        try:
            self._loop.wait(self._rpc.aclose())
        except RuntimeError:
            return
        finally:
            self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

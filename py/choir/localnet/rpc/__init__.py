"""The HTTP side of the JSON-RPC: from a request's bytes to the answer's."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable
from typing import Any

import orjson

from choir.localnet.errors import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcError,
)
from choir.localnet.rpc import accounts, cluster, control, history, tokens, transactions
from choir.localnet.rpc.context import METHODS, Context
from choir.localnet.rpc.disturbed import disturbed
from choir.localnet.rpc.params import Params

MAX_BATCH = 1_000
_log = logging.getLogger(__name__)
# Importing the modules registers their methods.
GROUPS = (accounts, cluster, control, history, tokens, transactions)


class Dispatcher:
    """Answers JSON-RPC 2.0 requests and batches."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def answer(self, body: bytes) -> bytes | Awaitable[bytes]:
        """The answer to a request; an awaitable only when a method has to wait.

        An empty answer stands for a request that asked for none (notifications).
        """
        request = parse(body)
        if isinstance(request, list):
            return self._batch(request)
        result = self._call(request)
        if inspect.isawaitable(result):
            return _encoded(result)
        return _encode(result)

    async def _batch(self, requests: list[Any]) -> bytes:
        if not requests:
            return _encode(
                _failure(None, RpcError(INVALID_REQUEST, "Invalid request: empty batch"))
            )
        if len(requests) > MAX_BATCH:
            error = RpcError(INVALID_REQUEST, f"Invalid request: more than {MAX_BATCH} in a batch")
            return _encode(_failure(None, error))
        answers = []
        for request in requests:
            answer = self._call(request)
            if inspect.isawaitable(answer):
                answer = await answer
            if answer is not None:
                answers.append(answer)
        return orjson.dumps(answers) if answers else b""

    def _call(self, request: Any) -> dict[str, Any] | Awaitable[dict[str, Any] | None] | None:
        if isinstance(request, RpcError):
            return _failure(None, request)
        if not isinstance(request, dict):
            return _failure(None, RpcError(INVALID_REQUEST, "Invalid request"))
        ident = request.get("id")
        notification = "id" not in request
        name = request.get("method")
        if request.get("jsonrpc") != "2.0" or not isinstance(name, str):
            return _failure(ident, RpcError(INVALID_REQUEST, "Invalid request"))
        found = METHODS.get(name)
        if found is None:
            return _failure(ident, RpcError(METHOD_NOT_FOUND, "Method not found"))
        handler, most, least = found
        context = self.context
        try:
            params = Params(name, request.get("params"), most, least)
            if context.faults:
                result = disturbed(context, name, handler, params)
            else:
                result = handler(context, params)
            if inspect.isawaitable(result):
                return self._wait(name, ident, notification, result)
        except Exception as error:  # noqa: BLE001 - the boundary: every call gets an answer
            return _failure(ident, _as_rpc(name, error))
        return None if notification else _success(ident, result)

    async def _wait(
        self, name: str, ident: Any, notification: bool, result: Awaitable[Any]
    ) -> dict[str, Any] | None:
        try:
            value = await result
        except Exception as error:  # noqa: BLE001 - the boundary: every call gets an answer
            return _failure(ident, _as_rpc(name, error))
        return None if notification else _success(ident, value)


def parse(body: bytes) -> Any:
    """The request in a body; an RpcError when it is not JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return RpcError(PARSE_ERROR, "Parse error")


def methods_of(body: bytes) -> list[str]:
    """The names of the methods a body calls."""
    request = parse(body)
    calls = request if isinstance(request, list) else [request]
    return [str(c.get("method")) for c in calls if isinstance(c, dict)]


def _as_rpc(name: str, error: Exception) -> RpcError:
    if isinstance(error, RpcError):
        return error
    _log.exception("%s failed", name, exc_info=error)
    return RpcError(INTERNAL_ERROR, "Internal error")


def _success(ident: Any, result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": result, "id": ident}


def _failure(ident: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": error.to_json(), "id": ident}


def _encode(answer: dict[str, Any] | None) -> bytes:
    return b"" if answer is None else orjson.dumps(answer)


async def _encoded(answer: Awaitable[dict[str, Any] | None]) -> bytes:
    return _encode(await answer)

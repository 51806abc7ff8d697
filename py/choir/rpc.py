"""Solana's JSON-RPC as a small typed port, and the implementation over HTTP.

Code that needs the chain takes an `Rpc`. `HttpRpc` is the real one; `choir.testing.FakeRpc` is
the one for tests. Answers are plain frozen values with the slot they were true at; errors are
those of `choir.errors`, mapped here once. Nothing is retried here: who sends, waits or polls
knows what a repetition means (`choir.sending`, `choir.subscriptions`).

Source of the methods: https://solana.com/docs/rpc/http
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir._rpc_port import Rpc
from choir._rpc_values import (
    Account,
    Blockhash,
    Commitment,
    Filter,
    SignatureInfo,
    SignatureStatus,
    Simulation,
    Slotted,
    account_from_json,
    account_or_none,
    commitment_reached,
    discriminator_filter,
    error_from_json,
    memcmp,
    signature_info,
    simulation_from_json,
    status_or_none,
)
from choir._urls import place_of, scrubbed
from choir.errors import RateLimited, RpcError, RpcUnreachable

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Account",
    "Blockhash",
    "Commitment",
    "Filter",
    "HttpRpc",
    "JsonRpc",
    "Rpc",
    "SignatureInfo",
    "SignatureStatus",
    "Simulation",
    "Slotted",
    "account_from_json",
    "commitment_reached",
    "discriminator_filter",
    "error_from_json",
    "memcmp",
]

T = TypeVar("T")

MAX_ACCOUNTS_PER_CALL = 100


class JsonRpc:
    """`Rpc` on top of one `request`: parameters out, typed answers in.

    Subclasses give `request` and `aclose`; the transport is all that differs.
    """

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        raise NotImplementedError

    async def request_many(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        return [await self.request(method, each) for each in params]

    @asynccontextmanager
    async def stream(
        self, method: str, params: Sequence[Any] = ()
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        import orjson

        result = await self.request(method, params)

        async def whole() -> AsyncIterator[bytes]:
            yield orjson.dumps({"jsonrpc": "2.0", "result": result, "id": 1})

        yield whole()

    async def aclose(self) -> None:
        """Nothing to give back unless the transport has something."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _ask(self, method: str, *params: Any) -> Any:
        return await self.request(method, [p for p in params if p is not None])

    async def get_account(
        self,
        address: Pubkey,
        *,
        commitment: Commitment = "confirmed",
        min_context_slot: int | None = None,
    ) -> Slotted[Account | None]:
        options = {"encoding": "base64", "commitment": commitment}
        answer = await self._ask(
            "getAccountInfo", str(address), _with(options, minContextSlot=min_context_slot)
        )
        return _slotted(answer, account_or_none)

    async def get_accounts(
        self, addresses: Sequence[Pubkey], *, commitment: Commitment = "confirmed"
    ) -> Slotted[list[Account | None]]:
        found: list[Account | None] = []
        slot: int | None = None
        for start in range(0, len(addresses), MAX_ACCOUNTS_PER_CALL):
            chunk = [str(a) for a in addresses[start : start + MAX_ACCOUNTS_PER_CALL]]
            answer = await self._ask(
                "getMultipleAccounts", chunk, {"encoding": "base64", "commitment": commitment}
            )
            part = _slotted(answer, lambda value: [account_or_none(item) for item in value])
            if len(part.value) != len(chunk):
                raise RpcError(
                    f"asked for {len(chunk)} accounts, the node answered {len(part.value)}"
                )
            found += part.value
            slot = part.slot if slot is None else min(slot, part.slot)
        return Slotted(slot or 0, found)

    async def get_program_accounts(
        self,
        program: Pubkey,
        *,
        filters: Sequence[Filter] = (),
        data_slice: tuple[int, int] | None = None,
        commitment: Commitment = "confirmed",
    ) -> Slotted[list[tuple[Pubkey, Account]]]:
        options: dict[str, Any] = {
            "encoding": "base64",
            "commitment": commitment,
            "withContext": True,
        }
        if filters:
            options["filters"] = list(filters)
        if data_slice is not None:
            options["dataSlice"] = {"offset": data_slice[0], "length": data_slice[1]}
        answer = await self._ask("getProgramAccounts", str(program), options)
        return _slotted(
            answer,
            lambda value: [
                (Pubkey.from_string(item["pubkey"]), account_from_json(item["account"]))
                for item in value
            ],
        )

    async def get_latest_blockhash(
        self, *, commitment: Commitment = "confirmed"
    ) -> Slotted[Blockhash]:
        answer = await self._ask("getLatestBlockhash", {"commitment": commitment})
        return _slotted(
            answer,
            lambda value: Blockhash(
                Hash.from_string(value["blockhash"]), int(value["lastValidBlockHeight"])
            ),
        )

    async def get_block_height(self, *, commitment: Commitment = "confirmed") -> int:
        return _whole(await self._ask("getBlockHeight", {"commitment": commitment}))

    async def get_slot(self, *, commitment: Commitment = "confirmed") -> int:
        return _whole(await self._ask("getSlot", {"commitment": commitment}))

    async def get_tip(self, *, commitment: Commitment = "confirmed") -> Slotted[int]:
        answer = await self._ask("getEpochInfo", {"commitment": commitment})
        return _read(answer, lambda a: Slotted(int(a["absoluteSlot"]), int(a["blockHeight"])))

    async def get_balance(
        self, address: Pubkey, *, commitment: Commitment = "confirmed"
    ) -> Slotted[int]:
        answer = await self._ask("getBalance", str(address), {"commitment": commitment})
        return _slotted(answer, _whole)

    async def get_genesis_hash(self) -> Hash:
        return _read(await self._ask("getGenesisHash"), Hash.from_string)

    async def get_minimum_balance_for_rent_exemption(self, size: int) -> int:
        return _whole(await self._ask("getMinimumBalanceForRentExemption", size))

    async def get_signature_statuses(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> Slotted[list[SignatureStatus | None]]:
        answer = await self._ask(
            "getSignatureStatuses",
            [str(s) for s in signatures],
            {"searchTransactionHistory": search_history},
        )
        statuses = _slotted(answer, lambda value: [status_or_none(item) for item in value])
        if len(statuses.value) != len(signatures):
            raise RpcError(
                f"asked for {len(signatures)} statuses, the node answered {len(statuses.value)}"
            )
        return statuses

    async def get_recent_prioritization_fees(self, accounts: Sequence[Pubkey] = ()) -> list[int]:
        answer = await self._ask("getRecentPrioritizationFees", [str(a) for a in accounts][:128])
        return _read(answer, lambda rows: [int(row["prioritizationFee"]) for row in rows])

    async def simulate_transaction(
        self,
        transaction: bytes,
        *,
        sig_verify: bool = False,
        replace_blockhash: bool = True,
        commitment: Commitment = "confirmed",
        min_context_slot: int | None = None,
        accounts: Sequence[Pubkey] = (),
    ) -> Slotted[Simulation]:
        options: dict[str, Any] = {
            "encoding": "base64",
            "sigVerify": sig_verify,
            "replaceRecentBlockhash": replace_blockhash,
            "commitment": commitment,
        }
        if accounts:
            wanted = [str(address) for address in accounts]
            options["accounts"] = {"encoding": "base64", "addresses": wanted}
        answer = await self._ask(
            "simulateTransaction",
            base64.b64encode(transaction).decode(),
            _with(options, minContextSlot=min_context_slot),
        )
        return _slotted(answer, lambda value: simulation_from_json(value, accounts))

    async def send_transaction(
        self,
        transaction: bytes,
        *,
        skip_preflight: bool = True,
        max_retries: int | None = 0,
        commitment: Commitment = "confirmed",
        min_context_slot: int | None = None,
    ) -> Signature:
        options = {
            "encoding": "base64",
            "skipPreflight": skip_preflight,
            "preflightCommitment": commitment,
        }
        answer = await self._ask(
            "sendTransaction",
            base64.b64encode(transaction).decode(),
            _with(options, maxRetries=max_retries, minContextSlot=min_context_slot),
        )
        return _read(answer, Signature.from_string)

    async def get_transaction(
        self, signature: Signature, *, commitment: Commitment = "confirmed"
    ) -> dict[str, Any] | None:
        answer = await self._ask(
            "getTransaction",
            str(signature),
            {"encoding": "json", "commitment": commitment, "maxSupportedTransactionVersion": 0},
        )
        if answer is not None and not isinstance(answer, dict):
            raise RpcError("the node's answer is not a transaction")
        return answer

    async def get_signatures_for_address(
        self,
        address: Pubkey,
        *,
        before: Signature | None = None,
        until: Signature | None = None,
        limit: int = 1000,
        commitment: Commitment = "confirmed",
    ) -> list[SignatureInfo]:
        options = _with(
            {"limit": limit, "commitment": commitment},
            before=None if before is None else str(before),
            until=None if until is None else str(until),
        )
        answer = await self._ask("getSignaturesForAddress", str(address), options)
        return _read(answer, lambda rows: [signature_info(row) for row in rows])

    async def request_airdrop(self, address: Pubkey, lamports: int) -> Signature:
        answer = await self._ask("requestAirdrop", str(address), lamports)
        return _read(answer, Signature.from_string)


class HttpRpc(JsonRpc):
    """A node over HTTP, with connections kept open.

    Use it as an async context manager or call `aclose`. `transport` is httpx's, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 30.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`url` is the node's HTTP address; `timeout` in seconds for one answer."""
        import httpx

        self.url = url
        self._place = place_of(url)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
            headers={"content-type": "application/json", **(headers or {})},
            transport=transport,
            trust_env=transport is None and not _is_loopback(url),
        )
        self._last_id = 0

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Raises RpcUnreachable, RateLimited, NodeBehind, MethodNotServed or RpcError.

        Their messages name the node by scheme, host and port alone: the rest may hold a key.
        """
        call = self._call(method, params)
        status, content = await self._post(method, call)
        parsed = self._parsed(method, status, content)
        if parsed.get("id") != call["id"]:
            raise RpcUnreachable(f"{self._place} answered another request than {method}")
        return parsed["result"]

    async def request_many(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        """As one batch. Raises as `request`, also when the node does not take batches."""
        import orjson

        if not params:
            return []
        calls = [self._call(method, each) for each in params]
        status, content = await self._post(method, calls)
        if not content.lstrip().startswith(b"["):
            self._parsed(method, status, content)
            raise RpcUnreachable(f"{self._place} answered one request where many were asked")
        try:
            answers = orjson.loads(content)
        except orjson.JSONDecodeError:
            answers = [None]
        results = {}
        for answer in answers:
            parsed = self._answered(method, status, answer, content)
            results[repr(parsed.get("id"))] = parsed["result"]  # who knows what stands there
        wanted = [repr(call["id"]) for call in calls]
        if results.keys() != set(wanted):
            raise RpcUnreachable(f"{self._place} answered other requests than {method}")
        return [results[each] for each in wanted]

    async def _post(self, method: str, body: Any) -> tuple[int, bytes]:
        """HTTP's status and the bytes of an answer."""
        import httpx
        import orjson

        try:
            answer = await self._http.post(self.url, content=orjson.dumps(body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(method, error) from None
        self._refuse_busy(method, answer)
        return answer.status_code, answer.content

    @asynccontextmanager
    async def stream(
        self, method: str, params: Sequence[Any] = ()
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Raises as `request`, here and while the pieces arrive."""
        import httpx
        import orjson

        body = orjson.dumps(self._call(method, params))
        try:
            async with self._http.stream("POST", self.url, content=body) as answer:
                self._refuse_busy(method, answer)
                yield self._pieces(method, answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(method, error) from None

    async def _pieces(self, method: str, answer: httpx.Response) -> AsyncIterator[bytes]:
        import httpx

        begin = b""
        begun = False
        try:
            async for piece in answer.aiter_bytes():
                if begun:
                    yield piece
                    continue
                begin += piece
                if b'"result"' in begin:  # inside a string its quotes have backslashes
                    begun = True
                    yield begin
        except httpx.HTTPError as error:
            raise self._unreachable(method, error) from None
        if not begun:
            self._parsed(method, answer.status_code, begin)

    def _parsed(self, method: str, status: int, content: bytes) -> dict[str, Any]:
        """An answer that has a result. Raises RpcUnreachable, or the error that it is."""
        import orjson

        try:
            parsed = orjson.loads(content)
        except orjson.JSONDecodeError:
            parsed = None
        return self._answered(method, status, parsed, content)

    def _answered(self, method: str, status: int, parsed: Any, content: bytes) -> dict[str, Any]:
        """What was read of `content`, if it has a result."""
        if not isinstance(parsed, dict) or not {"result", "error"} & parsed.keys():
            begins = scrubbed(content[:2000].decode("utf-8", "replace"), self.url)[:80]
            raise RpcUnreachable(
                f"{self._place} does not speak Solana's JSON-RPC: HTTP {status}, {begins!r}",
                code=status,
            )
        if parsed.get("error") is not None:
            raise error_from_json(method, self._without_secrets(parsed["error"]))
        return parsed

    def _call(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        self._last_id += 1
        return {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": list(params)}

    def _unreachable(self, method: str, error: Exception) -> RpcUnreachable:
        import httpx

        if isinstance(error, httpx.TimeoutException):
            return RpcUnreachable(f"{self._place} did not answer {method} in time")
        said = scrubbed(str(error), self.url) or type(error).__name__
        return RpcUnreachable(f"cannot reach the node at {self._place}: {said}")

    def _refuse_busy(self, method: str, answer: httpx.Response) -> None:
        if answer.status_code in (429, 503):
            raise RateLimited(
                f"{self._place} answered {answer.status_code} to {method}: "
                "too many requests or busy",
                retry_after=_retry_after(answer.headers.get("retry-after")),
                code=answer.status_code,
            )

    def _without_secrets(self, error: Any) -> Any:
        """The error with a message that may be shown: gateways quote the request's address."""
        if not isinstance(error, Mapping):
            return scrubbed(str(error), self.url)
        return {**error, "message": scrubbed(str(error.get("message", "no message")), self.url)}

    async def aclose(self) -> None:
        await self._http.aclose()


def _with(options: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {**options, **{key: value for key, value in more.items() if value is not None}}


def _is_loopback(url: str) -> bool:
    # A proxy from the environment must not sit between us and a local node.
    import httpx

    try:
        return httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")
    except httpx.InvalidURL:
        return False


def _retry_after(header: str | None) -> float | None:
    """Seconds from a Retry-After header; dates are left to the caller's own backoff."""
    try:
        seconds = float(header) if header is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and seconds >= 0 else None


def _read(answer: Any, parse: Callable[[Any], T]) -> T:
    try:
        return parse(answer)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RpcError(f"the node's answer cannot be read: {error!r}") from error


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RpcError(f"the node answered {value!r} where a whole number was due")
    return value


def _slotted(answer: Any, parse: Callable[[Any], T]) -> Slotted[T]:
    return _read(answer, lambda a: Slotted(int(a["context"]["slot"]), parse(a["value"])))

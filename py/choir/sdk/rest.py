"""`ChoirApi`: the REST routes as typed verbs of one wallet."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.clock import Clock, SystemClock
from choir.errors import InvalidInput
from choir.sdk.checking import MAX_PRIORITY_FEE, checked_message
from choir.sdk.errors import ApiError
from choir.sdk.models import (
    Built,
    Challenge,
    Landed,
    MessageInfo,
    Page,
    PositionInfo,
    SearchHit,
    SpecInfo,
    ThreadInfo,
    Tokens,
    TransactionInfo,
)
from choir.sdk.thread_socket import ThreadSocket
from choir.sdk.transport import Transport
from choir.wallet import Signer, sign_message

POLL_S = 0.1
FOLLOW_S = 60.0
_RENEWED = frozenset({"token_refused"})


class ChoirApi:
    """One server, as one wallet (or as nobody, for reading what is public).

    Args:
        url: the server, without the version: ``http://127.0.0.1:8000``.
        wallet: signs in and signs transactions; None reads only.
        api_key: used instead of a session where given.
        clock: waits between attempts and polls.
        max_priority_fee: lamports; a transaction that bids more is not signed.
        transport: httpx's, for tests.

    Use it as an async context manager, or call :meth:`aclose`.
    """

    def __init__(
        self,
        url: str,
        *,
        wallet: Signer | None = None,
        api_key: str | None = None,
        clock: Clock | None = None,
        timeout_s: float = 90.0,
        max_priority_fee: int = MAX_PRIORITY_FEE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._wallet = wallet
        self._api_key = api_key
        self._clock = clock or SystemClock()
        self._max_priority_fee = max_priority_fee
        self._http = httpx.AsyncClient(
            base_url=self.url, timeout=timeout_s, transport=transport, trust_env=False
        )
        self._transport = Transport(self._http, self._clock)
        self._tokens: Tokens | None = None
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Give back connections. The session lives on until it expires or is revoked."""
        await self._http.aclose()

    # identity

    @property
    def wallet(self) -> Signer:
        """The wallet. Raises InvalidInput when there is none."""
        if self._wallet is None:
            raise InvalidInput("this needs a wallet: ChoirApi(url, wallet=…)")
        return self._wallet

    @property
    def tokens(self) -> Tokens | None:
        """The session, None before :meth:`sign_in`."""
        return self._tokens

    async def sign_in(self) -> Tokens:
        """Prove the wallet and open a session; later calls use and renew it by themselves."""
        challenge = await self.challenge()
        signature = await self.wallet.sign(challenge.message.encode())
        answer = await self._transport.ask(
            "POST",
            "/v1/auth/session",
            headers={},
            body={"message": challenge.message, "signature": str(signature)},
            repeatable=False,
        )
        self._tokens = Tokens.of(answer["data"])
        return self._tokens

    async def challenge(self, purpose: str = "session") -> Challenge:
        """A message for the wallet to sign. Raises ApiError when it is not for this wallet."""
        address = str(self.wallet.pubkey)
        body = {"address": address, "purpose": purpose}
        answer = await self._transport.ask("POST", "/v1/auth/nonce", headers={}, body=body)
        message = answer["data"]["message"]
        if message.split("\n")[1:2] != [address]:
            raise ApiError(
                "the server's sign-in message names another wallet; not signed",
                status=200,
                code="untrusted_challenge",
            )
        return Challenge(message, answer["data"]["nonce"])

    async def sign_out(self) -> None:
        """End the session on the server; its sockets close."""
        if self._tokens is not None:
            await self._ask("DELETE", f"/v1/auth/sessions/{self._tokens.session_id}")
            self._tokens = None

    async def access_token(self) -> str:
        """A token that still counts, renewed if the one at hand is about to expire."""
        if self._tokens is None:
            await self.sign_in()
        assert self._tokens is not None
        if self._tokens.expires_at.timestamp() - self._clock.now() < 30:
            await self._renew(self._tokens)
        return self._tokens.access_token

    async def make_api_key(
        self, name: str, scopes: list[str], *, expires_in_s: int | None = None
    ) -> str:
        """A new API key's secret, which the server shows only now."""
        body = {"name": name, "scopes": scopes, "expires_in_s": expires_in_s}
        secret: str = (await self._ask("POST", "/v1/api-keys", body=body))["data"]["secret"]
        return secret

    # transactions to sign

    async def create_thread(
        self,
        thread_id: str,
        *,
        deposit: int,
        privacy: str = "public",
        initial_message: str | None = None,
    ) -> Built:
        """A thread with a first deposit (base units) and, if wanted, a first message."""
        return await self._build(
            "/v1/thread/create",
            "create_thread",
            *(["post_message"] if initial_message is not None else []),
            thread_id=thread_id,
            deposit=deposit,
            privacy=privacy,
            initial_message=initial_message,
        )

    async def submit_message(
        self,
        thread_id: str,
        content: str | Mapping[str, str],
        *,
        stake: int | None = None,
        content_hash: bytes | None = None,
    ) -> Built:
        """A co-author's message, or with a stake (base units) somebody else's spec.

        `content` is the text, or ``{"ciphertext": base64}`` for an encrypted thread.
        """
        return await self._build(
            "/v1/message/submit",
            "post_message" if stake is None else "submit_spec",
            thread_id=thread_id,
            content=content,
            stake=stake,
            content_hash=content_hash.hex() if content_hash else None,
        )

    async def decide(
        self,
        thread_id: str,
        *,
        author: Pubkey,
        content_hash: bytes,
        approve: bool,
        author_epoch: int | None = None,
        sequence: int | None = None,
    ) -> Built:
        """A co-author's decision on a spec; `author_epoch` and `sequence` as it was looked at."""
        return await self._build(
            "/v1/spec/approve",
            "process_approval",
            thread_id=thread_id,
            author=str(author),
            content_hash=content_hash.hex(),
            decision="approve" if approve else "deny",
            author_epoch=author_epoch,
            sequence=sequence,
        )

    async def expire_spec(self, thread_id: str, *, author: Pubkey, content_hash: bytes) -> Built:
        """The refund of a spec whose window has ended."""
        return await self._build(
            "/v1/spec/expire",
            "expire_spec",
            thread_id=thread_id,
            author=str(author),
            content_hash=content_hash.hex(),
        )

    async def withdraw_spec(self, thread_id: str, *, content_hash: bytes) -> Built:
        """The wallet's own spec and its stake, back, while nobody has decided on it."""
        return await self._build(
            "/v1/spec/withdraw",
            "withdraw_spec",
            thread_id=thread_id,
            content_hash=content_hash.hex(),
        )

    async def cleanup_spec(self, thread_id: str, *, author: Pubkey, content_hash: bytes) -> Built:
        """The end of a settled spec's account; its rent goes back to who paid it."""
        return await self._build(
            "/v1/spec/cleanup",
            "cleanup_spec",
            thread_id=thread_id,
            author=str(author),
            content_hash=content_hash.hex(),
        )

    async def leave_thread(self, thread_id: str) -> Built:
        """The wallet stops being a co-author; it must have divested before."""
        return await self._build("/v1/thread/leave", "leave_thread", thread_id=thread_id)

    async def retire_author(self, thread_id: str, author: Pubkey) -> Built:
        """Another co-author, who has done nothing for long, is taken out of the set."""
        return await self._build(
            "/v1/thread/retire", "retire_author", thread_id=thread_id, author=str(author)
        )

    async def wind_down_thread(self, thread_id: str) -> Built:
        """The only co-author winds a thread down, for good."""
        return await self._build("/v1/thread/wind-down", "wind_down_thread", thread_id=thread_id)

    async def close_thread(self, thread_id: str) -> Built:
        """The only co-author closes a thread, for good, and takes everything out."""
        return await self._build("/v1/thread/close", "close_thread", thread_id=thread_id)

    async def deposit(self, thread_id: str, amount: int) -> Built:
        """More stake of a co-author, base units."""
        return await self._build("/v1/token/deposit", "deposit", thread_id=thread_id, amount=amount)

    async def divest(self, thread_id: str, amount: int) -> Built:
        """Stake out of a thread, base units."""
        return await self._build("/v1/token/divest", "divest", thread_id=thread_id, amount=amount)

    async def claim(self, thread_id: str) -> Built:
        """All of the wallet's rewards in a thread."""
        return await self._build("/v1/token/claim", "claim", thread_id=thread_id)

    async def set_privacy(self, thread_id: str, level: str) -> Built:
        """public, premium, thread-only or encrypted."""
        return await self._build(
            "/v1/thread/privacy", "set_privacy", thread_id=thread_id, privacy=level
        )

    async def submit(self, built: Built) -> Landed:
        """Check that the transaction is what was asked for, sign it, see it through.

        Raises:
            UntrustedTransaction: it is not; nothing was signed.
            ApiError: it failed, or its blockhash expired (then build it again).
        """
        message = checked_message(
            built, self.wallet.pubkey, max_priority_fee=self._max_priority_fee
        )
        signed = await sign_message(message, [self.wallet])
        body = {
            "transaction": base64.b64encode(bytes(signed)).decode(),
            "last_valid_block_height": built.last_valid_block_height,
            "min_context_slot": built.min_context_slot,
        }
        data = (await self._ask("POST", "/v1/transaction", body=body))["data"]
        return Landed(Signature.from_string(data["signature"]), data["slot"])

    async def transaction(self, signature: Signature) -> TransactionInfo:
        """What became of a transaction."""
        data = (await self._ask("GET", f"/v1/transaction/{signature}"))["data"]
        return TransactionInfo(data["status"], data["slot"], data["error"], data["mirrored"])

    async def mirrored(self, landed: Landed, *, within_s: float = FOLLOW_S) -> None:
        """Return once the API's reads show the transaction.

        Raises:
            TimeoutError: the mirror is further behind than `within_s`.
        """
        give_up = self._clock.monotonic() + within_s
        while not (await self.transaction(landed.signature)).mirrored:
            if self._clock.monotonic() > give_up:
                raise TimeoutError(f"the mirror has not passed slot {landed.slot} yet")
            await self._clock.sleep(POLL_S)

    # reading

    async def thread(self, thread_id: str) -> ThreadInfo:
        """A thread's state."""
        return ThreadInfo.of((await self._ask("GET", _at(thread_id)))["data"])

    async def threads(
        self, *, co_author: Pubkey | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[ThreadInfo]:
        """Threads, newest first."""
        query = {"co_author": str(co_author) if co_author else None}
        return await self._page("/v1/threads", ThreadInfo.of, limit, cursor, **query)

    async def messages(
        self, thread_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[MessageInfo]:
        """A thread's messages, newest first."""
        return await self._page(f"{_at(thread_id)}/messages", MessageInfo.of, limit, cursor)

    async def specs(
        self,
        thread_id: str,
        *,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[SpecInfo]:
        """A thread's specs, newest first."""
        path = f"{_at(thread_id)}/specs"
        return await self._page(path, SpecInfo.of, limit, cursor, status=status)

    async def position(self, thread_id: str, owner: Pubkey) -> PositionInfo | None:
        """What a wallet has in a thread; None when nothing."""
        path = f"{_at(thread_id)}/positions"
        page = await self._page(path, PositionInfo.of, 1, None, owner=str(owner))
        return page.items[0] if page.items else None

    async def search(self, query: str, **filters: Any) -> Page[SearchHit]:
        """Messages by meaning and words; `filters` as the route has them."""
        answer = await self._ask("GET", "/v1/search", query={"q": query, **filters})
        return Page.of(answer, SearchHit.of)

    def socket(self, url: str) -> ThreadSocket:
        """Live threads as this wallet, or as nobody without one; `url` ends in ``/v1/ws``."""
        return ThreadSocket(
            url, token=self.access_token if self._wallet else None, clock=self._clock
        )

    async def _build(self, path: str, *asked: str, **body: Any) -> Built:
        kept = {name: value for name, value in body.items() if value is not None}
        return Built.of((await self._ask("POST", path, body=kept))["data"], asked)

    async def _page(
        self,
        path: str,
        read: Callable[[Mapping[str, Any]], Any],
        limit: int,
        cursor: str | None,
        **query: str | None,
    ) -> Page[Any]:
        answer = await self._ask("GET", path, query={**query, "limit": limit, "cursor": cursor})
        return Page.of(answer, read)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        used = self._tokens
        try:
            return await self._transport.ask(
                method, path, headers=self._headers(), body=body, query=query
            )
        except ApiError as error:
            if error.status != 401 or error.code not in _RENEWED or used is None:
                raise
        await self._renew(used)
        return await self._transport.ask(
            method, path, headers=self._headers(), body=body, query=query
        )

    async def _renew(self, old: Tokens) -> None:
        async with self._renewing:
            if self._tokens is not old:  # somebody else has, meanwhile
                return
            try:
                answer = await self._transport.ask(
                    "POST",
                    "/v1/auth/refresh",
                    headers={},
                    body={"refresh_token": old.refresh_token},
                    repeatable=False,
                )
            except ApiError as error:
                if error.status != 401 or self._wallet is None:
                    raise
                await self.sign_in()
                return
            self._tokens = Tokens.of(answer["data"])

    def _headers(self) -> dict[str, str]:
        if self._api_key is not None:
            return {"X-Api-Key": self._api_key}
        if self._tokens is not None:
            return {"Authorization": f"Bearer {self._tokens.access_token}"}
        return {}


def _at(thread_id: str) -> str:
    return f"/v1/thread/{quote(thread_id, safe='')}"

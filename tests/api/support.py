"""What the API's tests share: a clock to turn, wallets that sign in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from solders.keypair import Keypair


class ManualClock:
    """Time that stands until it is moved."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += max(seconds, 0.0)

    def advance(self, seconds: float) -> None:
        self._now += seconds


@dataclass
class Wallet:
    """A key and, once signed in, its tokens."""

    keypair: Keypair
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return str(self.keypair.pubkey())

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def challenge(self, http: httpx.AsyncClient, purpose: str = "session") -> str:
        body = {"address": self.address, "purpose": purpose}
        answer = await http.post("/v1/auth/nonce", json=body)
        assert answer.status_code == 200, answer.text
        message: str = answer.json()["data"]["message"]
        return message

    def sign(self, message: str | bytes) -> str:
        raw = message.encode() if isinstance(message, str) else message
        return str(self.keypair.sign_message(raw))

    async def sign_in(self, http: httpx.AsyncClient) -> Wallet:
        message = await self.challenge(http)
        answer = await http.post(
            "/v1/auth/session", json={"message": message, "signature": self.sign(message)}
        )
        assert answer.status_code == 201, answer.text
        self.tokens = answer.json()["data"]
        return self


def error_code(answer: httpx.Response) -> str:
    """The code of a refusal, having checked its envelope."""
    body = answer.json()
    assert body["data"] is None
    assert body["metadata"]["request_id"] == answer.headers["x-request-id"]
    code: str = body["error"]["code"]
    return code

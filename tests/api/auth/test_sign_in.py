"""Signing in: the nonce counts once, for one wallet, one purpose, one text, for a while."""

from __future__ import annotations

import base64

import httpx
import pytest
from solders.keypair import Keypair
from tests.api.support import ManualClock, Wallet, error_code

from choir_api.auth.siws import OFFCHAIN_DOMAIN
from choir_api.settings import Settings


async def _open(http: httpx.AsyncClient, message: str, signature: str) -> httpx.Response:
    return await http.post("/v1/auth/session", json={"message": message, "signature": signature})


async def test_a_signed_message_becomes_a_session(http: httpx.AsyncClient, alice: Wallet) -> None:
    answer = await http.get("/v1/auth/sessions", headers=alice.headers)
    assert answer.status_code == 200
    [session] = answer.json()["data"]["items"]
    assert session["current"] is True
    assert session["session_id"] == alice.tokens["session_id"]


async def test_the_message_names_domain_chain_nonce_and_times(
    http: httpx.AsyncClient, settings: Settings
) -> None:
    wallet = Wallet(Keypair())
    answer = await http.post("/v1/auth/nonce", json={"address": wallet.address})
    challenge = answer.json()["data"]
    lines = challenge["message"].splitlines()
    assert lines[:2] == [
        f"{settings.auth_domain} wants you to sign in with your Solana account:",
        wallet.address,
    ]
    assert f"Chain ID: {settings.auth_chain}" in lines
    assert f"Nonce: {challenge['nonce']}" in lines
    assert "Expiration Time: 2027-01-15T08:05:00Z" in lines


async def test_a_nonce_counts_once(http: httpx.AsyncClient) -> None:
    wallet = Wallet(Keypair())
    message = await wallet.challenge(http)
    assert (await _open(http, message, wallet.sign(message))).status_code == 201
    again = await _open(http, message, wallet.sign(message))
    assert (again.status_code, error_code(again)) == (401, "nonce_used")


async def test_a_nonce_expires(
    http: httpx.AsyncClient, clock: ManualClock, settings: Settings
) -> None:
    wallet = Wallet(Keypair())
    message = await wallet.challenge(http)
    clock.advance(settings.nonce_ttl_s)
    answer = await _open(http, message, wallet.sign(message))
    assert (answer.status_code, error_code(answer)) == (401, "nonce_expired")


async def test_a_nonce_for_the_socket_opens_no_session(http: httpx.AsyncClient) -> None:
    wallet = Wallet(Keypair())
    message = await wallet.challenge(http, "socket")
    answer = await _open(http, message, wallet.sign(message))
    assert (answer.status_code, error_code(answer)) == (401, "unknown_nonce")


async def test_another_wallets_signature_is_refused(http: httpx.AsyncClient) -> None:
    wallet, thief = Wallet(Keypair()), Wallet(Keypair())
    message = await wallet.challenge(http)
    answer = await _open(http, message, thief.sign(message))
    assert (answer.status_code, error_code(answer)) == (401, "wrong_signature")
    # and the owner can still use it
    assert (await _open(http, message, wallet.sign(message))).status_code == 201


@pytest.mark.parametrize(
    "alter",
    [
        lambda m: m.replace("localhost wants", "evil.example wants"),
        lambda m: m.replace("Chain ID: solana:localnet", "Chain ID: solana:mainnet"),
        lambda m: m + "\nResources:\n- https://evil.example",
    ],
)
async def test_an_altered_message_is_refused(http: httpx.AsyncClient, alter: object) -> None:
    assert callable(alter)
    wallet = Wallet(Keypair())
    message = await wallet.challenge(http)
    altered = alter(message)
    assert altered != message
    answer = await _open(http, altered, wallet.sign(altered))
    assert (answer.status_code, error_code(answer)) == (401, "unknown_nonce")


def _short(message: bytes) -> bytes:
    return OFFCHAIN_DOMAIN + b"\0\1" + len(message).to_bytes(2, "little") + message


def _full(message: bytes, signer: bytes) -> bytes:
    header = OFFCHAIN_DOMAIN + b"\0" + b"\7" * 32 + b"\1" + b"\1" + signer
    return header + len(message).to_bytes(2, "little") + message


@pytest.mark.parametrize("form", ["short", "full"])
async def test_an_off_chain_message_counts_too(http: httpx.AsyncClient, form: str) -> None:
    wallet = Wallet(Keypair())
    message = await wallet.challenge(http)
    raw, key = message.encode(), bytes(wallet.keypair.pubkey())
    signed = _short(raw) if form == "short" else _full(raw, key)
    body = {
        "message": message,
        "signature": wallet.sign(signed),
        "signed_message": base64.b64encode(signed).decode(),
    }
    assert (await http.post("/v1/auth/session", json=body)).status_code == 201


@pytest.mark.parametrize("wrong", ["text", "signer", "domain"])
async def test_an_off_chain_message_around_something_else_does_not(
    http: httpx.AsyncClient, wrong: str
) -> None:
    wallet = Wallet(Keypair())
    message = await wallet.challenge(http)
    key = bytes(wallet.keypair.pubkey())
    signed = {
        "text": _full(b"something else", key),
        "signer": _full(message.encode(), bytes(Keypair().pubkey())),
        "domain": b"\xffsolana onchain!" + _full(message.encode(), key)[16:],
    }[wrong]
    body = {
        "message": message,
        "signature": wallet.sign(signed),
        "signed_message": base64.b64encode(signed).decode(),
    }
    answer = await http.post("/v1/auth/session", json=body)
    assert (answer.status_code, error_code(answer)) == (401, "wrong_signature")


async def test_a_malformed_request_names_its_field(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/auth/nonce", json={"address": "not base58"})
    assert (answer.status_code, error_code(answer)) == (400, "validation")
    assert answer.json()["error"]["field"] == "body.address"

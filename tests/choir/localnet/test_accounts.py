"""Reading accounts: encodings, slices, filters, tokens, commitments, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import base58
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.types import DataSliceOpts, MemcmpOpts, TokenAccountOpts
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.choir.localnet.helpers import SOL, RawRpc

from choir.localnet import Localnet, tokens
from choir.localnet.accounts_index import AccountsIndex
from choir.localnet.encoding import DataSlice, encode_data
from choir.localnet.errors import RpcError
from choir.localnet.filters import DataSize, Memcmp, matches, parse_filters
from choir.localnet.model import SYSTEM_PROGRAM, TOKEN_PROGRAM, AccountState, AccountUpdate

OWNER = Pubkey.new_unique()
quick = settings(deadline=None, max_examples=60)


def decoded(shown: Any, encoding: str) -> bytes:
    if encoding == "binary":
        return base58.b58decode(shown)
    data, named = shown
    assert named == encoding
    if encoding == "base58":
        return base58.b58decode(data)
    raw = base64.b64decode(data)
    return zstandard.ZstdDecompressor().decompress(raw) if encoding == "base64+zstd" else raw


@quick
@given(
    data=st.binary(max_size=128),
    encoding=st.sampled_from(["binary", "base58", "base64", "base64+zstd"]),
    part=st.none() | st.tuples(st.integers(0, 200), st.integers(0, 200)),
)
def test_every_encoding_gives_the_data_back(
    data: bytes, encoding: str, part: tuple[int, int] | None
) -> None:
    state = AccountState(1, data, OWNER)
    data_slice = None if part is None else DataSlice(*part)
    shown = encode_data(OWNER, state, encoding, data_slice, lambda _: None)
    expected = data if part is None else data[part[0] : part[0] + part[1]]
    assert decoded(shown, encoding) == expected


@quick
@given(st.binary(min_size=129, max_size=300))
def test_base58_is_refused_above_128_bytes(data: bytes) -> None:
    with pytest.raises(RpcError) as caught:
        encode_data(OWNER, AccountState(1, data, OWNER), "base58", None, lambda _: None)
    assert caught.value.code == -32600
    sliced = encode_data(
        OWNER, AccountState(1, data, OWNER), "base58", DataSlice(0, 128), lambda _: None
    )
    assert decoded(sliced, "base58") == data[:128]


@quick
@given(data=st.binary(max_size=64), offset=st.integers(0, 80), pattern=st.binary(max_size=16))
def test_memcmp_is_what_its_definition_says(data: bytes, offset: int, pattern: bytes) -> None:
    expected = offset + len(pattern) <= len(data) and all(
        data[offset + i] == byte for i, byte in enumerate(pattern)
    )
    assert matches((Memcmp(offset, pattern),), AccountState(1, data, OWNER)) is expected


@quick
@given(data=st.binary(max_size=64), size=st.integers(0, 80))
def test_data_size_is_exact(data: bytes, size: int) -> None:
    assert matches((DataSize(size),), AccountState(1, data, OWNER)) is (len(data) == size)


@quick
@given(offset=st.integers(0, 2**64 - 1), pattern=st.binary(max_size=128))
def test_filters_are_read_in_both_encodings(offset: int, pattern: bytes) -> None:
    expected = (Memcmp(offset, pattern),)
    plain = {"memcmp": {"offset": offset, "bytes": base58.b58encode(pattern).decode()}}
    other = {
        "memcmp": {
            "offset": offset,
            "bytes": base64.b64encode(pattern).decode(),
            "encoding": "base64",
        }
    }
    assert parse_filters([plain]) == parse_filters([other]) == expected


@pytest.mark.parametrize(
    "filters",
    [
        "dataSize",
        [{"dataSize": -1}],
        [{"dataSize": "5"}],
        [{"memcmp": {"offset": 0}}],
        [{"memcmp": {"bytes": "11"}}],
        [{"memcmp": {"offset": 0, "bytes": "0OIl"}}],
        [{"memcmp": {"offset": 0, "bytes": "AA", "encoding": "hex"}}],
        [{"memcmp": {"offset": 0, "bytes": base58.b58encode(bytes(129)).decode()}}],
        [{"dataSize": 1}] * 5,
        [{"other": 1}],
    ],
)
def test_filters_that_cannot_be_are_refused(filters: Any) -> None:
    with pytest.raises(RpcError) as caught:
        parse_filters(filters)
    assert caught.value.code == -32602


@quick
@given(st.data())
def test_the_index_agrees_with_a_copy_of_every_slot(data: st.DataObject) -> None:
    keys = [Pubkey(bytes([i]) * 32) for i in range(4)]
    owners = [Pubkey(bytes([100 + i]) * 32) for i in range(2)]
    index = AccountsIndex()
    state: dict[Pubkey, AccountState] = {}
    after = {0: dict(state)}
    root, slot, version = 0, 0, 0
    for _ in range(data.draw(st.integers(1, 12))):
        action = data.draw(st.sampled_from(["write", "write", "write", "root", "rollback"]))
        if action == "write":
            slot += 1
            for key in data.draw(st.lists(st.sampled_from(keys), max_size=3)):
                version += 1
                new = data.draw(
                    st.none()
                    | st.builds(
                        AccountState,
                        st.integers(1, 9),
                        st.binary(max_size=2),
                        st.sampled_from(owners),
                    )
                )
                index.record(AccountUpdate(key, slot, version, new))
                state.pop(key, None)
                if new is not None:
                    state[key] = new
            after[slot] = dict(state)
        elif action == "root":
            root = data.draw(st.integers(root, slot))
            index.root(root)
        else:
            target = data.draw(st.integers(root, slot))
            index.rollback(target)
            after = {s: kept for s, kept in after.items() if s <= target}
            state = dict(after[max(after)])
        for seen in range(root, slot + 1):
            kept = max(s for s in after if s <= seen)
            for key in keys:
                assert index.get(key, seen) == after[kept].get(key)
            for owner in owners:
                expected = {k: s for k, s in after[kept].items() if s.owner == owner}
                assert dict(index.owned_by(owner, seen)) == expected
    index.root(slot)
    assert len(index) == len(state)


@quick
@given(amount=st.integers(0, 2**64 - 1), decimals=st.integers(0, 18))
def test_ui_amounts_lose_nothing(amount: int, decimals: int) -> None:
    text = str(tokens.ui_amount(amount, decimals)["uiAmountString"])
    whole, _, part = text.partition(".")
    assert int(whole) * 10**decimals + int(part.ljust(decimals, "0") or "0") == amount
    assert not part.endswith("0")


async def test_a_token_account_in_every_form(
    client: AsyncClient, rpc: RawRpc, localnet: Localnet
) -> None:
    owner = Keypair().pubkey()
    minted = await rpc("localnet_mintTo", str(owner), 1_234_567)
    account, mint = Pubkey.from_string(minted["account"]), Pubkey.from_string(minted["mint"])
    balance = (await client.get_token_account_balance(account)).value
    assert (balance.amount, balance.decimals, balance.ui_amount_string) == (
        "1234567",
        6,
        "1.234567",
    )
    assert (await client.get_token_supply(mint)).value.amount == "1234567"
    held = await client.get_token_accounts_by_owner(owner, TokenAccountOpts(mint=mint))
    assert [a.pubkey for a in held.value] == [account]
    parsed = await client.get_account_info_json_parsed(account)
    assert parsed.value is not None
    shown = parsed.value.data.parsed["info"]  # type: ignore[union-attr]
    assert shown["owner"] == str(owner)
    assert shown["state"] == "initialized"
    assert shown["isNative"] is False
    by_program = await client.get_program_accounts(
        TOKEN_PROGRAM,
        encoding="base64",
        data_slice=DataSliceOpts(offset=64, length=8),
        filters=[165, MemcmpOpts(offset=32, bytes=str(owner))],
    )
    [found] = by_program.value
    assert int.from_bytes(found.account.data, "little") == 1_234_567
    compressed = await client.get_account_info(account, encoding="base64+zstd")
    assert compressed.value is not None
    assert len(compressed.value.data) == 165
    largest = await client.get_token_largest_accounts(mint)
    assert [str(a.address) for a in largest.value] == [str(account)]


async def test_reads_are_as_of_their_commitment(localnet: Localnet, rpc: RawRpc) -> None:
    wallet = str(Pubkey.new_unique())
    await rpc("requestAirdrop", wallet, SOL)
    for level, expected in (("processed", SOL), ("confirmed", SOL), ("finalized", 0)):
        answer = await rpc("getBalance", wallet, {"commitment": level})
        assert answer["value"] == expected
        found = await rpc("getProgramAccounts", str(SYSTEM_PROGRAM), {"commitment": level})
        assert (wallet in {f["pubkey"] for f in found}) is (expected > 0)
    await localnet.advance(3)
    assert (await rpc("getBalance", wallet))["value"] == SOL


async def test_many_accounts_at_once(client: AsyncClient, payer: Keypair) -> None:
    missing = Pubkey.new_unique()
    answer = await client.get_multiple_accounts([payer.pubkey(), missing], Confirmed)
    first, second = answer.value
    assert first is not None
    assert first.lamports == 10 * SOL
    assert second is None


async def test_with_context_wraps_program_accounts(rpc: RawRpc) -> None:
    token = str(TOKEN_PROGRAM)
    plain = await rpc("getProgramAccounts", token, {"encoding": "base64"})
    wrapped = await rpc("getProgramAccounts", token, {"encoding": "base64", "withContext": True})
    assert wrapped["value"] == plain
    assert wrapped["context"]["slot"] == 0


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("getAccountInfo", [], "`params` should have at least 1 argument(s)"),
        ("getAccountInfo", ["x"], "WrongSize"),
        ("getAccountInfo", [5], "invalid type: integer `5`, expected a string."),
        ("getAccountInfo", ["1" * 32, "confirmed"], 'invalid type: string "confirmed"'),
        ("getAccountInfo", ["1" * 32, {"encoding": "hex"}], "unknown variant `hex`"),
        ("getAccountInfo", ["1" * 32, {"commitment": "never"}], "unknown variant `never`"),
        ("getAccountInfo", ["1" * 32, {"dataSlice": {"offset": -1, "length": 1}}], "integer `-1`"),
        ("getAccountInfo", ["1" * 32, {}, 3], "Expected from 1 to 2 parameters."),
        ("getMultipleAccounts", [["1" * 32] * 101], "Too many inputs provided; max 100"),
        ("getTokenAccountBalance", ["1" * 32], "not a Token account"),
        ("getTokenSupply", [str(Pubkey.new_unique())], "could not find account"),
        ("getTokenAccountsByOwner", ["1" * 32, {}], '{"mint"} or {"programId"}'),
        ("getTokenAccountsByOwner", ["1" * 32, {"programId": "1" * 32}], "Token program id"),
        (
            "getMinimumBalanceForRentExemption",
            ["many"],
            'invalid type: string "many", expected u64.',
        ),
    ],
)
async def test_bad_parameters_are_named(
    rpc: RawRpc, method: str, params: list[Any], message: str
) -> None:
    error = await rpc.error(method, *params)
    assert error["code"] == -32602
    assert message in error["message"]


async def test_a_slot_that_is_not_there_yet_is_said_so(rpc: RawRpc) -> None:
    error = await rpc.error("getBalance", "1" * 32, {"minContextSlot": 99})
    assert error == {
        "code": -32016,
        "message": "Minimum context slot has not been reached",
        "data": {"contextSlot": 0},
    }

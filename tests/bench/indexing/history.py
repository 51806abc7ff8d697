"""A long history of the real program as a node's answers: one story told on a localnet, then again
and again with other people, threads and signatures.

What the program wrote stays as it wrote it (accounts, events, logs); only addresses, signatures,
slots and places in them are others. Copies run side by side, a group at a time, so that an account
is written again and again as time goes on.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import based58
import orjson
from solders.pubkey import Pubkey
from solders.signature import Signature
from tests.choir.chain import World

from choir.accounts import Config, PrivacyLevel, Treasury, decode_account
from choir.ids import PROGRAM_ID, config_pda, content_hash, event_authority_pda
from choir.localnet import Localnet, Settings
from choir.rpc import JsonRpc

SIDE_BY_SIDE = 40
A_SLOT = 4  # transactions
PIECE = 64 << 10
EVENT = bytes.fromhex("e445a52e51cb9a1d")
ANY_SLOT = 8_765_432_109


@dataclass
class Story:
    """What a node says of one thread's life: transactions oldest first, accounts as they are in
    the end by address, and the accounts of the program itself."""

    transactions: list[dict[str, Any]]
    accounts: dict[str, dict[str, Any]]
    common: dict[str, dict[str, Any]]
    wallets: list[str]


async def told() -> Story:
    """Run the story on a localnet."""
    settings = Settings(http_port=0, ws_port=0, production="transaction")
    async with Localnet(settings) as localnet, World(localnet) as world:
        await world.initialize()
        ada, ben, eve = [await world.person() for _ in range(3)]
        await localnet.advance()
        before = len(await world.rpc.get_signatures_for_address(PROGRAM_ID))
        await ada.create_thread("a", deposit=50_000)
        for number in range(3):
            await ada.post_message("a", content_hash(f"message {number}"))
        await ben.submit_spec("a", content_hash("idea"), stake=2_001)
        await ada.approve("a", ben.wallet, content_hash("idea"))
        await eve.submit_spec("a", content_hash("worse"), stake=1_500)
        await ada.deny("a", eve.wallet, content_hash("worse"))
        await ben.deny("a", eve.wallet, content_hash("worse"))
        await ben.deposit("a", 5_000)
        await ada.claim("a")
        await ada.set_privacy("a", PrivacyLevel.PREMIUM)
        listed = await world.rpc.get_signatures_for_address(PROGRAM_ID)
        transactions = []
        for row in reversed(listed[: len(listed) - before]):
            answer = await world.rpc.get_transaction(row.signature)
            assert answer is not None
            transactions.append(answer)
        options = {"encoding": "base64", "commitment": "confirmed"}
        found = await world.rpc.request("getProgramAccounts", [str(PROGRAM_ID), options])
        accounts = {item["pubkey"]: item["account"] for item in found}
    settled = {key for key in accounts if _common(accounts[key])}
    return Story(
        transactions,
        {key: value for key, value in accounts.items() if key not in settled},
        {key: value for key, value in accounts.items() if key in settled},
        [str(person.wallet) for person in (ada, ben, eve)],
    )


def _common(account: dict[str, Any]) -> bool:
    return isinstance(decode_account(base64.b64decode(account["data"][0])), Config | Treasury)


class _Template:
    """Bytes with holes: where an address, its bytes in base64 or in an event, or a number goes."""

    def __init__(self, text: str, holes: Sequence[str]) -> None:
        pattern = "(" + "|".join(re.escape(hole) for hole in holes) + ")"
        self.parts: list[str] = re.split(pattern, text)

    def fill(self, values: dict[str, str]) -> bytes:
        return "".join([values.get(part, part) for part in self.parts]).encode()


@dataclass
class History:
    """Answers of a node, as bytes: by signature, by address, and the list newest first."""

    tip: int = 0
    listed: list[tuple[int, str]] = field(default_factory=list)
    transactions: dict[str, bytes] = field(default_factory=dict)
    accounts: dict[str, bytes] = field(default_factory=dict)
    events: int = 0

    def listing(self) -> bytes:
        """The whole answer of getProgramAccounts at the tip."""
        items = [
            b'{"pubkey":"%s","account":%s}' % (key.encode(), account)
            for key, account in self.accounts.items()
        ]
        head = b'{"jsonrpc":"2.0","result":{"context":{"apiVersion":"3.0.0","slot":%d},"value":['
        return head % self.tip + b",".join(items) + b']},"id":1}'


def multiplied(story: Story, copies: int) -> History:
    """`copies` of the story, side by side."""
    own = [*story.accounts, *story.wallets]
    vaults = _others(story)
    own += vaults
    raw = {name: bytes(Pubkey.from_string(name)) for name in own}
    events: dict[str, bytes] = {}
    transactions = []
    for answer in orjson.loads(orjson.dumps(story.transactions)):
        for group in answer["meta"]["innerInstructions"]:
            for call in group["instructions"]:
                data = based58.b58decode(call["data"].encode())
                if data[:8] == EVENT:
                    name = f"@event{len(events)}@"
                    events[name], call["data"] = data, name
        signature = answer["transaction"]["signatures"][0]
        answer["slot"] = ANY_SLOT
        text = orjson.dumps({"jsonrpc": "2.0", "result": answer, "id": 1}).decode()
        holes = [*own, *events, signature, str(ANY_SLOT)]
        transactions.append((signature, _Template(text, holes)))
    history = History(events=copies * len(events))
    for key, account in story.common.items():
        history.accounts[key] = orjson.dumps(account)
    slot, in_slot = 100, 0
    for start in range(0, copies, SIDE_BY_SIDE):
        group = [
            _names(copy, own, raw, events)
            for copy in range(start, min(start + SIDE_BY_SIDE, copies))
        ]
        for step, (old, template) in enumerate(transactions):
            for values, _ in group:
                digest = hashlib.sha512(f"{step}{values[own[0]]}".encode()).digest()
                signature = str(Signature(digest))
                filled = {**values, old: signature, str(ANY_SLOT): str(slot)}
                history.transactions[signature] = template.fill(filled)
                history.listed.append((slot, signature))
                in_slot += 1
                if in_slot == A_SLOT:
                    slot, in_slot = slot + 1, 0
        for values, new in group:
            for key, account in story.accounts.items():
                data = base64.b64decode(account["data"][0])
                for old_key, replaced in new.items():
                    data = data.replace(raw[old_key], replaced)
                changed = {**account, "data": [base64.b64encode(data).decode(), "base64"]}
                history.accounts[values[key]] = orjson.dumps(changed)
    history.tip = slot + 1
    history.listed.reverse()
    return history


def _others(story: Story) -> list[str]:
    """Writable addresses that are neither the program's accounts nor wallets: token accounts of
    this story."""
    shared = {*story.common, str(PROGRAM_ID), str(config_pda()), str(event_authority_pda())}
    found: dict[str, None] = {}
    for answer in story.transactions:
        message = answer["transaction"]["message"]
        header = message["header"]
        keys = message["accountKeys"]
        writable = keys[: header["numRequiredSignatures"] - header["numReadonlySignedAccounts"]]
        writable += keys[
            header["numRequiredSignatures"] : len(keys) - header["numReadonlyUnsignedAccounts"]
        ]
        found |= dict.fromkeys(writable)
    known = {*story.accounts, *story.wallets, *shared}
    return [key for key in found if key not in known]


def _names(
    copy: int, own: Sequence[str], raw: dict[str, bytes], events: dict[str, bytes]
) -> tuple[dict[str, str], dict[str, bytes]]:
    """A copy's addresses and events as text, and its addresses as bytes."""
    new = {name: hashlib.sha256(f"{copy}{name}".encode()).digest() for name in own}
    values = {name: str(Pubkey(key)) for name, key in new.items()}
    for name, data in events.items():
        for old, key in new.items():
            data = data.replace(raw[old], key)
        values[name] = based58.b58encode(data).decode()
    return values, new


class Answers(JsonRpc):
    """A node that answers from memory, in bytes; reading them is the client's work."""

    def __init__(self, history: History, *, snapshot: bool) -> None:
        self._history = history
        self._snapshot = history.listing() if snapshot else None
        self._place = {signature: n for n, (_, signature) in enumerate(history.listed)}
        row = '{"signature":"%s","slot":%d,"err":null,"memo":null,"blockTime":1}'
        self._rows = [(row % (name, slot)).encode() for slot, name in history.listed]
        self.behind = not snapshot  # until the empty snapshot is taken

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        answer: bytes = getattr(self, f"_{method}")(*params)
        await asyncio.sleep(0)  # no node answers before others had their turn
        return orjson.loads(answer)["result"]

    async def request_many(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        ask = getattr(self, f"_{method}")
        body = b"[" + b",".join([ask(*each) for each in params]) + b"]"
        await asyncio.sleep(0)
        return [answer["result"] for answer in orjson.loads(body)]

    @asynccontextmanager
    async def stream(
        self, method: str, params: Sequence[Any] = ()
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self.behind = False
        empty = b'{"jsonrpc":"2.0","result":{"context":{"slot":50},"value":[]},"id":1}'
        whole = self._snapshot or empty

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(whole), PIECE):
                yield whole[start : start + PIECE]

        yield pieces()

    def _getSlot(self, options: dict[str, Any]) -> bytes:  # noqa: N802 - the method's own name
        return _result(50 if self.behind else self._history.tip)

    def _getGenesisHash(self) -> bytes:  # noqa: N802
        return _result("11111111111111111111111111111111")

    def _getFirstAvailableBlock(self) -> bytes:  # noqa: N802
        return _result(0)

    def _getAccountInfo(self, *_: Any) -> bytes:  # noqa: N802
        account = {"lamports": 1, "owner": str(PROGRAM_ID), "data": ["", "base64"]}
        account |= {"executable": True}
        return _result({"context": {"slot": self._history.tip}, "value": account})

    def _getSignaturesForAddress(self, _: str, options: dict[str, Any]) -> bytes:  # noqa: N802
        start = self._place[options["before"]] + 1 if "before" in options else 0
        rows = b",".join(self._rows[start : start + options["limit"]])
        return b'{"jsonrpc":"2.0","result":[%b],"id":1}' % rows

    def _getTransaction(self, signature: str, _: Any) -> bytes:  # noqa: N802
        return self._history.transactions[signature]

    def _getMultipleAccounts(self, names: list[str], _: Any) -> bytes:  # noqa: N802
        there = self._history.accounts
        values = b",".join([there.get(name, b"null") for name in names])
        head = b'{"jsonrpc":"2.0","result":{"context":{"slot":%d},"value":[' % self._history.tip
        return head + values + b']},"id":1}'


def _result(value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": value, "id": 1}).encode()

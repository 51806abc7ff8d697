"""What the real program did on a localnet, recorded once, and told again by a node and a stream.

A `Tape` holds every block with its transactions and what each wrote. `TapeNode` answers JSON-RPC
from it as far as it has been played; `updates` says it in Yellowstone's messages.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import Transaction, VersionedTransaction
from solders.transaction_status import TransactionStatus
from tests.choir.chain import DAY, World
from tests.indexer.test_real_chain import people, story

from choir import instructions
from choir.accounts import PrivacyLevel
from choir.errors import MethodNotServed, NodeBehind
from choir.ids import PROGRAM_ID, content_hash, thread_pda
from choir.localnet import Localnet, Settings
from choir.localnet.bank import Landed
from choir.localnet.chain import Closed
from choir.localnet.model import AccountUpdate as Written
from choir.localnet.model import Block, TransactionRecord
from choir.localnet.transaction_json import transaction_json
from choir.rpc import JsonRpc
from choir_indexer.decode import decode_transaction, decode_update
from choir_indexer.model import AccountUpdate, RawTransaction, SignatureRef
from choir_indexer.sources.yellowstone import geyser_pb2 as wire
from choir_indexer.store.merge import KINDS
from choir_indexer.transactions import from_json

GENESIS = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"


@dataclass
class Tape:
    """Blocks from slot 0 on, oldest first."""

    blocks: list[Closed] = field(default_factory=list)

    @property
    def slots(self) -> list[int]:
        return [closed.block.slot for closed in self.blocks]

    def named(self, block: Block) -> list[TransactionRecord]:
        """Its transactions that name the program, in order."""
        return [r for r in block.transactions if PROGRAM_ID in r.account_keys]

    def listed(self, through: int) -> Iterator[tuple[SignatureRef, TransactionRecord]]:
        """What a history lists up to a slot, oldest first."""
        for closed in self.blocks:
            if closed.block.slot <= through:
                for position, record in enumerate(self.named(closed.block)):
                    signature = bytes(Signature.from_string(record.signature))
                    yield SignatureRef(signature, record.slot, position), record

    def live(self, through: int) -> dict[bytes, Written]:
        """The program's accounts at the end of a slot."""
        newest: dict[bytes, Written] = {}
        for closed in self.blocks:
            if closed.block.slot <= through:
                newest |= {bytes(u.pubkey): u for u in closed.updates}
        return {k: u for k, u in newest.items() if u.state and u.state.owner == PROGRAM_ID}

    def closes(self) -> int:
        """How many accounts of the program went away."""
        gone, there = 0, set()
        for closed in self.blocks:
            for update in closed.updates:
                ours = update.state is not None and update.state.owner == PROGRAM_ID
                gone += update.pubkey in there and not ours
                (there.add if ours else there.discard)(update.pubkey)
        return gone


def answer(record: TransactionRecord) -> dict[str, Any]:
    """As `getTransaction` answers."""
    found = transaction_json(record, "json", 0)
    return {"slot": record.slot, "blockTime": record.block_time, **found}


def by_json(ref: SignatureRef, record: TransactionRecord) -> RawTransaction:
    """The road over a node's JSON."""
    return from_json(ref, json.loads(json.dumps(answer(record))))


def expected(tape: Tape, through: int) -> dict[str, Any]:
    """What a mirror must hold after a slot (see `tests.indexer.story.held`)."""
    found: dict[str, Any] = {"accounts": {}, **{kind: {} for kind in KINDS}}
    for pubkey, written in tape.live(through).items():
        assert written.state is not None
        row = decode_update(AccountUpdate(pubkey, through, 0, written.state.data))
        found["accounts"][pubkey] = (row.kind, written.state.data)
        if row.kind is not None:
            found[row.kind][pubkey] = row.columns
    events: dict[bytes, list[Any]] = defaultdict(list)
    listed = list(tape.listed(through))
    for ref, record in listed:
        for e in decode_transaction(by_json(ref, record)).events:
            seq = len(events[e.thread]) + 1
            events[e.thread].append((seq, e.slot, e.signature, e.ordinal, e.kind, e.payload))
    found["events"] = dict(events)
    found["transactions"] = [ref.signature for ref, _ in listed]
    return found


# ---- recording


class _Recorder:
    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def landed(self, landed: Landed) -> None: ...
    def wrote(self, updates: list[Written]) -> None: ...
    def opened(self, slot: int, parent: int, root: int) -> None: ...
    def rooted(self, closed: Closed) -> None: ...
    def rolled_back(self, slot: int, dropped: list[Block]) -> None: ...
    def confirmed(self, closed: Closed) -> None:
        self._tape.blocks.append(closed)


def record() -> Tape:
    """Drive a localnet through the story and past it: failures, and accounts that are closed."""
    return asyncio.run(_record())


async def _record() -> Tape:
    tape = Tape()
    settings = Settings(http_port=0, ws_port=0, slot_ms=30, finality_slots=3)
    async with Localnet(settings) as localnet, World(localnet) as world:
        localnet.chain.listeners.append(_Recorder(tape))
        await world.initialize()
        await story(world)
        (ann, bob) = await people(world, 2)
        await ann.create_thread("c", deposit=30_000)
        await _fail(world, bob.signer, thread_pda("c"))
        await bob.submit_spec("c", content_hash("withdrawn"), stake=1_500)
        await bob.withdraw_spec("c", content_hash("withdrawn"))
        await bob.submit_spec("c", content_hash("late"), stake=1_500)
        await world.pass_time(31 * DAY)
        await ann.expire_spec("c", bob.wallet, content_hash("late"))
        await ann.cleanup_spec("c", bob.wallet, content_hash("late"))
        await ann.close_thread("c")
        await localnet.advance(4)
    return tape


async def _fail(world: World, signer: Any, thread: Pubkey) -> None:
    """A transaction that lands and fails: a stranger sets a thread's privacy."""
    blockhash = (await world.rpc.get_latest_blockhash()).value
    call = instructions.set_privacy(author=signer.pubkey, thread=thread, level=PrivacyLevel.PREMIUM)
    message = Message.new_with_blockhash([call], signer.pubkey, blockhash.hash)
    keypair: Keypair = signer.keypair
    raw = bytes(Transaction([keypair], message, blockhash.hash))
    await world.rpc.send_transaction(raw, skip_preflight=True)
    await world.localnet.advance()


# ---- telling


def transaction_update(record: TransactionRecord) -> wire.SubscribeUpdate:
    """As a stream carries it."""
    transaction = VersionedTransaction.from_bytes(record.wire)
    message, header = transaction.message, transaction.message.header
    meta = wire.TransactionMeta(
        fee=record.fee,
        post_balances=record.post_balances,
        inner_instructions=[
            wire.InnerInstructions(
                index=group.position,
                instructions=[
                    wire.Instruction(
                        program_id_index=call.program_index, accounts=call.accounts, data=call.data
                    )
                    for call in group.calls
                ],
            )
            for group in record.inner
        ],
        log_messages=record.logs,
        post_token_balances=[
            wire.TokenBalance(account_index=balance.account_index) for balance in record.post_tokens
        ],
        loaded_writable_addresses=[bytes(key) for key in record.writable],
        loaded_readonly_addresses=[bytes(key) for key in record.readonly],
    )
    if record.err is not None:
        meta.err.err = error_bytes(record.err)
    info = wire.TransactionInfo(
        signature=bytes(transaction.signatures[0]),
        transaction=wire.Transaction(
            signatures=[bytes(signature) for signature in transaction.signatures],
            message=wire.Message(
                header=wire.MessageHeader(
                    num_required_signatures=header.num_required_signatures,
                    num_readonly_signed_accounts=header.num_readonly_signed_accounts,
                    num_readonly_unsigned_accounts=header.num_readonly_unsigned_accounts,
                ),
                account_keys=[bytes(key) for key in message.account_keys],
                recent_blockhash=bytes(message.recent_blockhash),
            ),
        ),
        meta=meta,
        index=record.index,
    )
    return wire.SubscribeUpdate(
        filters=["choir"],
        transaction=wire.UpdateTransaction(transaction=info, slot=record.slot),
    )


def error_bytes(err: Any) -> bytes:
    """A node's JSON of an error as the runtime's bincode."""
    status = {"slot": 0, "confirmations": None, "status": {"Ok": None}, "err": err}
    text = json.dumps({**status, "confirmationStatus": None})
    return bytes(TransactionStatus.from_json(text))[14:-1]


def account_update(written: Written, slot: int) -> wire.SubscribeUpdate:
    """As a stream carries it."""
    assert written.state is not None
    info = wire.AccountInfo(
        pubkey=bytes(written.pubkey),
        lamports=written.state.lamports,
        owner=bytes(written.state.owner),
        data=written.state.data,
        write_version=written.write_version,
    )
    return wire.SubscribeUpdate(
        filters=["choir"], account=wire.UpdateAccount(account=info, slot=slot)
    )


def meta_update(block: Block) -> wire.SubscribeUpdate:
    """As a stream carries it."""
    return wire.SubscribeUpdate(
        filters=["choir"],
        block_meta=wire.UpdateBlockMeta(
            slot=block.slot,
            blockhash=block.blockhash,
            block_time=wire.UnixTimestamp(timestamp=block.time),
            parent_slot=block.parent_slot,
            parent_blockhash=block.previous_blockhash,
            executed_transaction_count=len(block.transactions),
        ),
    )


def slot_update(slot: int, status: wire.SlotStatus) -> wire.SubscribeUpdate:
    """As a stream carries it."""
    return wire.SubscribeUpdate(filters=["choir"], slot=wire.UpdateSlot(slot=slot, status=status))


def contents(tape: Tape, closed: Closed) -> list[wire.SubscribeUpdate]:
    """What the filters let through of a slot before its block meta: transactions that name the
    program, and the last write of each account, where that left it to the program."""
    accounts = [
        account_update(update, closed.block.slot)
        for update in closed.updates
        if update.state is not None and update.state.owner == PROGRAM_ID
    ]
    return [*map(transaction_update, tape.named(closed.block)), *accounts]


class TapeNode(JsonRpc):
    """A node that has played the tape up to `slot`; `first` is its oldest block."""

    def __init__(self, tape: Tape, slot: int) -> None:
        self.tape = tape
        self.slot = slot
        self.behind = 0
        self.asked: list[str] = []

    @property
    def at(self) -> int:
        """Where it stands; each look brings it closer if it is behind."""
        behind, self.behind = self.behind, max(self.behind - 1, 0)
        slots = [slot for slot in self.tape.slots if slot <= self.slot]
        return slots[max(len(slots) - 1 - behind, 0)]

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.asked.append(method)
        handler = getattr(self, method, None)
        if handler is None:
            raise MethodNotServed(f"{method} is not served", code=-32601)
        return handler(*params)

    def getGenesisHash(self) -> str:  # noqa: N802
        return GENESIS

    def getSlot(self, options: dict[str, Any]) -> int:  # noqa: N802
        at = self.at
        return at if options["commitment"] == "confirmed" else max(at - 3, 0)

    def getFirstAvailableBlock(self) -> int:  # noqa: N802
        return 0

    def getAccountInfo(self, name: str, options: dict[str, Any]) -> Any:  # noqa: N802
        loader = "BPFLoaderUpgradeab1e11111111111111111111111"
        program = {"lamports": 1, "owner": loader, "executable": True, "data": ["", "base64"]}
        return {"context": {"slot": self.slot}, "value": program}

    def getSignaturesForAddress(self, name: str, options: dict[str, Any]) -> Any:  # noqa: N802
        at = self._reached(options)
        rows = [
            {"slot": ref.slot, "signature": record.signature, "err": record.err}
            for ref, record in self.tape.listed(at)
        ][::-1]
        if "before" in options:
            names = [row["signature"] for row in rows]
            rows = rows[names.index(options["before"]) + 1 :]
        return rows[: options["limit"]]

    def getTransaction(self, name: str, options: dict[str, Any]) -> Any:  # noqa: N802
        return next(
            (answer(r) for _, r in self.tape.listed(self.slot) if r.signature == name), None
        )

    def getMultipleAccounts(self, names: list[str], options: dict[str, Any]) -> Any:  # noqa: N802
        at = self._reached(options)
        live = self.tape.live(at)
        found = [live.get(bytes(Pubkey.from_string(name))) for name in names]
        return {"context": {"slot": at}, "value": [w and _account(w) for w in found]}

    def getBlocks(self, start: int, end: int, options: dict[str, Any]) -> list[int]:  # noqa: N802
        at = self._reached(options)
        return [slot for slot in self.tape.slots if start <= slot <= min(end, at)]

    def getProgramAccounts(self, name: str, options: dict[str, Any]) -> Any:  # noqa: N802
        at = self.getSlot(options)
        found = self.tape.live(at).values()
        rows = [{"pubkey": str(w.pubkey), "account": _account(w)} for w in found]
        return {"context": {"slot": at}, "value": rows}

    def _reached(self, options: dict[str, Any]) -> int:
        at = self.at
        if options.get("minContextSlot", 0) > at:
            raise NodeBehind("Minimum context slot has not been reached", code=-32016)
        return at


def _account(written: Written) -> dict[str, Any]:
    assert written.state is not None
    return {
        "lamports": written.state.lamports,
        "owner": str(written.state.owner),
        "executable": False,
        "data": [base64.b64encode(written.state.data).decode(), "base64"],
        "rentEpoch": 0,
        "space": len(written.state.data),
    }

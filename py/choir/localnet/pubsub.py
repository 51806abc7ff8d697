"""Subscriptions and their notifications. Knows chains and clients, not sockets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from solders.pubkey import Pubkey

from choir.localnet.bank import Landed
from choir.localnet.chain import Chain, Closed
from choir.localnet.commitment import Commitment
from choir.localnet.encoding import encode_account
from choir.localnet.errors import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcError,
    invalid_params,
)
from choir.localnet.filters import matches
from choir.localnet.model import (
    SYSTEM_PROGRAM,
    AccountState,
    AccountUpdate,
    Block,
    TransactionRecord,
)
from choir.localnet.subscriptions import (
    KINDS,
    AccountTopic,
    BlockTopic,
    LogsTopic,
    ProgramTopic,
    Shape,
    SignatureTopic,
    Topic,
    notification,
    read_topic,
)
from choir.localnet.transaction_json import block_json

_GONE = AccountState(0, b"", SYSTEM_PROGRAM)


class Client(Protocol):
    """The other end of a socket."""

    def send(self, message: str) -> None:
        """Queue a message, without waiting."""


# Sends a notification: client, the notification's name, its text.
Deliver = Callable[[Any, str, str], None]


def _at_once(client: Client, method: str, message: str) -> None:
    client.send(message)


@dataclass(eq=False, slots=True)
class Subscription:
    """A client's interest in a topic."""

    number: int
    client: Client
    topic: Topic


@dataclass(slots=True)
class _Index:
    """Subscriptions by what wakes them."""

    accounts: dict[Pubkey, dict[int, Subscription]] = field(default_factory=dict)
    programs: dict[Pubkey, dict[int, Subscription]] = field(default_factory=dict)
    signatures: dict[str, dict[int, Subscription]] = field(default_factory=dict)
    logs: dict[int, Subscription] = field(default_factory=dict)
    blocks: dict[int, Subscription] = field(default_factory=dict)
    plain: dict[str, dict[int, Subscription]] = field(default_factory=dict)

    def shelf(self, topic: Topic) -> dict[int, Subscription]:
        """Where subscriptions to `topic` are kept."""
        if isinstance(topic, AccountTopic):
            return self.accounts.setdefault(topic.address, {})
        if isinstance(topic, ProgramTopic):
            return self.programs.setdefault(topic.program, {})
        if isinstance(topic, SignatureTopic):
            return self.signatures.setdefault(topic.signature, {})
        if isinstance(topic, LogsTopic):
            return self.logs
        if isinstance(topic, BlockTopic):
            return self.blocks
        return self.plain.setdefault(topic.name, {})

    def remove(self, subscription: Subscription) -> None:
        """Take a subscription off its shelf, and the shelf away when empty."""
        topic = subscription.topic
        shelf = self.shelf(topic)
        shelf.pop(subscription.number, None)
        if shelf:
            return
        if isinstance(topic, AccountTopic):
            del self.accounts[topic.address]
        elif isinstance(topic, ProgramTopic):
            del self.programs[topic.program]
        elif isinstance(topic, SignatureTopic):
            del self.signatures[topic.signature]


class PubSub:
    """Every subscription of a localnet. A `chain.Listener`."""

    def __init__(self, chain: Chain, deliver: Deliver | None = None) -> None:
        self._chain = chain
        self._deliver = deliver or _at_once
        self._numbers = itertools.count(1)
        self._index = _Index()
        self._by_client: dict[Client, dict[int, Subscription]] = {}
        self._count = 0

    # Clients

    @property
    def subscriptions(self) -> int:
        """How many there are."""
        return self._count

    def request(self, client: Client, text: str | bytes) -> None:
        """Answer a message from a client."""
        try:
            request = orjson.loads(text)
        except orjson.JSONDecodeError:
            client.send(_failure(None, RpcError(PARSE_ERROR, "Parse error")))
            return
        for each in request if isinstance(request, list) else [request]:
            self._one(client, each)

    def _one(self, client: Client, request: Any) -> None:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            client.send(_failure(None, RpcError(INVALID_REQUEST, "Invalid request")))
            return
        ident, name = request.get("id"), request["method"]
        kind = name.removesuffix("Unsubscribe").removesuffix("Subscribe")
        if kind not in KINDS or kind == name:
            client.send(_failure(ident, RpcError(METHOD_NOT_FOUND, "Method not found")))
            return
        try:
            if name.endswith("Unsubscribe"):
                self._unsubscribe(client, kind, request.get("params"))
                client.send(_success(ident, result=True))
                return
            topic = read_topic(kind, request.get("params"))
            subscription = self._subscribe(client, topic)
        except RpcError as error:
            client.send(_failure(ident, error))
            return
        client.send(_success(ident, result=subscription.number))
        if isinstance(topic, SignatureTopic):
            self._catch_up(subscription, topic)

    def leave(self, client: Client) -> None:
        """Forget a client that is gone."""
        for subscription in self._by_client.pop(client, {}).values():
            self._index.remove(subscription)
            self._count -= 1

    def _subscribe(self, client: Client, topic: Topic) -> Subscription:
        most = self._chain.settings.max_subscriptions
        if self._count >= most:
            raise RpcError(
                INTERNAL_ERROR,
                "Internal Error: Subscription refused. Node subscription limit reached",
            )
        subscription = Subscription(next(self._numbers), client, topic)
        self._index.shelf(topic)[subscription.number] = subscription
        self._by_client.setdefault(client, {})[subscription.number] = subscription
        self._count += 1
        return subscription

    def _unsubscribe(self, client: Client, kind: str, params: Any) -> None:
        number = params[0] if isinstance(params, list) and len(params) == 1 else None
        found = self._by_client.get(client, {}).get(number) if isinstance(number, int) else None
        if found is None or notification(found.topic) != f"{kind}Notification":
            raise invalid_params("Invalid subscription id.")
        self._drop(found)

    def _drop(self, subscription: Subscription) -> None:
        owned = self._by_client.get(subscription.client)
        if owned is not None and owned.pop(subscription.number, None) is not None:
            self._index.remove(subscription)
            self._count -= 1

    # What the chain tells

    def landed(self, landed: Landed) -> None:
        """A transaction ran in the open slot: everything at processed is told at once."""
        record = landed.record
        self._signature(record, Commitment.PROCESSED)
        self._logs([record], Commitment.PROCESSED)
        self._accounts(landed.updates, Commitment.PROCESSED, record.slot)

    def wrote(self, updates: list[AccountUpdate]) -> None:
        """Accounts were set by hand."""
        self._accounts(updates, Commitment.PROCESSED, self._chain.heads.processed)

    def opened(self, slot: int, parent: int, root: int) -> None:
        """A slot was opened."""
        self._plain("slot", {"parent": parent, "root": root, "slot": slot})
        self._update("createdBank", slot, parent=parent)

    def confirmed(self, closed: Closed) -> None:
        """A slot reached confirmed."""
        self._update("frozen", closed.block.slot, stats=_stats(closed.block))
        self._update("optimisticConfirmation", closed.block.slot)
        self._settled(closed, Commitment.CONFIRMED)

    def rooted(self, closed: Closed) -> None:
        """A slot reached finalized."""
        self._settled(closed, Commitment.FINALIZED)
        self._plain("root", closed.block.slot)
        self._update("root", closed.block.slot)

    def rolled_back(self, slot: int, dropped: list[Block]) -> None:
        """The chain left a fork: the lost slots are told as dead."""
        for block in dropped:
            self._update("dead", block.slot, err="fork abandoned")

    def _settled(self, closed: Closed, commitment: Commitment) -> None:
        block = closed.block
        for record in block.transactions:
            self._signature(record, commitment)
        self._logs(block.transactions, commitment)
        self._accounts(closed.updates, commitment, block.slot)
        self._blocks(block, commitment)

    # Telling

    def _accounts(
        self, updates: Iterable[AccountUpdate], commitment: Commitment, slot: int
    ) -> None:
        if not self._index.accounts and not self._index.programs:
            return
        for update in updates:
            state = update.state
            shown = self._shower(update.pubkey, _GONE if state is None else state, slot)
            for each in list(self._index.accounts.get(update.pubkey, {}).values()):
                topic = each.topic
                if isinstance(topic, AccountTopic) and topic.commitment is commitment:
                    self._tell(each, _at(slot, shown(topic.shape)))
            # As on a validator, a closed account no longer belongs to the program.
            if state is None:
                continue
            for each in list(self._index.programs.get(state.owner, {}).values()):
                topic = each.topic
                if (
                    isinstance(topic, ProgramTopic)
                    and topic.commitment is commitment
                    and matches(topic.filters, state)
                ):
                    account = {"account": shown(topic.shape), "pubkey": str(update.pubkey)}
                    self._tell(each, _at(slot, account))

    def _shower(self, pubkey: Pubkey, state: AccountState, slot: int) -> Callable[[Shape], Any]:
        made: dict[Shape, Any] = {}

        def shown(shape: Shape) -> Any:
            if shape not in made:
                made[shape] = self._show(pubkey, state, shape, slot)
            return made[shape]

        return shown

    def _show(self, pubkey: Pubkey, state: AccountState, shape: Shape, slot: int) -> Any:
        def read(key: Pubkey) -> AccountState | None:
            return self._chain.account(key, slot)

        try:
            return encode_account(pubkey, state, shape.encoding, shape.data_slice, read)
        except RpcError as error:
            # Too long for base58: a validator puts the error where the data would be.
            shown = encode_account(pubkey, state, "base64", shape.data_slice, read)
            data = f"error: {error.message}"
            shown["data"] = data if shape.encoding == "binary" else [data, shape.encoding]
            return shown

    def _signature(self, record: TransactionRecord, commitment: Commitment) -> None:
        waiting = self._index.signatures.get(record.signature)
        if not waiting:
            return
        for each in list(waiting.values()):
            topic = each.topic
            if not isinstance(topic, SignatureTopic):
                continue
            if commitment is Commitment.PROCESSED and topic.received:
                self._tell(each, _at(record.slot, "receivedSignature"))
            if topic.commitment is commitment:
                self._tell(each, _at(record.slot, {"err": record.err}))
                self._drop(each)

    def _catch_up(self, subscription: Subscription, topic: SignatureTopic) -> None:
        if topic.received:
            landed = self._chain.view.transaction(topic.signature)
            if landed is not None:
                self._tell(subscription, _at(landed.slot, "receivedSignature"))
        record = self._chain.view.transaction(topic.signature, topic.commitment)
        if record is not None:
            slot = self._chain.heads.slot(topic.commitment)
            self._tell(subscription, _at(slot, {"err": record.err}))
            self._drop(subscription)

    def _logs(self, records: list[TransactionRecord], commitment: Commitment) -> None:
        if not self._index.logs:
            return
        for record in records:
            result = None
            for each in list(self._index.logs.values()):
                topic = each.topic
                if not isinstance(topic, LogsTopic) or topic.commitment is not commitment:
                    continue
                if topic.mentions is not None and topic.mentions not in record.account_keys:
                    continue
                if result is None:
                    value = {"signature": record.signature, "err": record.err, "logs": record.logs}
                    result = _at(record.slot, value)
                self._tell(each, result)

    def _blocks(self, block: Block, commitment: Commitment) -> None:
        for each in list(self._index.blocks.values()):
            topic = each.topic
            if not isinstance(topic, BlockTopic) or topic.commitment is not commitment:
                continue
            chosen = block
            if topic.mentions is not None:
                records = [r for r in block.transactions if topic.mentions in r.account_keys]
                if not records:
                    continue
                chosen = Block(
                    block.slot,
                    block.parent_slot,
                    block.height,
                    block.blockhash,
                    block.previous_blockhash,
                    block.time,
                    records,
                )
            shown: Any = None
            err: Any = None
            try:
                shown = block_json(
                    chosen,
                    topic.encoding,
                    topic.details,
                    topic.max_version,
                    rewards=topic.rewards,
                )
            except RpcError as error:
                err = {"UnsupportedTransactionVersion": 0} if error.code else None
            self._tell(each, _at(block.slot, {"slot": block.slot, "err": err, "block": shown}))

    def _tell(self, subscription: Subscription, result: Any) -> None:
        method = notification(subscription.topic)
        message = {
            "jsonrpc": "2.0",
            "method": method,
            "params": {"result": result, "subscription": subscription.number},
        }
        self._deliver(subscription.client, method, orjson.dumps(message).decode())

    def _plain(self, name: str, result: Any) -> None:
        for each in list(self._index.plain.get(name, {}).values()):
            self._tell(each, result)

    def _update(self, kind: str, slot: int, **more: Any) -> None:
        if self._index.plain.get("slotsUpdates"):
            stamp = int(self._chain.clock.now() * 1000)
            self._plain("slotsUpdates", {"type": kind, "slot": slot, "timestamp": stamp, **more})


def _stats(block: Block) -> dict[str, int]:
    failed = sum(r.err is not None for r in block.transactions)
    return {
        "numTransactionEntries": len(block.transactions),
        "numSuccessfulTransactions": len(block.transactions) - failed,
        "numFailedTransactions": failed,
        "maxTransactionsPerEntry": len(block.transactions),
    }


def _at(slot: int, value: Any) -> dict[str, Any]:
    return {"context": {"slot": slot}, "value": value}


def _success(ident: Any, *, result: Any) -> str:
    return orjson.dumps({"jsonrpc": "2.0", "result": result, "id": ident}).decode()


def _failure(ident: Any, error: RpcError) -> str:
    return orjson.dumps({"jsonrpc": "2.0", "error": error.to_json(), "id": ident}).decode()

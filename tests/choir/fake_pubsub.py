"""A chain with pub/sub in memory, and everything that can go wrong between it and a reader.

`test_subscriptions` holds its conversation to the localnet's.
"""

import asyncio
import base64
import json
from collections import deque

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from websockets.exceptions import ConnectionClosedError

from choir.errors import NodeBehind, RateLimited, RpcUnreachable
from choir.ids import PROGRAM_ID
from choir.rpc import Account, JsonRpc, error_from_json

KEYS = [Pubkey(bytes([n]) * 32) for n in range(1, 5)]


class FakeChain:
    """What is true: every account's state at every slot, every transaction."""

    def __init__(self, chance):
        self.chance = chance
        self.slot = 100
        self.states = {key: [(0, None)] for key in KEYS}
        self.transactions = []
        self.sockets = []
        self.faults = Faults(chance)

    def state(self, key, slot=None):
        at = self.slot if slot is None else slot
        return next((a for s, a in reversed(self.states[key]) if s <= at), None)

    def step(self, often):
        """A slot passes; accounts change, close and open, transactions run."""
        self.slot += 1
        for key in KEYS:
            if self.chance.random() < often:
                gone = self.chance.random() < 0.25
                account = None if gone else Account(self.slot, PROGRAM_ID, b"x")
                if account == self.state(key):
                    continue
                self.states[key].append((self.slot, account))
                self.tell("account", key, account)
                if not gone:  # as a node does, nothing is told of what was closed
                    self.tell("program", key, account)
        for n in range(self.chance.randrange(3) if self.chance.random() < often else 0):
            signature = Signature(bytes([n]) * 32 + self.slot.to_bytes(32, "big"))
            self.transactions.append((self.slot, signature))
            self.tell("logs", None, signature)

    def tell(self, kind, key, what):
        for socket in self.sockets:
            if socket.kind == kind and (kind != "account" or socket.address == str(key)):
                socket.deliver(notification(kind, key, what, self.slot))


def notification(kind, key, what, slot):
    if kind == "logs":
        value = {"signature": str(what), "err": None, "logs": [f"in {slot}"]}
    else:
        value = account_json(what) if what is not None else account_json(Account(0, KEYS[0], b""))
        if kind == "program":
            value = {"pubkey": str(key), "account": value}
    return {
        "jsonrpc": "2.0",
        "method": f"{kind}Notification",
        "params": {"result": {"context": {"slot": slot}, "value": value}, "subscription": 7},
    }


def account_json(account):
    return {
        "lamports": account.lamports,
        "owner": str(account.owner),
        "data": [base64.b64encode(account.data).decode(), "base64"],
        "executable": False,
        "rentEpoch": 0,
        "space": len(account.data),
    }


class Faults:
    """How bad it is: each a probability. All zero is a perfect network."""

    NAMES = (
        "refuse",
        "hang",
        "cut",
        "lose",
        "repeat",
        "delay",
        "mute",
        "answer_error",
        "answer_never",
        "garbage",
        "read_fails",
        "read_hangs",
        "read_lags",
    )

    def __init__(self, chance):
        self.chance = chance
        self.calm()

    def calm(self):
        for name in self.NAMES:
            setattr(self, name, 0.0)

    def rage(self):
        for name in self.NAMES:
            often = self.chance.choice([0.0, 0.0, 0.1, 0.4])
            setattr(self, name, often)

    def hit(self, name):
        return self.chance.random() < getattr(self, name)


class FakeSocket:
    """One connection; answers one subscription and tells what the chain does."""

    def __init__(self, chain):
        self.chain, self.faults = chain, chain.faults
        self.kind = self.address = None
        self.inbox, self.later = deque(), deque()
        self.ready = asyncio.Event()
        self.closed = self.muted = False

    async def send(self, message):
        if self.closed:
            raise ConnectionClosedError(None, None)
        request = json.loads(message)
        if self.faults.hit("answer_never"):
            return
        if self.faults.hit("answer_error"):
            self.put({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32603}})
            return
        self.kind = request["method"].removesuffix("Subscribe")
        self.address = request["params"][0]
        self.muted = self.faults.hit("mute")
        self.put({"jsonrpc": "2.0", "id": request["id"], "result": 7})

    def deliver(self, message):
        if self.muted or self.faults.hit("lose"):
            return
        if self.faults.hit("delay"):
            self.later.append(message)
            return
        for _ in range(2 if self.faults.hit("repeat") else 1):
            self.put({"what": 1} if self.faults.hit("garbage") else message)
        if self.later and self.chain.chance.random() < 0.5:
            self.put(self.later.popleft())
        if self.faults.hit("cut"):
            self.cut()

    def put(self, message):
        self.inbox.append(json.dumps(message))
        self.ready.set()

    def cut(self):
        self.closed = True
        self.ready.set()

    async def recv(self):
        while not self.inbox:
            if self.closed:
                raise ConnectionClosedError(None, None)
            self.ready.clear()
            await self.ready.wait()
        return self.inbox.popleft()

    async def close(self):
        self.closed = True
        if self in self.chain.sockets:
            self.chain.sockets.remove(self)


def connecting(chain):
    async def connect(_url):
        if chain.faults.hit("refuse"):
            raise RpcUnreachable("refused")
        if chain.faults.hit("hang"):
            await asyncio.Event().wait()
        socket = FakeSocket(chain)
        chain.sockets.append(socket)
        return socket

    return connect


class FakeReads(JsonRpc):
    """The same chain over HTTP, by nodes that may fail, hang, or be behind."""

    def __init__(self, chain):
        self.chain = chain

    async def request(self, method, params=()):
        chance, faults = self.chain.chance, self.chain.faults
        if faults.hit("read_hangs"):
            await asyncio.Event().wait()
        if faults.hit("read_fails"):
            raise chance.choice(
                [RpcUnreachable("cut"), RateLimited("busy", code=429), NodeBehind("behind")]
            )
        lag = chance.randrange(1, 12) if faults.hit("read_lags") else 0
        return getattr(self, f"_{method}")(self.chain.slot - lag, *params)

    def _getGenesisHash(self, slot):  # noqa: N802
        return str(Hash.default())

    def _getAccountInfo(self, slot, address, _):  # noqa: N802
        account = self.chain.state(Pubkey.from_string(address), slot)
        value = None if account is None else account_json(account)
        return {"context": {"slot": slot}, "value": value}

    def _getProgramAccounts(self, slot, _, __):  # noqa: N802
        found = {key: self.chain.state(key, slot) for key in KEYS}
        rows = [{"pubkey": str(k), "account": account_json(a)} for k, a in found.items() if a]
        return {"context": {"slot": slot}, "value": rows}

    def _getSignaturesForAddress(self, slot, _, options):  # noqa: N802
        rows = []
        for at, signature in reversed(self.chain.transactions):
            if str(signature) == options.get("until"):
                break
            if at <= slot:
                rows.append({"signature": str(signature), "slot": at, "err": None})
        return rows[: options["limit"]]

    def _getTransaction(self, slot, signature, _):  # noqa: N802
        for at, known in self.chain.transactions:
            if str(known) == signature and at <= slot:
                return {"slot": at, "meta": {"err": None, "logMessages": [f"in {at}"]}}
        raise error_from_json("getTransaction", {"code": -32004, "message": "not yet"})

"""What every RPC method is given: the chain, the producer of slots, and common ways to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from typing import TYPE_CHECKING, Any

from solders.pubkey import Pubkey

from choir.localnet.commitment import Commitment
from choir.localnet.errors import MIN_CONTEXT_SLOT_NOT_REACHED, NODE_UNHEALTHY, RpcError
from choir.localnet.model import AccountState
from choir.localnet.rpc.params import Config, Params
from choir.localnet.view import HEALTHY_SLOTS_BEHIND, View

if TYPE_CHECKING:
    from choir.localnet.chain import Chain
    from choir.localnet.faults import Faults
    from choir.localnet.producer import Producer

API_VERSION = "2.2.1"
FEATURE_SET = 3294202862


class Context:
    """The surroundings of a call."""

    def __init__(self, chain: Chain, producer: Producer, faults: Faults) -> None:
        self.chain = chain
        self.view = chain.view
        self.producer = producer
        self.faults = faults
        self.urls: dict[str, str] = {}
        self.drop_sockets: Callable[[], int] = int

    def behind(self, slots: int) -> Context:
        """The surroundings of a call to a node that is this many slots behind."""
        other = copy(self)
        other.view = View(self.chain, slots)
        return other

    def check_health(self) -> None:
        """Raises RpcError when the node is too far behind to be relied on."""
        behind = self.view.behind
        if behind > HEALTHY_SLOTS_BEHIND:
            raise RpcError(
                NODE_UNHEALTHY,
                f"Node is behind by {behind} slots",
                {"numSlotsBehind": behind},
            )

    def slot(self, config: Config, default: Commitment = Commitment.FINALIZED) -> int:
        """The slot to read at, by `commitment` and `minContextSlot`. Raises RpcError."""
        return self.slot_at(config.commitment(default), config)

    def slot_at(self, commitment: Commitment, config: Config) -> int:
        """The newest slot at a commitment, checked against `minContextSlot`. Raises RpcError."""
        slot = self.view.heads.slot(commitment)
        least = config.integer("minContextSlot")
        if least is not None and slot < least:
            raise RpcError(
                MIN_CONTEXT_SLOT_NOT_REACHED,
                "Minimum context slot has not been reached",
                {"contextSlot": slot},
            )
        return slot

    def reader(self, slot: int) -> Callable[[Pubkey], AccountState | None]:
        """Accounts as of `slot`."""
        account = self.chain.account
        return lambda pubkey: account(pubkey, slot)


Handler = Callable[[Context, Params], Any | Awaitable[Any]]
METHODS: dict[str, tuple[Handler, int, int]] = {}


def method(name: str, most: int, least: int = 0) -> Callable[[Handler], Handler]:
    """Register a handler for a JSON-RPC method taking `least` to `most` parameters."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = (handler, most, least)
        return handler

    return register


def at(slot: int, value: Any) -> dict[str, Any]:
    """An answer with its context."""
    return {"context": {"apiVersion": API_VERSION, "slot": slot}, "value": value}

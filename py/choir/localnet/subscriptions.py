"""What a client can subscribe to, read from the parameters of `*Subscribe`. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from solders.pubkey import Pubkey

from choir.localnet.commitment import Commitment
from choir.localnet.encoding import DataSlice
from choir.localnet.errors import invalid_params
from choir.localnet.filters import Filter, parse_filters
from choir.localnet.rpc.params import Config, Params, pubkey
from choir.localnet.transaction_json import DETAILS, TRANSACTION_ENCODINGS


class Shape(NamedTuple):
    """How accounts are to be shown."""

    encoding: str
    data_slice: DataSlice | None


class AccountTopic(NamedTuple):
    """One account."""

    commitment: Commitment
    address: Pubkey
    shape: Shape


class ProgramTopic(NamedTuple):
    """A program's accounts."""

    commitment: Commitment
    program: Pubkey
    filters: tuple[Filter, ...]
    shape: Shape


class LogsTopic(NamedTuple):
    """Transactions' logs: all, or those that mention an account."""

    commitment: Commitment
    mentions: Pubkey | None


class SignatureTopic(NamedTuple):
    """One transaction; told once."""

    commitment: Commitment
    signature: str
    received: bool


class BlockTopic(NamedTuple):
    """Blocks: all, or what in them mentions an account."""

    commitment: Commitment
    mentions: Pubkey | None
    encoding: str
    details: str
    max_version: int | None
    rewards: bool


class PlainTopic(NamedTuple):
    """A stream without parameters: slot, root or slotsUpdates."""

    name: str


Topic = AccountTopic | ProgramTopic | LogsTopic | SignatureTopic | BlockTopic | PlainTopic

NOTIFICATIONS: dict[type, str] = {
    AccountTopic: "accountNotification",
    ProgramTopic: "programNotification",
    LogsTopic: "logsNotification",
    SignatureTopic: "signatureNotification",
    BlockTopic: "blockNotification",
}
KINDS = ("account", "program", "logs", "signature", "block", "slot", "root", "slotsUpdates")


def notification(topic: Topic) -> str:
    """The `method` of the topic's notifications."""
    if isinstance(topic, PlainTopic):
        return f"{topic.name}Notification"
    return NOTIFICATIONS[type(topic)]


def read_topic(kind: str, value: Any) -> Topic:
    """The topic a `<kind>Subscribe` call asks for. Raises RpcError."""
    method = f"{kind}Subscribe"
    if kind in ("slot", "root", "slotsUpdates"):
        Params(method, value, 0)
        return PlainTopic(kind)
    params = Params(method, value, 2)
    config = params.config(1)
    if kind == "account":
        address = params.pubkey(0, "an address")
        return AccountTopic(config.commitment(), address, _shape(config))
    if kind == "program":
        program = params.pubkey(0, "a program id")
        filters = parse_filters(config.raw("filters"))
        return ProgramTopic(config.commitment(), program, filters, _shape(config))
    if kind == "logs":
        return LogsTopic(config.commitment(), _logs_filter(params.required(0, "a filter")))
    if kind == "signature":
        signature = params.signature(0)
        received = config.boolean("enableReceivedNotification")
        return SignatureTopic(config.commitment(), signature, received)
    commitment = config.commitment()
    if commitment is Commitment.PROCESSED:
        raise invalid_params("Method does not support commitment below `confirmed`")
    return BlockTopic(
        commitment,
        _block_filter(params.required(0, "a filter")),
        config.choice("encoding", TRANSACTION_ENCODINGS, "base64"),
        config.choice("transactionDetails", DETAILS, "full"),
        config.integer("maxSupportedTransactionVersion"),
        config.boolean("showRewards", default=True),
    )


def _shape(config: Config) -> Shape:
    return Shape(config.account_encoding(), config.data_slice())


def _logs_filter(value: Any) -> Pubkey | None:
    # No votes are cast here, so "all" and "allWithVotes" are the same.
    if value in ("all", "allWithVotes"):
        return None
    if isinstance(value, dict) and isinstance(value.get("mentions"), list):
        mentions = value["mentions"]
        if len(mentions) != 1:
            raise invalid_params("Invalid Request: Only 1 address supported")
        return pubkey(mentions[0], "mentions")
    raise invalid_params('Invalid params: a filter is "all", "allWithVotes" or {"mentions": […]}')


def _block_filter(value: Any) -> Pubkey | None:
    if value == "all":
        return None
    if isinstance(value, dict) and "mentionsAccountOrProgram" in value:
        return pubkey(value["mentionsAccountOrProgram"], "mentionsAccountOrProgram")
    raise invalid_params('Invalid params: a filter is "all" or {"mentionsAccountOrProgram": …}')

"""What a client can subscribe to, read from the parameters of `*Subscribe`. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from solders.pubkey import Pubkey

from choir.localnet.commitment import Commitment
from choir.localnet.encoding import DataSlice
from choir.localnet.errors import RpcError, invalid_params
from choir.localnet.filters import Filter, parse_filters
from choir.localnet.rpc.params import Config, Params, pubkey, signature, wrong_type
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
        address = _key(params.required(0, "an address"), "pubkey")
        return AccountTopic(config.commitment(), address, _shape(config))
    if kind == "program":
        program = _key(params.required(0, "a program id"), "pubkey")
        try:
            filters = parse_filters(config.raw("filters"))
        except RpcError as error:
            # One parser, two prefixes: so it is on a validator.
            words = error.message.removeprefix("Invalid params: ")
            raise invalid_params(f"Invalid params: {words}") from error
        return ProgramTopic(config.commitment(), program, filters, _shape(config))
    if kind == "logs":
        return LogsTopic(config.commitment(), _logs_filter(params.required(0, "a filter")))
    if kind == "signature":
        signature = _signature(params.required(0, "a signature"))
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
        config.boolean("showRewards"),
    )


def _shape(config: Config) -> Shape:
    return Shape(config.account_encoding(), config.data_slice())


def _key(value: Any, thing: str) -> Pubkey:
    text = _text(value)
    try:
        return pubkey(text)
    except RpcError as error:
        raise invalid_params(f"Invalid Request: Invalid {thing} provided") from error


def _signature(value: Any) -> str:
    text = _text(value)
    try:
        return signature(text)
    except RpcError as error:
        raise invalid_params("Invalid Request: Invalid signature provided") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type(value, "a string")
    return value


def _logs_filter(value: Any) -> Pubkey | None:
    # No votes are cast here, so "all" and "allWithVotes" are the same.
    if value in ("all", "allWithVotes"):
        return None
    if isinstance(value, dict) and isinstance(value.get("mentions"), list):
        mentions = value["mentions"]
        if len(mentions) != 1:
            raise invalid_params("Invalid Request: Only 1 address supported")
        return _key(mentions[0], "mentions")
    raise invalid_params('Invalid params: a filter is "all", "allWithVotes" or {"mentions": […]}')


def _block_filter(value: Any) -> Pubkey | None:
    if value == "all":
        return None
    if isinstance(value, dict) and "mentionsAccountOrProgram" in value:
        return _key(value["mentionsAccountOrProgram"], "mentions_account_or_program")
    raise invalid_params('Invalid params: a filter is "all" or {"mentionsAccountOrProgram": …}')

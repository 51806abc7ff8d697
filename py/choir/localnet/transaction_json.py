"""Landed transactions and blocks in the encodings of the JSON-RPC."""

from __future__ import annotations

import base64
from typing import Any

import base58
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from choir.localnet import tokens
from choir.localnet.errors import UNSUPPORTED_TRANSACTION_VERSION, RpcError
from choir.localnet.model import Block, InnerInstructions, TokenBalance, TransactionRecord
from choir.localnet.parsed_instructions import parse_instruction

TRANSACTION_ENCODINGS = ("binary", "base64", "base58", "json", "jsonParsed")
DETAILS = ("full", "signatures", "none", "accounts")


def transaction_json(
    record: TransactionRecord, encoding: str, max_version: int | None
) -> dict[str, Any]:
    """`{"transaction", "meta", "version"}`.

    Raises RpcError (-32015) when the transaction is versioned beyond what the caller takes.
    """
    answer: dict[str, Any] = {
        "transaction": encode_transaction(record, encoding),
        "meta": meta_json(record, encoding),
    }
    version = _version(record, max_version)
    if version is not None:
        answer["version"] = version
    return answer


def _version(record: TransactionRecord, max_version: int | None) -> str | int | None:
    if max_version is None:
        if record.version is not None:
            raise RpcError(
                UNSUPPORTED_TRANSACTION_VERSION,
                f"Transaction version ({record.version}) is not supported by the requesting"
                " client. Please try the request again with the following configuration"
                f' parameter: "maxSupportedTransactionVersion": {record.version}',
            )
        return None
    return "legacy" if record.version is None else record.version


def encode_transaction(record: TransactionRecord, encoding: str) -> Any:
    """The `transaction` member."""
    if encoding == "base64":
        return [base64.b64encode(record.wire).decode("ascii"), "base64"]
    if encoding in ("base58", "binary"):
        text = base58.b58encode(record.wire).decode("ascii")
        return text if encoding == "binary" else [text, "base58"]
    transaction = VersionedTransaction.from_bytes(record.wire)
    message = transaction.message
    body: dict[str, Any]
    if encoding == "jsonParsed":
        body = {
            "accountKeys": parsed_keys(record),
            "recentBlockhash": str(message.recent_blockhash),
            "instructions": [
                parse_instruction(
                    record.account_keys,
                    i.program_id_index,
                    bytes(i.accounts),
                    bytes(i.data),
                    1,
                )
                for i in message.instructions
            ],
        }
    else:
        header = message.header
        body = {
            "header": {
                "numRequiredSignatures": header.num_required_signatures,
                "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
                "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
            },
            "accountKeys": [str(key) for key in message.account_keys],
            "recentBlockhash": str(message.recent_blockhash),
            "instructions": [
                {
                    "programIdIndex": i.program_id_index,
                    "accounts": list(bytes(i.accounts)),
                    "data": base58.b58encode(bytes(i.data)).decode("ascii"),
                    "stackHeight": 1,
                }
                for i in message.instructions
            ],
        }
    if isinstance(message, MessageV0):
        body["addressTableLookups"] = [
            {
                "accountKey": str(lookup.account_key),
                "writableIndexes": list(bytes(lookup.writable_indexes)),
                "readonlyIndexes": list(bytes(lookup.readonly_indexes)),
            }
            for lookup in message.address_table_lookups
        ]
    return {"signatures": [str(s) for s in transaction.signatures], "message": body}


def parsed_keys(record: TransactionRecord) -> list[dict[str, Any]]:
    """The accounts with their roles, as `jsonParsed` and `accounts` give them."""
    message = VersionedTransaction.from_bytes(record.wire).message
    header = message.header
    static = len(message.account_keys)
    signed = header.num_required_signatures
    keys = []
    for index, key in enumerate(record.account_keys):
        if index < static:
            writable = (
                index < signed - header.num_readonly_signed_accounts
                if index < signed
                else index < static - header.num_readonly_unsigned_accounts
            )
        else:
            writable = index < static + len(record.writable)
        keys.append(
            {
                "pubkey": str(key),
                "signer": index < signed,
                "writable": writable,
                "source": "transaction" if index < static else "lookupTable",
            }
        )
    return keys


def meta_json(record: TransactionRecord, encoding: str) -> dict[str, Any]:
    """The `meta` member."""
    meta: dict[str, Any] = {
        "err": record.err,
        "status": {"Ok": None} if record.err is None else {"Err": record.err},
        "fee": record.fee,
        "preBalances": record.pre_balances,
        "postBalances": record.post_balances,
        "innerInstructions": inner_json(record.inner, record.account_keys, encoding),
        "logMessages": record.logs,
        "preTokenBalances": [token_balance_json(b) for b in record.pre_tokens],
        "postTokenBalances": [token_balance_json(b) for b in record.post_tokens],
        "rewards": [],
        "computeUnitsConsumed": record.compute_units,
        "costUnits": record.compute_units,
    }
    if encoding != "jsonParsed":
        meta["loadedAddresses"] = {
            "writable": [str(key) for key in record.writable],
            "readonly": [str(key) for key in record.readonly],
        }
    if record.return_data is not None:
        meta["returnData"] = return_data_json(record.return_data)
    return meta


def inner_json(
    inner: list[InnerInstructions], keys: list[Pubkey], encoding: str
) -> list[dict[str, Any]]:
    """The `innerInstructions` member."""
    if encoding == "jsonParsed":
        return [
            {
                "index": group.position,
                "instructions": [
                    parse_instruction(keys, c.program_index, c.accounts, c.data, c.stack_height)
                    for c in group.calls
                ],
            }
            for group in inner
        ]
    return [
        {
            "index": group.position,
            "instructions": [
                {
                    "programIdIndex": c.program_index,
                    "accounts": list(c.accounts),
                    "data": base58.b58encode(c.data).decode("ascii"),
                    "stackHeight": c.stack_height,
                }
                for c in group.calls
            ],
        }
        for group in inner
    ]


def return_data_json(returned: tuple[Pubkey, bytes]) -> dict[str, Any]:
    """The `returnData` member."""
    program, data = returned
    return {
        "programId": str(program),
        "data": [base64.b64encode(data).decode("ascii"), "base64"],
    }


def token_balance_json(balance: TokenBalance) -> dict[str, Any]:
    """A member of `preTokenBalances` and `postTokenBalances`."""
    return {
        "accountIndex": balance.account_index,
        "mint": str(balance.mint),
        "owner": str(balance.owner),
        "programId": str(balance.program),
        "uiTokenAmount": tokens.ui_amount(balance.amount, balance.decimals),
    }


def block_json(
    block: Block, encoding: str, details: str, max_version: int | None, *, rewards: bool
) -> dict[str, Any]:
    """A block as `getBlock` gives it. Raises RpcError (-32015)."""
    answer: dict[str, Any] = {
        "previousBlockhash": block.previous_blockhash,
        "blockhash": block.blockhash,
        "parentSlot": block.parent_slot,
        "blockTime": block.time,
        "blockHeight": block.height,
    }
    if details == "signatures":
        answer["signatures"] = [r.signature for r in block.transactions]
    elif details == "full":
        answer["transactions"] = [
            transaction_json(r, encoding, max_version) for r in block.transactions
        ]
        if not rewards:
            for shown in answer["transactions"]:
                shown["meta"]["rewards"] = None
    elif details == "accounts":
        answer["transactions"] = [_accounts_only(r, max_version) for r in block.transactions]
    if rewards:
        answer["rewards"] = []
    return answer


def _accounts_only(record: TransactionRecord, max_version: int | None) -> dict[str, Any]:
    meta = meta_json(record, "json")
    wanted = (
        "err",
        "status",
        "fee",
        "preBalances",
        "postBalances",
        "preTokenBalances",
        "postTokenBalances",
    )
    answer: dict[str, Any] = {
        "transaction": {
            "signatures": [str(s) for s in VersionedTransaction.from_bytes(record.wire).signatures],
            "accountKeys": parsed_keys(record),
        },
        "meta": {name: meta[name] for name in wanted},
    }
    version = _version(record, max_version)
    if version is not None:
        answer["version"] = version
    return answer

"""What goes over the wire: the envelope, and the errors of requests that cannot be served."""

from __future__ import annotations

from typing import Any

from solders.keypair import Keypair
from tests.conformance.net import SOL, Net, wire
from tests.conformance.registry import check, equal, true

SYSTEM = "11111111111111111111111111111111"
NOBODY = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"
INVALID_PARAMS = -32602


@check("json-rpc.envelope.parse-error", "a body that is no JSON is answered with -32700")
async def _(net: Net) -> None:
    answer = (await net.post(b"{")).json()
    equal(
        answer,
        {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": None},
        "the answer",
    )


@check("json-rpc.envelope.invalid-request", "a request without a method is answered with -32600")
async def _(net: Net) -> None:
    answer = (await net.post({"jsonrpc": "2.0", "id": 7})).json()
    equal(
        answer,
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid request"}, "id": 7},
        "the answer",
    )


@check("json-rpc.envelope.method-not-found", "an unknown method is answered with -32601")
async def _(net: Net) -> None:
    equal(
        await net.refusal("getNothing"),
        {"code": -32601, "message": "Method not found"},
        "the error",
    )


@check("json-rpc.envelope.ids", "an id comes back as it was sent, text included")
async def _(net: Net) -> None:
    call = {"jsonrpc": "2.0", "id": "seven", "method": "getHealth"}
    equal(
        (await net.post(call)).json(), {"jsonrpc": "2.0", "result": "ok", "id": "seven"}, "answer"
    )


@check("json-rpc.envelope.batch", "a batch is answered call by call, in order")
async def _(net: Net) -> None:
    methods = ["getHealth", "getNothing", "getHealth"]
    calls = [{"jsonrpc": "2.0", "id": i, "method": m} for i, m in enumerate(methods)]
    error = {"code": -32601, "message": "Method not found"}
    equal(
        (await net.post(calls)).json(),
        [
            {"jsonrpc": "2.0", "result": "ok", "id": 0},
            {"jsonrpc": "2.0", "error": error, "id": 1},
            {"jsonrpc": "2.0", "result": "ok", "id": 2},
        ],
        "the answers",
    )


@check("json-rpc.envelope.content-type", "a body that does not say it is JSON is refused with 415")
async def _(net: Net) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"getHealth"}'
    answer = await net.http.post(net.cluster.rpc_url, content=body)
    equal(answer.status_code, 415, "HTTP status")


@check("json-rpc.envelope.body-size", "a body over 50 kB is refused with 413")
async def _(net: Net) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "getHealth", "params": ["a" * 60_000]}
    equal((await net.post(call)).status_code, 413, "HTTP status")


@check("json-rpc.envelope.health", "GET /health says ok")
async def _(net: Net) -> None:
    answer = await net.http.get(f"{net.cluster.rpc_url.rstrip('/')}/health")
    equal((answer.status_code, answer.text), (200, "ok"), "status and body")


def _refuses(name: str, title: str, method: str, params: list[Any], error: dict[str, Any]) -> None:
    """A check that a request is refused with exactly this error."""

    async def body(net: Net) -> None:
        equal(await net.refusal(method, *params), error, f"the error of {method}")

    check(f"json-rpc.refuses.{name}", title)(body)


def _invalid(name: str, title: str, method: str, params: list[Any], message: str) -> None:
    _refuses(name, title, method, params, {"code": INVALID_PARAMS, "message": message})


_invalid(
    "missing-parameter",
    "a parameter that is missing",
    "getBalance",
    [],
    "`params` should have at least 1 argument(s)",
)
_invalid(
    "parameter-type",
    "a parameter of the wrong type",
    "getBalance",
    [5],
    "Invalid params: invalid type: integer `5`, expected a string.",
)
_invalid(
    "pubkey-characters",
    "an address with characters outside base58",
    "getBalance",
    ["0" * 32],
    "Invalid param: Invalid",
)
_invalid(
    "pubkey-size", "an address that is too short", "getBalance", ["abc"], "Invalid param: WrongSize"
)
_invalid(
    "encoding",
    "an encoding that does not exist",
    "getAccountInfo",
    [SYSTEM, {"encoding": "utf8"}],
    "Invalid params: unknown variant `utf8`, expected one of `binary`, `base58`, `base64`,"
    " `jsonParsed`, `base64+zstd`.",
)
_invalid(
    "too-many-accounts",
    "more than 100 accounts at once",
    "getMultipleAccounts",
    [[SYSTEM] * 101],
    "Too many inputs provided; max 100",
)
_invalid(
    "too-many-signatures",
    "more than 256 statuses at once",
    "getSignatureStatuses",
    [["1" * 64] * 257],
    "Too many inputs provided; max 256",
)
_invalid(
    "signature",
    "a signature that is too short",
    "getSignatureStatuses",
    [["abc"]],
    "Invalid param: WrongSize",
)
_invalid(
    "too-many-filters",
    "more than four filters",
    "getProgramAccounts",
    [SYSTEM, {"filters": [{"dataSize": 1}] * 5}],
    "Too many filters provided; max 4",
)
_invalid(
    "history-limit",
    "more than 1,000 signatures",
    "getSignaturesForAddress",
    [SYSTEM, {"limit": 1001}],
    "Invalid limit; max 1000",
)
_invalid(
    "history-commitment",
    "history that is only processed",
    "getSignaturesForAddress",
    [SYSTEM, {"commitment": "processed"}],
    "Method does not support commitment below `confirmed`",
)
_invalid(
    "block-commitment",
    "a block that is only processed",
    "getBlock",
    [1, {"commitment": "processed"}],
    "Method does not support commitment below `confirmed`",
)
_refuses(
    "history-before-unknown",
    "history before a signature nobody has seen",
    "getSignaturesForAddress",
    [NOBODY, {"before": "1" * 64}],
    {"code": -32020, "message": f"Transaction {'1' * 64} not found"},
)
_refuses(
    "block-of-the-future",
    "a block that is far ahead",
    "getBlock",
    [10**12],
    {"code": -32004, "message": "Block not available for slot 1000000000000"},
)
_invalid(
    "token-balance-of-nothing",
    "the token balance of an account that does not exist",
    "getTokenAccountBalance",
    [NOBODY],
    "Invalid param: could not find account",
)
_invalid(
    "token-balance-of-another",
    "the token balance of an account of another program",
    "getTokenAccountBalance",
    [SYSTEM],
    "Invalid param: not a Token account",
)
_invalid(
    "token-supply-of-nothing",
    "the supply of a mint that does not exist",
    "getTokenSupply",
    [NOBODY],
    "Invalid param: could not find account",
)
_invalid(
    "token-supply-of-another",
    "the supply of an account of another program",
    "getTokenSupply",
    [SYSTEM],
    "Invalid param: not a Token mint",
)
_invalid(
    "token-largest-of-nothing",
    "the largest accounts of a mint that does not exist",
    "getTokenLargestAccounts",
    [NOBODY],
    "Invalid param: could not find mint",
)
_invalid(
    "memcmp-characters",
    "a filter with characters outside base58",
    "getProgramAccounts",
    [SYSTEM, {"filters": [{"memcmp": {"offset": 0, "bytes": "0"}}]}],
    "Invalid param: Base58DecodeError(InvalidCharacter { character: '0', index: 0 })",
)
_invalid(
    "memcmp-size",
    "a filter over 128 bytes",
    "getProgramAccounts",
    [SYSTEM, {"filters": [{"memcmp": {"offset": 0, "bytes": "1" * 130}}]}],
    "Invalid param: DataTooLarge",
)
_refuses(
    "too-many-parameters",
    "more parameters than a method has",
    "getAccountInfo",
    [SYSTEM, {}, 5],
    {
        "code": INVALID_PARAMS,
        "message": "Invalid parameters: Expected from 1 to 2 parameters.",
        "data": '"Got: 3"',
    },
)
_invalid(
    "token-mint-unknown",
    "the token accounts of a mint that does not exist",
    "getTokenAccountsByOwner",
    [NOBODY, {"mint": NOBODY}],
    "Invalid param: could not find mint",
)
_invalid(
    "transaction-base58",
    "a transaction with characters outside base58",
    "sendTransaction",
    ["!"],
    "invalid base58 encoding: InvalidCharacter { character: '!', index: 0 }",
)
_invalid(
    "transaction-base64",
    "a transaction with characters outside base64",
    "sendTransaction",
    ["abc!", {"encoding": "base64"}],
    "invalid base64 encoding: InvalidByte(3, 33)",
)
_invalid(
    "transaction-encoding",
    "a transaction in an encoding for answers",
    "sendTransaction",
    ["abc", {"encoding": "jsonParsed"}],
    "unsupported encoding: jsonParsed. Supported encodings: base58, base64",
)
_invalid(
    "transaction-size",
    "a transaction over 1,232 bytes",
    "sendTransaction",
    ["A" * 1648, {"encoding": "base64"}],
    "base64 encoded solana_transaction::versioned::VersionedTransaction too large: 1648 bytes"
    " (max: encoded/raw 1644/1232)",
)
_invalid(
    "message-base64",
    "the fee of a message that is no base64",
    "getFeeForMessage",
    ["abc!"],
    "invalid base64 encoding: InvalidByte(3, 33)",
)
_invalid(
    "blockhash",
    "the validity of something that is no blockhash",
    "isBlockhashValid",
    ["abc"],
    "WrongSize",
)


@check("json-rpc.refuses.context-slot", "a node that is not there yet says where it is (-32016)")
async def _(net: Net) -> None:
    slot = await net.call("getSlot", {"commitment": "confirmed"})
    error = await net.refusal(
        "getBalance", SYSTEM, {"commitment": "confirmed", "minContextSlot": slot + 1_000_000}
    )
    equal(
        (error["code"], error["message"], list(error["data"])),
        (-32016, "Minimum context slot has not been reached", ["contextSlot"]),
        "the error",
    )
    true(error["data"]["contextSlot"] >= slot, "contextSlot is a slot of the past")


@check("json-rpc.refuses.big-base58", "account data over 128 bytes in base58 is refused")
async def _(net: Net) -> None:
    equal(
        await net.refusal(
            "getProgramAccounts", _program(), {"encoding": "base58", "commitment": "confirmed"}
        ),
        {
            "code": -32600,
            "message": "Encoded binary (base 58) data should be less than 128 bytes,"
            " please use Base64 encoding.",
        },
        "the error",
    )


@check(
    "json-rpc.refuses.verify-and-replace",
    "a simulation cannot verify signatures of a message it changes",
)
async def _(net: Net) -> None:
    transaction = await net.build(Keypair())
    config = {"encoding": "base64", "sigVerify": True, "replaceRecentBlockhash": True}
    equal(
        await net.refusal("simulateTransaction", wire(transaction), config),
        {
            "code": INVALID_PARAMS,
            "message": "sigVerify may not be used with replaceRecentBlockhash",
        },
        "the error",
    )


@check("json-rpc.accounts.absent", "an account that does not exist is null, its balance 0")
async def _(net: Net) -> None:
    address = str(Keypair().pubkey())
    equal((await net.call("getAccountInfo", address))["value"], None, "the account")
    equal((await net.call("getBalance", address))["value"], 0, "the balance")
    several = await net.call("getMultipleAccounts", [address, SYSTEM])
    equal([a is None for a in several["value"]], [True, False], "which are null")


@check("json-rpc.accounts.wallet", "a wallet's account, field by field")
async def _(net: Net) -> None:
    owner = await net.wallet(3 * SOL)
    answer = await net.call(
        "getAccountInfo", str(owner.pubkey()), {"commitment": "confirmed", "encoding": "base64"}
    )
    equal(
        answer["value"],
        {
            "lamports": 3 * SOL,
            "owner": SYSTEM,
            "data": ["", "base64"],
            "executable": False,
            "rentEpoch": 2**64 - 1,
            "space": 0,
        },
        "the account",
    )
    equal(sorted(answer["context"]), ["apiVersion", "slot"], "the context's fields")


@check("json-rpc.accounts.slice", "a data slice cuts what every encoding gives")
async def _(net: Net) -> None:
    clock = "SysvarC1ock11111111111111111111111111111111"
    for encoding in ("base58", "base64", "base64+zstd"):
        config = {"encoding": encoding, "dataSlice": {"offset": 0, "length": 0}}
        value = (await net.call("getAccountInfo", clock, config))["value"]
        equal(value["data"][1], encoding, "the encoding")
        equal(value["space"], 40, "the space, which is not cut")
        if encoding != "base64+zstd":
            equal(value["data"][0], "", "the data")


@check("json-rpc.cluster.rent", "the rent-exempt minimum for a wallet and for a token account")
async def _(net: Net) -> None:
    for size, lamports in ((0, 890_880), (82, 1_461_600), (165, 2_039_280)):
        equal(await net.call("getMinimumBalanceForRentExemption", size), lamports, f"{size} bytes")


@check("json-rpc.cluster.blockhash", "a blockhash is valid for 150 blocks, and said to be")
async def _(net: Net) -> None:
    config = {"commitment": "confirmed"}
    height = await net.call("getBlockHeight", config)
    latest = (await net.call("getLatestBlockhash", config))["value"]
    after = await net.call("getBlockHeight", config)
    least, most = height + 150, after + 150
    true(least <= latest["lastValidBlockHeight"] <= most, f"{latest} is not in {least}…{most}")
    valid = await net.call("isBlockhashValid", latest["blockhash"], config)
    equal(valid["value"], True, "the newest blockhash's validity")
    valid = await net.call("isBlockhashValid", NOBODY, config)
    equal(valid["value"], False, "an unknown blockhash's validity")


@check("json-rpc.cluster.commitment", "finalized ≤ confirmed ≤ processed")
async def _(net: Net) -> None:
    finalized, confirmed, processed = [
        await net.call("getSlot", {"commitment": level})
        for level in ("finalized", "confirmed", "processed")
    ]
    true(finalized < confirmed <= processed, f"{finalized}, {confirmed}, {processed}")
    default = await net.call("getSlot")
    later = await net.call("getSlot", {"commitment": "finalized"})
    true(finalized <= default <= later, "a request that names none gets finalized")


@check("json-rpc.cluster.epoch", "the epoch's fields agree with each other")
async def _(net: Net) -> None:
    info = await net.call("getEpochInfo", {"commitment": "confirmed"})
    equal(
        sorted(info),
        ["absoluteSlot", "blockHeight", "epoch", "slotIndex", "slotsInEpoch", "transactionCount"],
        "the fields",
    )
    schedule = await net.call("getEpochSchedule")
    equal(
        sorted(schedule),
        [
            "firstNormalEpoch",
            "firstNormalSlot",
            "leaderScheduleSlotOffset",
            "slotsPerEpoch",
            "warmup",
        ],
        "the schedule's fields",
    )
    equal(info["slotsInEpoch"], schedule["slotsPerEpoch"], "slots in an epoch")
    equal(info["slotIndex"], info["absoluteSlot"] % info["slotsInEpoch"], "the slot's index")


def _program() -> str:
    from choir.ids import PROGRAM_ID

    return str(PROGRAM_ID)

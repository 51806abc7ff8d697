"""Methods that send, simulate and follow transactions."""

from __future__ import annotations

from typing import Any

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from choir.localnet.bank import Landed, Refused, Simulated, refused
from choir.localnet.commitment import Commitment
from choir.localnet.encoding import decode_wire, encode_account
from choir.localnet.errors import (
    INTERNAL_ERROR,
    SEND_TRANSACTION_PREFLIGHT_FAILURE,
    RpcError,
    invalid_params,
    transaction_error_text,
)
from choir.localnet.faults import SEND
from choir.localnet.message import (
    MAX_TRANSACTION_SIZE,
    Resolved,
    TableError,
    duplicate_budget,
    signature_fee,
)
from choir.localnet.message import prioritization_fee as transaction_priority
from choir.localnet.model import TransactionRecord
from choir.localnet.rpc.context import Context, at, method
from choir.localnet.rpc.params import Config, Params, pubkey, signature
from choir.localnet.svm import SvmError
from choir.localnet.transaction_json import (
    TRANSACTION_ENCODINGS,
    inner_json,
    return_data_json,
    token_balance_json,
)

_TRANSACTION = "solana_transaction::versioned::VersionedTransaction"
_UNVERIFIED = "SignatureFailure"
_MESSAGE = "solana_message::versions::VersionedMessage"
MAX_SIGNATURE_STATUSES = 256
MAX_PRIORITY_ADDRESSES = 128
PRIORITY_SLOTS = 150


def decode_transaction(params: Params, config: Config) -> tuple[VersionedTransaction, bytes]:
    """The signed transaction in the first parameter. Raises RpcError."""
    text = params.text(0, "a signed transaction")
    encoding = config.choice("encoding", TRANSACTION_ENCODINGS, "base58")
    if encoding in ("json", "jsonParsed"):
        raise invalid_params(
            f"unsupported encoding: {encoding}. Supported encodings: base58, base64"
        )
    encoding = "base64" if encoding == "base64" else "base58"
    wire = decode_wire(text, encoding, MAX_TRANSACTION_SIZE, _TRANSACTION)
    try:
        transaction = VersionedTransaction.from_bytes(wire)
    except Exception as error:
        raise invalid_params(f"failed to deserialize {_TRANSACTION}: {error}") from error
    try:
        transaction.sanitize()
    except Exception as error:
        raise invalid_params(
            "invalid transaction: Transaction failed to sanitize accounts offsets correctly"
        ) from error
    twice = duplicate_budget(transaction.message)
    if twice is not None:
        err = transaction_error_text({"DuplicateInstruction": twice})
        raise invalid_params(f"invalid transaction: {err}")
    return transaction, wire


@method("sendTransaction", 2, 1)
async def send_transaction(ctx: Context, params: Params) -> Any:
    """Run a signed transaction in the open slot; by default it is simulated first.

    As on a cluster, the answer is the signature, and an error only comes from the checks before
    it: what became of the transaction is in its status.
    """
    config = params.config(1)
    transaction, wire = decode_transaction(params, config)
    skip = config.boolean("skipPreflight")
    preflight = config.commitment(name="preflightCommitment")
    # without a preflight there is no commitment to look at: the newest bank is asked
    ctx.slot_at(Commitment.PROCESSED if skip else preflight, config)
    verified = False
    if not skip:
        verified = all(transaction.verify_with_results())
        if verified:
            ctx.check_health()
            simulated = _simulate(ctx, transaction, wire, preflight)
        else:
            simulated = Simulated(refused(_UNVERIFIED), {})
        if simulated.execution.err is not None:
            raise preflight_failure(simulated)
    fate = ctx.faults.take(SEND, ["sendTransaction"]) if ctx.faults else None
    if fate is not None and fate.kind != "loseSend":
        ctx.producer.later(fate.slots, transaction, wire)
    if fate is None or fate.kind == "duplicateSend":
        try:
            outcome = ctx.chain.execute(transaction, wire, verified=verified)
        except SvmError as error:
            raise RpcError(INTERNAL_ERROR, f"Internal error: {error}") from error
        if isinstance(outcome, Landed):
            await ctx.producer.landed()
    return str(transaction.signatures[0])


@method("simulateTransaction", 2, 1)
def simulate_transaction(ctx: Context, params: Params) -> Any:
    """Run a transaction without committing."""
    config = params.config(1)
    transaction, wire = decode_transaction(params, config)
    replace = config.boolean("replaceRecentBlockhash")
    verify = config.boolean("sigVerify")
    if replace and verify:
        raise invalid_params("sigVerify may not be used with replaceRecentBlockhash")
    commitment = config.commitment()
    slot = ctx.slot_at(commitment, config)
    wanted = _wanted_accounts(config)
    if verify and not all(transaction.verify_with_results()):
        simulated = Simulated(refused(_UNVERIFIED), {}, _resolved(ctx, transaction))
    else:
        simulated = _simulate(ctx, transaction, wire, commitment, replace=replace)
    value = simulation_json(simulated, inner=config.boolean("innerInstructions"))
    value |= _around_json(simulated)
    if replace:
        latest = ctx.view.latest_blockhash(commitment)
        value["replacementBlockhash"] = {
            "blockhash": latest.blockhash,
            "lastValidBlockHeight": latest.last_valid_block_height,
        }
    if wanted is not None:
        encoding, addresses = wanted
        most = 0 if simulated.resolved is None else len(simulated.resolved.keys)
        if len(addresses) > most:
            raise invalid_params(f"Too many accounts provided; max {most}")
        value["accounts"] = [
            _account_after(ctx, simulated, address, encoding) for address in addresses
        ]
    return at(slot, value)


@method("requestAirdrop", 3, 2)
async def request_airdrop(ctx: Context, params: Params) -> Any:
    """Lamports from the faucet; answers the transfer's signature once it is confirmed."""
    address = params.pubkey(0, "an address")
    lamports = params.u64(1, "lamports")
    params.config(2)
    outcome = ctx.chain.transfer_from_faucet(address, lamports)
    if isinstance(outcome, Refused):
        raise RpcError(
            INTERNAL_ERROR, f"airdrop request failed: {transaction_error_text(outcome.err)}"
        )
    await ctx.producer.settled(outcome.record.slot)
    return outcome.record.signature


@method("getSignatureStatuses", 2, 1)
def get_signature_statuses(ctx: Context, params: Params) -> Any:
    """What became of transactions, null for the unknown."""
    signatures = [signature(s) for s in params.list(0, "signatures", MAX_SIGNATURE_STATUSES)]
    params.config(1)
    return at(ctx.view.heads.processed, [status_json(ctx, s) for s in signatures])


def status_json(ctx: Context, text: str) -> dict[str, Any] | None:
    """A transaction's status, or None."""
    record = ctx.view.transaction(text)
    if record is None:
        return None
    heads = ctx.view.heads
    level = heads.of(record.slot)
    return {
        "slot": record.slot,
        "confirmations": None
        if level is Commitment.FINALIZED
        else max(0, heads.processed - record.slot),
        "status": {"Ok": None} if record.err is None else {"Err": record.err},
        "err": record.err,
        "confirmationStatus": level.label,
    }


@method("getFeeForMessage", 2, 1)
def get_fee_for_message(ctx: Context, params: Params) -> Any:
    """What a message would cost, null when its blockhash is too old."""
    from solders.message import Message, from_bytes_versioned
    from solders.signature import Signature

    raw = decode_wire(params.text(0, "a message"), "base64", MAX_TRANSACTION_SIZE, _MESSAGE)
    config = params.config(1)
    slot = ctx.slot(config)
    try:
        message: Any = from_bytes_versioned(raw) if raw[:1] >= b"\x80" else Message.from_bytes(raw)
        needed = message.header.num_required_signatures
        unsigned = VersionedTransaction.populate(message, [Signature.default()] * needed)
        resolved = ctx.chain.bank.resolve(unsigned)
    except TableError as error:
        raise invalid_params(
            f"invalid transaction message: {transaction_error_text(error.err)}"
        ) from error
    except Exception as error:
        raise invalid_params(f"failed to deserialize {_MESSAGE}: {error}") from error
    if not ctx.view.blockhash_valid(message.recent_blockhash, config.commitment()):
        return at(slot, None)
    return at(slot, signature_fee(resolved) + transaction_priority(resolved))


@method("getRecentPrioritizationFees", 1)
def get_recent_prioritization_fees(ctx: Context, params: Params) -> Any:
    """The lowest compute-unit price paid in each recent slot, micro-lamports."""
    locked: set[Pubkey] = set()
    if params.raw(0) is not None:
        locked = {pubkey(a) for a in params.list(0, "addresses", MAX_PRIORITY_ADDRESSES)}
    newest = ctx.view.heads.confirmed
    fees = []
    for slot in ctx.chain.ledger.slots(max(0, newest - PRIORITY_SLOTS + 1), newest):
        block = ctx.chain.ledger.block(slot)
        prices = [
            _unit_price(r)
            for r in (block.transactions if block else ())
            if not locked or not locked.isdisjoint(r.account_keys)
        ]
        fees.append({"slot": slot, "prioritizationFee": min(prices, default=0)})
    return fees


def _unit_price(record: TransactionRecord) -> int:
    if not record.prioritization_fee:
        return 0
    transaction = VersionedTransaction.from_bytes(record.wire)
    for instruction in transaction.message.instructions:
        data = bytes(instruction.data)
        if len(data) == 9 and data[0] == 3:
            return int.from_bytes(data[1:], "little")
    return 0


def preflight_failure(simulated: Simulated) -> RpcError:
    """The error a node answers when preflight fails."""
    text = transaction_error_text(simulated.execution.err)
    return RpcError(
        SEND_TRANSACTION_PREFLIGHT_FAILURE,
        f"Transaction simulation failed: {text}",
        simulation_json(simulated, inner=False),
    )


def simulation_json(simulated: Simulated, *, inner: bool) -> dict[str, Any]:
    """What `simulateTransaction` answers, and a failed preflight."""
    run = simulated.execution
    value: dict[str, Any] = {
        "err": run.err,
        "logs": run.logs,
        "accounts": None,
        "unitsConsumed": run.compute_units,
        "loadedAccountsDataSize": simulated.loaded_bytes,
        "returnData": None if run.return_data is None else return_data_json(run.return_data),
        "innerInstructions": None,
        "replacementBlockhash": None,
        "fee": simulated.fee,
        "preBalances": None,
        "postBalances": None,
        "preTokenBalances": None,
        "postTokenBalances": None,
        "loadedAddresses": None,
    }
    if inner and simulated.resolved is not None:
        value["innerInstructions"] = inner_json(run.inner, simulated.resolved.keys, "jsonParsed")
    return value


def _around_json(simulated: Simulated) -> dict[str, Any]:
    resolved, balances = simulated.resolved, simulated.balances
    value: dict[str, Any] = {}
    if resolved is not None:
        value["loadedAddresses"] = {
            "writable": [str(key) for key in resolved.writable],
            "readonly": [str(key) for key in resolved.readonly],
        }
    if balances is not None:
        value["preBalances"], value["postBalances"] = balances.pre, balances.post
        value["preTokenBalances"] = [token_balance_json(b) for b in balances.pre_tokens]
        value["postTokenBalances"] = [token_balance_json(b) for b in balances.post_tokens]
    return value


def _resolved(ctx: Context, transaction: VersionedTransaction) -> Resolved | None:
    try:
        return ctx.chain.bank.resolve(transaction)
    except TableError:
        return None


def _simulate(
    ctx: Context,
    transaction: VersionedTransaction,
    wire: bytes,
    commitment: Commitment,
    *,
    replace: bool = False,
) -> Simulated:
    """Run on the state at a commitment, as this node sees it."""
    view = ctx.view
    newest = commitment is Commitment.PROCESSED and not view.behind
    slot = None if newest else view.heads.slot(commitment)
    latest = view.latest_blockhash(commitment)
    try:
        return ctx.chain.bank.simulate(
            transaction,
            wire,
            slot=slot,
            height=view.block_height(commitment),
            replacement=Hash.from_string(latest.blockhash) if replace else None,
        )
    except SvmError as error:
        raise RpcError(INTERNAL_ERROR, f"Internal error: {error}") from error


def _wanted_accounts(config: Config) -> tuple[str, list[Pubkey]] | None:
    wanted = config.raw("accounts")
    if wanted is None:
        return None
    if not isinstance(wanted, dict) or not isinstance(wanted.get("addresses"), list):
        raise invalid_params('Invalid params: accounts must be {"encoding", "addresses"}')
    inner = Config(wanted)
    encoding = inner.account_encoding("base64")
    if encoding in ("base58", "binary"):
        raise invalid_params("base58 encoding not supported")
    return encoding, [pubkey(a) for a in wanted["addresses"]]


def _account_after(ctx: Context, simulated: Simulated, address: Pubkey, encoding: str) -> Any:
    if simulated.execution.err is not None:
        return None

    def read(key: Pubkey) -> Any:
        if key in simulated.accounts:
            return simulated.accounts[key]
        return ctx.chain.account(key)

    state = read(address)
    return None if state is None else encode_account(address, state, encoding, None, read)

"""Methods about the cluster: slots, epochs, versions, blockhashes. One node leads every slot."""

from __future__ import annotations

from typing import Any

from choir.localnet.errors import NO_SNAPSHOT, RpcError, invalid_params
from choir.localnet.model import LAMPORTS_PER_SOL
from choir.localnet.rpc.context import API_VERSION, FEATURE_SET, Context, at, method
from choir.localnet.rpc.params import Params, blockhash
from choir.localnet.svm import SLOTS_PER_EPOCH

MAX_SLOT_LEADERS = 5_000
PERFORMANCE_SAMPLES = 720


@method("getHealth", 0)
def get_health(ctx: Context, params: Params) -> Any:
    """Well, unless a fault says that the node is far behind."""
    ctx.check_health()
    return "ok"


@method("getVersion", 0)
def get_version(ctx: Context, params: Params) -> Any:
    """The version of Solana whose runtime is inside."""
    return {"solana-core": API_VERSION, "feature-set": FEATURE_SET}


@method("getGenesisHash", 0)
def get_genesis_hash(ctx: Context, params: Params) -> Any:
    """The hash that names this chain."""
    return genesis_hash(ctx)


def genesis_hash(ctx: Context) -> str:
    """The genesis hash in base58."""
    from solders.hash import Hash

    return str(Hash.from_bytes(ctx.chain.genesis_hash))


@method("getIdentity", 0)
def get_identity(ctx: Context, params: Params) -> Any:
    """The node's own key."""
    return {"identity": _identity(ctx)}


@method("getSlot", 1)
def get_slot(ctx: Context, params: Params) -> Any:
    """The newest slot."""
    return ctx.slot(params.config(0))


@method("getBlockHeight", 1)
def get_block_height(ctx: Context, params: Params) -> Any:
    """The number of blocks below the newest."""
    config = params.config(0)
    ctx.slot(config)
    return ctx.view.block_height(config.commitment())


@method("getTransactionCount", 1)
def get_transaction_count(ctx: Context, params: Params) -> Any:
    """How many transactions there have been."""
    config = params.config(0)
    ctx.slot(config)
    return ctx.view.transaction_count(config.commitment())


@method("getEpochInfo", 1)
def get_epoch_info(ctx: Context, params: Params) -> Any:
    """Where in its epoch the newest slot is."""
    config = params.config(0)
    slot = ctx.slot(config)
    return {
        "absoluteSlot": slot,
        "blockHeight": ctx.view.block_height(config.commitment()),
        "epoch": slot // SLOTS_PER_EPOCH,
        "slotIndex": slot % SLOTS_PER_EPOCH,
        "slotsInEpoch": SLOTS_PER_EPOCH,
        "transactionCount": ctx.view.transaction_count(config.commitment()),
    }


@method("getEpochSchedule", 0)
def get_epoch_schedule(ctx: Context, params: Params) -> Any:
    """How slots fall into epochs."""
    return {
        "slotsPerEpoch": SLOTS_PER_EPOCH,
        "leaderScheduleSlotOffset": SLOTS_PER_EPOCH,
        "warmup": False,
        "firstNormalEpoch": 0,
        "firstNormalSlot": 0,
    }


@method("getLatestBlockhash", 1)
def get_latest_blockhash(ctx: Context, params: Params) -> Any:
    """A blockhash to build with, and the last block height it is good for."""
    config = params.config(0)
    slot = ctx.slot(config)
    latest = ctx.view.latest_blockhash(config.commitment())
    return at(
        slot,
        {
            "blockhash": latest.blockhash,
            "lastValidBlockHeight": latest.last_valid_block_height,
        },
    )


@method("isBlockhashValid", 2, 1)
def is_blockhash_valid(ctx: Context, params: Params) -> Any:
    """Whether a transaction with this blockhash could still land."""
    value = blockhash(params.required(0, "a blockhash"))
    config = params.config(1)
    slot = ctx.slot(config)
    return at(slot, ctx.view.blockhash_valid(value, config.commitment()))


@method("getClusterNodes", 0)
def get_cluster_nodes(ctx: Context, params: Params) -> Any:
    """The one node."""
    return [
        {
            "pubkey": _identity(ctx),
            "gossip": None,
            "tpu": None,
            "tpuQuic": None,
            "rpc": ctx.urls.get("rpc", "").removeprefix("http://") or None,
            "pubsub": ctx.urls.get("ws", "").removeprefix("ws://") or None,
            "version": API_VERSION,
            "featureSet": FEATURE_SET,
            "shredVersion": 1,
        }
    ]


@method("getVoteAccounts", 1)
def get_vote_accounts(ctx: Context, params: Params) -> Any:
    """None: nobody votes here."""
    return {"current": [], "delinquent": []}


@method("getSlotLeader", 1)
def get_slot_leader(ctx: Context, params: Params) -> Any:
    """The one node."""
    ctx.slot(params.config(0))
    return _identity(ctx)


@method("getSlotLeaders", 2, 2)
def get_slot_leaders(ctx: Context, params: Params) -> Any:
    """The one node, as often as asked."""
    params.u64(0, "a start slot")
    limit = params.u64(1, "a limit")
    if limit > MAX_SLOT_LEADERS:
        raise invalid_params(f"Invalid limit; max {MAX_SLOT_LEADERS}")
    return [_identity(ctx)] * limit


@method("getLeaderSchedule", 2)
def get_leader_schedule(ctx: Context, params: Params) -> Any:
    """Every slot of the epoch belongs to the one node."""
    first = params.raw(0)
    slot = first if isinstance(first, int) else ctx.view.heads.finalized
    config = params.config(0 if isinstance(first, dict) else 1)
    if slot // SLOTS_PER_EPOCH > ctx.view.heads.processed // SLOTS_PER_EPOCH + 1:
        return None
    identity = config.raw("identity")
    if identity is not None and identity != _identity(ctx):
        return {}
    return {_identity(ctx): list(range(SLOTS_PER_EPOCH))}


@method("getBlockProduction", 1)
def get_block_production(ctx: Context, params: Params) -> Any:
    """Slots led and blocks made: all by the one node."""
    slot = ctx.slot(params.config(0))
    first = slot // SLOTS_PER_EPOCH * SLOTS_PER_EPOCH
    made = len(ctx.chain.ledger.slots(first, slot))
    return at(
        slot,
        {
            "byIdentity": {_identity(ctx): [slot - first + 1, made]},
            "range": {"firstSlot": first, "lastSlot": slot},
        },
    )


@method("getInflationGovernor", 1)
def get_inflation_governor(ctx: Context, params: Params) -> Any:
    """No inflation."""
    return {"initial": 0.0, "terminal": 0.0, "taper": 0.0, "foundation": 0.0, "foundationTerm": 0.0}


@method("getInflationRate", 0)
def get_inflation_rate(ctx: Context, params: Params) -> Any:
    """No inflation."""
    epoch = ctx.view.heads.finalized // SLOTS_PER_EPOCH
    return {"total": 0.0, "validator": 0.0, "foundation": 0.0, "epoch": epoch}


@method("getInflationReward", 2, 1)
def get_inflation_reward(ctx: Context, params: Params) -> Any:
    """Nobody has any."""
    ctx.slot(params.config(1))
    return [None] * len(params.list(0, "addresses", 100))


@method("getHighestSnapshotSlot", 0)
def get_highest_snapshot_slot(ctx: Context, params: Params) -> Any:
    """There are no snapshots."""
    raise RpcError(NO_SNAPSHOT, "No snapshot")


@method("getMaxRetransmitSlot", 0)
def get_max_retransmit_slot(ctx: Context, params: Params) -> Any:
    """The newest slot."""
    return ctx.view.heads.processed


@method("getMaxShredInsertSlot", 0)
def get_max_shred_insert_slot(ctx: Context, params: Params) -> Any:
    """The newest slot."""
    return ctx.view.heads.processed


@method("getFirstAvailableBlock", 0)
def get_first_available_block(ctx: Context, params: Params) -> Any:
    """The oldest block still kept."""
    return ctx.chain.ledger.first_slot


@method("minimumLedgerSlot", 0)
def minimum_ledger_slot(ctx: Context, params: Params) -> Any:
    """The oldest slot still kept."""
    return ctx.chain.ledger.first_slot


@method("getRecentPerformanceSamples", 1)
def get_recent_performance_samples(ctx: Context, params: Params) -> Any:
    """One sample: the last minute of slots."""
    limit = params.raw(0)
    most = PERFORMANCE_SAMPLES if limit is None else params.u64(0, "a limit")
    if most > PERFORMANCE_SAMPLES:
        raise invalid_params(f"Invalid limit; max {PERFORMANCE_SAMPLES}")
    slot = ctx.view.heads.confirmed
    count = max(1, 60_000 // ctx.chain.settings.slot_ms)
    slots = ctx.chain.ledger.slots(max(0, slot - count + 1), slot)
    blocks = [b for s in slots if (b := ctx.chain.ledger.block(s)) is not None]
    transactions = sum(len(b.transactions) for b in blocks)
    sample = {
        "slot": slot,
        "numSlots": len(blocks),
        "numTransactions": transactions,
        "numNonVoteTransactions": transactions,
        "samplePeriodSecs": 60,
    }
    return [sample] if most and blocks else []


@method("getStakeMinimumDelegation", 1)
def get_stake_minimum_delegation(ctx: Context, params: Params) -> Any:
    """One SOL, as on a test validator."""
    return at(ctx.slot(params.config(0)), LAMPORTS_PER_SOL)


def _identity(ctx: Context) -> str:
    return str(ctx.chain.keys.identity.pubkey())

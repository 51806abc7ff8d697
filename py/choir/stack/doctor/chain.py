"""Checks of the node, the program on it, and the wallet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from choir._reading import CLOCK_SYSVAR, Stake, unix_time
from choir._urls import place_of, scrubbed
from choir.accounts import Config
from choir.artifact import program_so
from choir.errors import RateLimited, RpcError, RpcUnreachable, WalletError
from choir.ids import PROGRAM_ID, config_pda, program_data_pda
from choir.money import format_amount
from choir.rpc import HttpRpc, JsonRpc
from choir.stack.doctor.findings import Finding, Problem, fail, ok, skip, warn
from choir.tokens import TokenAccount
from choir.wallet import KeypairSigner, signer_from_environment

__all__ = [
    "check_clock",
    "check_configured",
    "check_deployed",
    "check_funds",
    "check_node",
    "check_pubsub",
    "check_wallet",
]

LAMPORTS_FOR_A_THREAD = 20_000_000
PROGRAM_DATA_HEADER = 45  # the upgradeable loader's own fields before the object
SKEW_S = 120
"""Sign-in messages live for five minutes; half of that and less is no reason to worry."""
NODE, PUBSUB, PROGRAM = "node", "pub/sub", "program on the chain"
SETTINGS, CLOCK, WALLET, FUNDS = "configuration", "clock", "wallet", "funds"


async def check_node(rpc: HttpRpc) -> tuple[Finding, str | None]:
    """Whether a node answers, which, and its genesis hash."""
    place = place_of(rpc.url)
    try:
        version = await rpc.request("getVersion")
        genesis = str(await rpc.get_genesis_hash())
        core = version["solana-core"]
    except RateLimited as error:
        advice = "wait a moment, or name a node of your own with CHOIR_RPC_URL"
        return fail(NODE, Problem.RPC_UNREACHABLE, str(error), advice), None
    except (RpcError, KeyError, TypeError, ValueError) as error:
        if not isinstance(error, RpcUnreachable) or error.code is not None:
            return _no_node(place, scrubbed(str(error), rpc.url)), None
        return fail(
            NODE,
            Problem.RPC_UNREACHABLE,
            str(error),
            "start one with `choir up` or `choir localnet`, or correct CHOIR_RPC_URL",
        ), None
    return ok(NODE, f"{place}, version {core}, genesis {genesis}"), genesis


def _no_node(place: str, said: str) -> Finding:
    return fail(
        NODE,
        Problem.RPC_NOT_A_NODE,
        f"what answers at {place} is no Solana node ({said})",
        "CHOIR_RPC_URL must be a node's JSON-RPC address (the localnet's ends in :8899), "
        "with its key where the provider wants one",
    )


async def check_pubsub(url: str | None) -> Finding:
    """Whether the node's pub/sub answers."""
    if url is None:
        return skip(PUBSUB, "CHOIR_WS_URL is not set")
    import websockets.asyncio.client
    import websockets.exceptions

    try:
        async with websockets.asyncio.client.connect(url, proxy=None) as socket:
            await socket.send('{"jsonrpc":"2.0","id":1,"method":"slotSubscribe"}')
            answer = await socket.recv()
    except (OSError, ValueError, TimeoutError, websockets.exceptions.WebSocketException) as error:
        said = scrubbed(str(error), url) or type(error).__name__
        return fail(
            PUBSUB,
            Problem.PUBSUB_UNREACHABLE,
            f"{place_of(url)}: {said}",
            "CHOIR_WS_URL must be the node's ws:// or wss:// address (the localnet's is :8900)",
        )
    if b'"result"' not in (answer if isinstance(answer, bytes) else answer.encode()):
        return fail(
            PUBSUB,
            Problem.PUBSUB_UNREACHABLE,
            f"{place_of(url)} refuses subscriptions",
            "name the pub/sub address of the same cluster in CHOIR_WS_URL",
        )
    return ok(PUBSUB, place_of(url))


async def check_deployed(rpc: JsonRpc) -> Finding:
    """Whether the chain runs this program, byte for byte."""
    program = (await rpc.get_account(PROGRAM_ID)).value
    data = (await rpc.get_account(program_data_pda())).value
    if program is None or data is None:
        return fail(
            PROGRAM,
            Problem.PROGRAM_ABSENT,
            f"no program at {PROGRAM_ID}: this cluster is another than it was deployed to",
            "correct CHOIR_RPC_URL, or deploy it there with `choir program deploy`",
        )
    elf = program_so().read_bytes()
    deployed = data.data[PROGRAM_DATA_HEADER:]
    if deployed[: len(elf)] != elf or any(deployed[len(elf) :]):
        return warn(
            PROGRAM,
            Problem.PROGRAM_OTHER,
            f"{PROGRAM_ID} runs another build than the one in this package",
            "install the version of choir that matches it, or `choir program upgrade` it",
        )
    return ok(PROGRAM, f"{PROGRAM_ID}, this build")


async def check_configured(rpc: JsonRpc) -> tuple[Finding, Config | None]:
    """Whether the program was set up, and its settings."""
    account = (await rpc.get_account(config_pda())).value
    if account is None:
        return fail(
            SETTINGS,
            Problem.NOT_SET_UP,
            "the program was never set up on this chain",
            "its upgrade authority runs `choir config init`; on a localnet, `choir up` and "
            "`choir localnet --set-up` do it",
        ), None
    config = Config.decode(account.data)
    return ok(SETTINGS, f"stakes in {config.stake_mint}"), config


async def check_clock(rpc: JsonRpc, now: Callable[[], float]) -> Finding:
    """Whether this machine's clock and the cluster's agree."""
    account = (await rpc.get_account(CLOCK_SYSVAR)).value
    if account is None:
        return skip(CLOCK, "the node has no clock account")
    ahead = round(now()) - unix_time(account)
    if abs(ahead) > SKEW_S:
        return warn(
            CLOCK,
            Problem.CLOCK_SKEW,
            f"this machine is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} the cluster",
            "set it by NTP (timedatectl set-ntp true), or wait if the node catches up; "
            "sign-ins and tokens are refused else",
        )
    return ok(CLOCK, f"within {SKEW_S} s of the cluster")


def check_wallet(
    environment: Mapping[str, str], key_file: Path | None
) -> tuple[Finding, KeypairSigner | None]:
    """Whether there is a wallet that can be used."""
    try:
        signer = signer_from_environment(environment, key_file=key_file)
    except WalletError as error:
        said = str(error)
    else:
        return ok(WALLET, str(signer.pubkey)), signer
    found, _, advice = said.partition("; ")
    if found.startswith(("no wallet", "there is no key file")):
        named = key_file or environment.get("CHOIR_KEYPAIR") or environment.get("ANCHOR_WALLET")
        kind = fail if named else warn
        made = advice or found.partition(": ")[2]
        return kind(WALLET, Problem.WALLET_MISSING, found.partition(": ")[0], made), None
    if "can be read by other users" in found:
        return fail(WALLET, Problem.WALLET_EXPOSED, found, advice), None
    advice = "use a file that solana-keygen or `choir config new-key` wrote"
    return fail(WALLET, Problem.WALLET_MALFORMED, found, advice), None


async def check_funds(rpc: JsonRpc, signer: KeypairSigner, config: Config | None) -> Finding:
    """Whether the wallet can pay fees, and has something to stake."""
    wallet = signer.pubkey
    lamports = (await rpc.get_balance(wallet)).value
    if lamports < LAMPORTS_FOR_A_THREAD:
        return warn(
            FUNDS,
            Problem.WALLET_NO_LAMPORTS,
            f"{wallet} holds {lamports} lamports",
            f"it needs {LAMPORTS_FOR_A_THREAD} for rent and fees; on a localnet: choir faucet",
        )
    if config is None:
        return ok(FUNDS, f"{lamports} lamports")
    stake = Stake(config.stake_mint, config.token_program, config.mint_decimals)
    account = (await rpc.get_account(stake.account_of(wallet))).value
    held = 0 if account is None else TokenAccount.decode(account.data).amount
    least, decimals = config.params.min_stake, config.mint_decimals
    if held < least:
        return warn(
            FUNDS,
            Problem.WALLET_NO_TOKENS,
            f"{wallet} holds {format_amount(held, decimals)} stake tokens "
            f"(mint {config.stake_mint})",
            f"a stake is at least {format_amount(least, decimals)}; on a localnet: choir faucet",
        )
    return ok(FUNDS, f"{lamports} lamports, {format_amount(held, decimals)} stake tokens")

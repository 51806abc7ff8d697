"""Setting the program up on a localnet, once: what a deployer does on a real cluster."""

from __future__ import annotations

from pathlib import Path

from solders.pubkey import Pubkey

from choir import instructions
from choir.accounts import Config, Params
from choir.clock import Clock, SystemClock
from choir.ids import config_pda
from choir.rpc import HttpRpc
from choir.sending import Sender, SendPolicy
from choir.wallet import KeypairSigner

LAMPORTS_FOR_SETUP = 10_000_000_000
POLL_S = 0.05

# One stake token has six decimals. The cooldown is short, so that a script that tries
# everything need not wait for a day; the other values are the program's usual ones.
LOCALNET_PARAMS = Params(
    min_stake=1_000_000,
    min_thread_balance=10_000_000,
    approval_window=7 * 24 * 3600,
    divest_cooldown=3,
    inactivity_window=30 * 24 * 3600,
    messages_per_hour=60,
)
PARAMETER_TIMELOCK_S = 24 * 3600


async def ensure_initialized(
    rpc_url: str,
    upgrade_authority: Path | KeypairSigner,
    stake_mint: Pubkey,
    clock: Clock | None = None,
) -> bool:
    """Create the program's configuration and treasury unless they exist.

    Args:
        rpc_url: the localnet's JSON-RPC.
        upgrade_authority: the program's upgrade authority, or its keypair file; it alone may do
            this and becomes the authority, the guardian and the treasury's one signer.
        stake_mint: the token that stakes are made of.

    Returns:
        True when it was created now, False when it was there.

    Raises:
        ChoirError: the node does not answer, or the program refuses.
    """
    clock = clock or SystemClock()
    async with HttpRpc(rpc_url) as rpc:
        if (await rpc.get_account(config_pda())).value is not None:
            return False
        authority = upgrade_authority
        if isinstance(authority, Path):
            authority = KeypairSigner.from_file(authority)
        await rpc.request_airdrop(authority.pubkey, LAMPORTS_FOR_SETUP)
        while (await rpc.get_balance(authority.pubkey)).value < LAMPORTS_FOR_SETUP:
            await clock.sleep(POLL_S)
        sender = Sender(rpc, policy=SendPolicy(commitment="confirmed"))
        await sender.send(
            [
                instructions.initialize(
                    authority=authority.pubkey,
                    stake_mint=stake_mint,
                    params=LOCALNET_PARAMS,
                    guardian=authority.pubkey,
                    treasury_signers=[authority.pubkey],
                    treasury_threshold=1,
                    parameter_timelock=PARAMETER_TIMELOCK_S,
                )
            ],
            signers=[authority],
        )
        return True


async def read_config(rpc_url: str) -> Config | None:
    """The program's configuration on a cluster; None where it was never set up."""
    async with HttpRpc(rpc_url) as rpc:
        account = (await rpc.get_account(config_pda())).value
        return None if account is None else Config.decode(account.data)

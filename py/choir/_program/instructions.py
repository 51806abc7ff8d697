"""Generated from the program's IDL by scripts/generate-python. Do not edit.

Every account is an argument here; `choir.instructions` derives them."""

from __future__ import annotations

from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from choir._borsh import fixed, integer, pubkeys, string
from choir._program.types import ConfigChange, Decision, Params, PrivacyLevel, TreasuryAction
from choir.ids import PROGRAM_ID, event_authority_pda

__all__ = [
    "accept_authority",
    "apply_config",
    "approve_treasury",
    "cancel_config",
    "cancel_treasury",
    "claim",
    "cleanup_position",
    "cleanup_spec",
    "cleanup_treasury",
    "close_thread",
    "create_thread",
    "deposit",
    "divest",
    "execute_treasury",
    "expire_spec",
    "initialize",
    "leave_thread",
    "pause",
    "post_message",
    "process_approval",
    "propose_config",
    "propose_treasury",
    "retire_author",
    "set_privacy",
    "submit_spec",
    "transfer_authority",
    "unpause",
    "wind_down_thread",
    "withdraw_spec",
]

DISCRIMINATORS: Final[dict[str, bytes]] = {
    "accept_authority": bytes.fromhex("6b56c65b210c6ba0"),
    "apply_config": bytes.fromhex("792a3508339669f9"),
    "approve_treasury": bytes.fromhex("f40cce0a94d9d0d2"),
    "cancel_config": bytes.fromhex("5b7ccf4bb36ce30d"),
    "cancel_treasury": bytes.fromhex("eacace7e9f88a93a"),
    "claim": bytes.fromhex("3ec6d6c1d59f6cd2"),
    "cleanup_position": bytes.fromhex("c14d54fc1567175f"),
    "cleanup_spec": bytes.fromhex("1b70cf6076a8fa98"),
    "cleanup_treasury": bytes.fromhex("1712d4a8ea100c34"),
    "close_thread": bytes.fromhex("35e71031f7656d0b"),
    "create_thread": bytes.fromhex("b6df40038521cc1a"),
    "deposit": bytes.fromhex("f223c68952e1f2b6"),
    "divest": bytes.fromhex("c413f56806526d4d"),
    "execute_treasury": bytes.fromhex("51835ec6a4fddd2c"),
    "expire_spec": bytes.fromhex("22c4f73fef33e79d"),
    "initialize": bytes.fromhex("afaf6d1f0d989bed"),
    "leave_thread": bytes.fromhex("4e53ec849f10a7ab"),
    "pause": bytes.fromhex("d316ddfb4a79c12f"),
    "post_message": bytes.fromhex("d63264d12622074c"),
    "process_approval": bytes.fromhex("4d850bc8395b779e"),
    "propose_config": bytes.fromhex("a3f7eea0ec8199a0"),
    "propose_treasury": bytes.fromhex("ebf0de226a4289ec"),
    "retire_author": bytes.fromhex("ece98435e54de743"),
    "set_privacy": bytes.fromhex("784d09cf958c8a81"),
    "submit_spec": bytes.fromhex("869c0c2b4b5ee4e8"),
    "transfer_authority": bytes.fromhex("30a94c48e5b437a1"),
    "unpause": bytes.fromhex("a99004260a8dbcff"),
    "wind_down_thread": bytes.fromhex("5c14482b43959b91"),
    "withdraw_spec": bytes.fromhex("730edcba86f127d6"),
}


def accept_authority(
    *,
    new_authority: Pubkey,
    config: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Takes the authority over the settings, by the one it was offered to. A proposed change of
    the settings is void.

    Accounts:

    - new_authority: Who the authority was offered to.
    - config: The settings.
    """
    data = b"".join((DISCRIMINATORS["accept_authority"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(new_authority, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def apply_config(
    *,
    authority: Pubkey,
    config: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Brings the proposed change of the settings into force, by the authority, once its timelock
    is over and for fourteen days from then.

    Accounts:

    - authority: The authority of the settings.
    - config: The settings.
    """
    data = b"".join((DISCRIMINATORS["apply_config"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(authority, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def approve_treasury(
    *,
    signer: Pubkey,
    config: Pubkey,
    treasury: Pubkey,
    proposal: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Approves a proposal, by a signer of the treasury, once. A change of the signers voids it.

    Accounts:

    - signer: A signer of the treasury.
    - config: The settings.
    - treasury: The treasury.
    - proposal: The proposal.
    """
    data = b"".join((DISCRIMINATORS["approve_treasury"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(signer, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(treasury, is_signer=False, is_writable=False),
            AccountMeta(proposal, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def cancel_config(
    *,
    authority: Pubkey,
    config: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Takes the proposed change of the settings back, by the authority.

    Accounts:

    - authority: The authority of the settings.
    - config: The settings.
    """
    data = b"".join((DISCRIMINATORS["cancel_config"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(authority, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def cancel_treasury(
    *,
    proposer: Pubkey,
    proposal: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Takes a proposal back that is not executed, by its proposer, who gets the rent back.

    Accounts:

    - proposer: Who made the proposal, who need not be a signer any more; gets the rent back.
    - proposal: The proposal, closed here.
    """
    data = b"".join((DISCRIMINATORS["cancel_treasury"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(proposer, is_signer=True, is_writable=True),
            AccountMeta(proposal, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def claim(
    *,
    owner: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    vault: Pubkey,
    position: Pubkey,
    owner_token: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Pays all of a position's rewards to its owner.

    Accounts:

    - owner: The position's owner, who need not be a co-author any more: rewards stay their
      owner's.
    - config: The settings.
    - thread: The thread.
    - vault: The thread's token account.
    - position: The owner's position, whose rewards are paid.
    - owner_token: Where the rewards go.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join((DISCRIMINATORS["claim"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(owner, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(vault, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(owner_token, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def cleanup_position(
    *,
    thread: Pubkey,
    position: Pubkey,
    rent_payer: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Closes an empty position whose owner is not a co-author, or whose thread is closed. Anybody
    may, at any time; the rent goes back to who paid it.

    Accounts:

    - thread: The thread.
    - position: The position, closed here.
    - rent_payer: Who paid the position's rent, and gets it back.
    """
    data = b"".join((DISCRIMINATORS["cleanup_position"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(thread, is_signer=False, is_writable=False),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(rent_payer, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def cleanup_spec(
    *,
    config: Pubkey,
    spec: Pubkey,
    escrow: Pubkey,
    treasury_vault: Pubkey,
    rent_payer: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Closes a settled spec and its escrow. Anybody may, at any time; the rent goes back to who
    paid it, tokens strangers have sent to the escrow go to the treasury.

    Accounts:

    - config: The settings.
    - spec: The spec, closed here.
    - escrow: The spec's token account, closed here.
    - treasury_vault: The treasury's token account, which gets what strangers have sent to the
      escrow.
    - rent_payer: Who paid the rent of the spec and of its escrow, and gets it back.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join((DISCRIMINATORS["cleanup_spec"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(spec, is_signer=False, is_writable=True),
            AccountMeta(escrow, is_signer=False, is_writable=True),
            AccountMeta(treasury_vault, is_signer=False, is_writable=True),
            AccountMeta(rent_payer, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def cleanup_treasury(
    *,
    proposal: Pubkey,
    proposer: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Closes the account of a proposal that is executed or expired. Anybody may; the rent goes
    back to its proposer.

    Accounts:

    - proposal: The proposal, closed here.
    - proposer: Who made the proposal; gets the rent back.
    """
    data = b"".join((DISCRIMINATORS["cleanup_treasury"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(proposal, is_signer=False, is_writable=True),
            AccountMeta(proposer, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def close_thread(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    vault: Pubkey,
    position: Pubkey,
    author_token: Pubkey,
    creator: Pubkey,
    rent_payer: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Closes a thread, for good, when all shares and rewards in it are those of its sole remaining
    co-author, who signs and gets everything in the vault. No spec is pending. The rent of the
    vault goes to the thread's creator, that of the position to who paid it; the thread's
    account stays, so that its id is never used twice.

    Accounts:

    - author: The thread's sole remaining co-author, who gets everything in the vault.
    - config: The settings.
    - thread: The thread. It stays, closed, so that its id is never used twice.
    - vault: The thread's token account, closed here.
    - position: The author's position, closed here.
    - author_token: Where everything in the vault goes.
    - creator: Who opened the thread, paid the vault's rent, and gets it back.
    - rent_payer: Who paid the position's rent, and gets it back.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join((DISCRIMINATORS["close_thread"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(author, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(vault, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(author_token, is_signer=False, is_writable=True),
            AccountMeta(creator, is_signer=False, is_writable=True),
            AccountMeta(rent_payer, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def create_thread(
    *,
    creator: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    vault: Pubkey,
    position: Pubkey,
    creator_token: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    thread_id: str,
    deposit: int,
    privacy: PrivacyLevel,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Opens a thread with a first deposit (base units, at least the minimum thread balance), which
    buys as many shares. The signer becomes its first co-author.

    Accounts:

    - creator: Opens the thread, deposits, and pays the rent of its accounts.
    - config: The settings.
    - thread: The thread, created here.
    - vault: The thread's token account, created here.
    - position: The creator's position, created here.
    - creator_token: Where the first deposit comes from.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join(
        (
            DISCRIMINATORS["create_thread"],
            string(thread_id, "thread_id"),
            integer("Q", deposit, "deposit"),
            integer("B", privacy, "privacy"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(creator, is_signer=True, is_writable=True),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(vault, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(creator_token, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                Pubkey.from_string("11111111111111111111111111111111"),
                is_signer=False,
                is_writable=False,
            ),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def deposit(
    *,
    owner: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    vault: Pubkey,
    position: Pubkey,
    owner_token: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    amount: int,
    min_shares: int,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Adds to a co-author's stake (base units) and mints shares at the present price, rounded
    down. Refused when fewer than `min_shares` would be minted, and when rounding would take
    more than a thousandth of the amount. When the depositor has all shares, these are first re-
    counted, one for each unit of the balance, and `min_shares` counts such shares.

    Accounts:

    - owner: The co-author who deposits.
    - config: The settings.
    - thread: The thread.
    - vault: The thread's token account.
    - position: The owner's position, which gets the shares.
    - owner_token: Where the deposit comes from.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join(
        (
            DISCRIMINATORS["deposit"],
            integer("Q", amount, "amount"),
            integer("Q", min_shares, "min_shares"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(owner, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(vault, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(owner_token, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def divest(
    *,
    owner: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    vault: Pubkey,
    position: Pubkey,
    owner_token: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    amount: int,
    max_shares: int,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Takes an amount (base units) out of a thread and burns shares for it, rounded up; at most
    `max_shares`. After the cooldown since the owner's last deposit or divestment, and never
    below the thread's minimum; of both, the present setting or that of the thread's opening
    binds, whichever is easier. Neither binds in a thread that is being wound down. When the
    owner has all shares, these are first re-counted, one for each unit of the balance, and
    `max_shares` counts such shares.

    Accounts:

    - owner: The position's owner, who need not be a co-author any more: shares stay their
      owner's.
    - config: The settings.
    - thread: The thread.
    - vault: The thread's token account.
    - position: The owner's position, whose shares are burned.
    - owner_token: Where the amount goes.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join(
        (
            DISCRIMINATORS["divest"],
            integer("Q", amount, "amount"),
            integer("Q", max_shares, "max_shares"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(owner, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(vault, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(owner_token, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def execute_treasury(
    *,
    signer: Pubkey,
    config: Pubkey,
    treasury: Pubkey,
    proposal: Pubkey,
    treasury_vault: Pubkey,
    destination: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Executes a proposal that enough of the present signers have approved, by any signer of the
    treasury. Once.

    Accounts:

    - signer: A signer of the treasury; need not have approved.
    - config: The settings.
    - treasury: The treasury, which signs.
    - proposal: The proposal.
    - treasury_vault: The treasury's token account.
    - destination: Where the action pays to; none when it does not pay.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join((DISCRIMINATORS["execute_treasury"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(signer, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(treasury, is_signer=False, is_writable=True),
            AccountMeta(proposal, is_signer=False, is_writable=True),
            AccountMeta(treasury_vault, is_signer=False, is_writable=True),
            AccountMeta(destination, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=True),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def expire_spec(
    *,
    config: Pubkey,
    thread: Pubkey,
    spec: Pubkey,
    escrow: Pubkey,
    author_token: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Returns the stake of a spec whose window has ended to its author. Anybody may.

    Accounts:

    - config: The settings.
    - thread: The thread.
    - spec: The spec.
    - escrow: The spec's token account.
    - author_token: A token account of the spec's author, where the stake goes back to.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join((DISCRIMINATORS["expire_spec"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(spec, is_signer=False, is_writable=True),
            AccountMeta(escrow, is_signer=False, is_writable=True),
            AccountMeta(author_token, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def initialize(
    *,
    authority: Pubkey,
    program_data: Pubkey,
    config: Pubkey,
    treasury: Pubkey,
    treasury_vault: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    params: Params,
    guardian: Pubkey,
    treasury_signers: tuple[Pubkey, ...],
    treasury_threshold: int,
    parameter_timelock: int,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Sets the program up: the settings, the treasury and its vault. Once, and by the program's
    upgrade authority alone, so that nobody front-runs a deployment.

    Accounts:

    - authority: The program's upgrade authority; pays, and becomes the authority of the
      settings.
    - program_data: The program's data account, which names the upgrade authority.
    - config: The settings, created here.
    - treasury: The treasury, created here.
    - treasury_vault: The treasury's token account, created here.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint: SPL Token or Token-2022.
    """
    data = b"".join(
        (
            DISCRIMINATORS["initialize"],
            params.pack(),
            bytes(guardian),
            pubkeys(treasury_signers, "treasury_signers"),
            integer("B", treasury_threshold, "treasury_threshold"),
            integer("q", parameter_timelock, "parameter_timelock"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(authority, is_signer=True, is_writable=True),
            AccountMeta(program_data, is_signer=False, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=True),
            AccountMeta(treasury, is_signer=False, is_writable=True),
            AccountMeta(treasury_vault, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                Pubkey.from_string("11111111111111111111111111111111"),
                is_signer=False,
                is_writable=False,
            ),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def leave_thread(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    position: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Takes the signer, a co-author without shares, out of the set of co-authors; not the last
    one. Rewards stay theirs to claim. Decisions on pending specs are void.

    Accounts:

    - author: The co-author who leaves.
    - config: The settings.
    - thread: The thread.
    - position: The author's position, which keeps the rewards earned so far.
    """
    data = b"".join((DISCRIMINATORS["leave_thread"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(author, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def pause(
    *,
    guardian: Pubkey,
    config: Pubkey,
    families: int,
    seconds: int,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Pauses families of instructions (a bit each) for some seconds, at most seven days, by the
    guardian or the authority. Never again within a day of a pause's end.

    Accounts:

    - guardian: The guardian, or the authority of the settings.
    - config: The settings.
    """
    data = b"".join(
        (
            DISCRIMINATORS["pause"],
            integer("B", families, "families"),
            integer("q", seconds, "seconds"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(guardian, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def post_message(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    position: Pubkey,
    message: Pubkey,
    content_hash: bytes,
    privacy: PrivacyLevel,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Records a co-author's message by the sha256 of its content, within the hourly rate.
    `privacy` is the level its author expects the thread to have; refused when it has another.

    Accounts:

    - author: The co-author who posts, and pays the message's rent.
    - config: The settings.
    - thread: The thread.
    - position: The author's position, which counts the messages of the hour.
    - message: The message, created here; its index is the thread's message count.
    """
    data = b"".join(
        (
            DISCRIMINATORS["post_message"],
            fixed(content_hash, 32, "content_hash"),
            integer("B", privacy, "privacy"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(author, is_signer=True, is_writable=True),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(message, is_signer=False, is_writable=True),
            AccountMeta(
                Pubkey.from_string("11111111111111111111111111111111"),
                is_signer=False,
                is_writable=False,
            ),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def process_approval(
    *,
    approver: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    spec: Pubkey,
    approver_position: Pubkey,
    author_position: Pubkey,
    escrow: Pubkey,
    vault: Pubkey,
    treasury_vault: Pubkey,
    message: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    content_hash: bytes,
    author_epoch: int,
    sequence: int,
    decision: Decision,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """A co-author's decision on a spec, bound to its content hash, to the submission (`sequence`)
    and to the thread's author epoch. The last decision settles it: all approve, and the stake
    is shared among the approvers, the message recorded, and the author joins; all deny, and the
    stake goes to the thread; else it is split between the treasury and the thread. Refused,
    whatever the decision, when the author could not join any more because the thread is full.

    Accounts:

    - approver: The co-author who decides.
    - config: The settings.
    - thread: The thread.
    - spec: The spec. It also pays, from what its author put in, for the message an approval
      records and the position it creates.
    - approver_position: The approver's position.
    - author_position: The position of the spec's author, created here, out of the spec, if they
      have none.
    - escrow: The spec's token account, at `["escrow", spec]`.
    - vault: The thread's token account.
    - treasury_vault: The treasury's token account.
    - message: The thread's next message, at `["message", thread, message_count]`.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join(
        (
            DISCRIMINATORS["process_approval"],
            fixed(content_hash, 32, "content_hash"),
            integer("I", author_epoch, "author_epoch"),
            integer("Q", sequence, "sequence"),
            integer("B", decision, "decision"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(approver, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(spec, is_signer=False, is_writable=True),
            AccountMeta(approver_position, is_signer=False, is_writable=True),
            AccountMeta(author_position, is_signer=False, is_writable=True),
            AccountMeta(escrow, is_signer=False, is_writable=True),
            AccountMeta(vault, is_signer=False, is_writable=True),
            AccountMeta(treasury_vault, is_signer=False, is_writable=True),
            AccountMeta(message, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                Pubkey.from_string("11111111111111111111111111111111"),
                is_signer=False,
                is_writable=False,
            ),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def propose_config(
    *,
    authority: Pubkey,
    config: Pubkey,
    change: ConfigChange,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Proposes a change of the settings, all of them given, by the authority. It may be applied
    after the parameter timelock in force. One at a time.

    Accounts:

    - authority: The authority of the settings.
    - config: The settings.
    """
    data = b"".join(
        (
            DISCRIMINATORS["propose_config"],
            change.pack(),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(authority, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def propose_treasury(
    *,
    proposer: Pubkey,
    config: Pubkey,
    treasury: Pubkey,
    proposal: Pubkey,
    destination: Pubkey,
    stake_mint: Pubkey,
    action: TreasuryAction,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Proposes something to the signers of the treasury, by one of them, whose approval it still
    needs. Open for fourteen days.

    Accounts:

    - proposer: A signer of the treasury; pays the rent of the proposal and gets it back.
    - config: The settings.
    - treasury: The treasury.
    - proposal: The proposal, created here.
    - destination: Where the action pays to; none when it does not pay.
    - stake_mint: The mint of all stakes.
    """
    data = b"".join(
        (
            DISCRIMINATORS["propose_treasury"],
            action.pack(),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(proposer, is_signer=True, is_writable=True),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(treasury, is_signer=False, is_writable=True),
            AccountMeta(proposal, is_signer=False, is_writable=True),
            AccountMeta(destination, is_signer=False, is_writable=False),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(
                Pubkey.from_string("11111111111111111111111111111111"),
                is_signer=False,
                is_writable=False,
            ),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def retire_author(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    position: Pubkey,
    retiree_position: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Takes a co-author who has done nothing for the inactivity window out of the set of co-
    authors; another co-author signs. Shares and rewards stay the retired one's to take out.
    Decisions on pending specs are void.

    Accounts:

    - author: The co-author who retires another.
    - config: The settings.
    - thread: The thread.
    - position: The position of the co-author who signs.
    - retiree_position: The position of the co-author to retire, which keeps their shares and
      rewards. The one other account of its type here; the handler refuses the same one twice.
    """
    data = b"".join((DISCRIMINATORS["retire_author"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(author, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(retiree_position, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def set_privacy(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    position: Pubkey,
    level: PrivacyLevel,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Sets who may read the messages to come. Those already recorded keep their level.

    Accounts:

    - author: The co-author who changes the level.
    - config: The settings.
    - thread: The thread.
    - position: The author's position.
    """
    data = b"".join(
        (
            DISCRIMINATORS["set_privacy"],
            integer("B", level, "level"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(author, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(position, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def submit_spec(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    spec: Pubkey,
    escrow: Pubkey,
    author_token: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    content_hash: bytes,
    stake: int,
    privacy: PrivacyLevel,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Submits a message (by the sha256 of its content) with a stake on it (base units) and asks to
    join. Not for co-authors; refused when the thread has no free seat. `privacy` is the level
    its author expects the thread to have; refused when it has another. An approved message gets
    that or the thread's level by then, whichever is stricter.

    Accounts:

    - author: Submits, stakes, and pays the rent of the accounts, that of the message and the
      position to come included.
    - config: The settings.
    - thread: The thread.
    - spec: The spec, created here.
    - escrow: The spec's token account, created here.
    - author_token: Where the stake comes from.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join(
        (
            DISCRIMINATORS["submit_spec"],
            fixed(content_hash, 32, "content_hash"),
            integer("Q", stake, "stake"),
            integer("B", privacy, "privacy"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(author, is_signer=True, is_writable=True),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(spec, is_signer=False, is_writable=True),
            AccountMeta(escrow, is_signer=False, is_writable=True),
            AccountMeta(author_token, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                Pubkey.from_string("11111111111111111111111111111111"),
                is_signer=False,
                is_writable=False,
            ),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def transfer_authority(
    *,
    authority: Pubkey,
    config: Pubkey,
    new_authority: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Offers the authority over the settings to another account, which must accept. Naming the
    present authority takes an offer back.

    Accounts:

    - authority: The authority of the settings.
    - config: The settings.
    """
    data = b"".join(
        (
            DISCRIMINATORS["transfer_authority"],
            bytes(new_authority),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(authority, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def unpause(
    *,
    guardian: Pubkey,
    config: Pubkey,
    families: int,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Ends the pause of families of instructions (a bit each), by the guardian or the authority.

    Accounts:

    - guardian: The guardian, or the authority of the settings.
    - config: The settings.
    """
    data = b"".join(
        (
            DISCRIMINATORS["unpause"],
            integer("B", families, "families"),
        )
    )
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(guardian, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def wind_down_thread(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Winds a thread down, for good: its sole remaining co-author signs, and no spec is pending.
    From then on shares can be divested to the last unit and rewards claimed, and nothing else
    happens. For a thread in which a former co-author still has shares, so that it cannot be
    closed.

    Accounts:

    - author: The thread's sole remaining co-author.
    - config: The settings.
    - thread: The thread.
    """
    data = b"".join((DISCRIMINATORS["wind_down_thread"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(author, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )


def withdraw_spec(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    spec: Pubkey,
    escrow: Pubkey,
    author_token: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Returns the whole stake of a spec to its author, who signs: while no decision of the present
    co-authors is on it, and in any case once its window has ended.

    Accounts:

    - author: The spec's author.
    - config: The settings.
    - thread: The thread.
    - spec: The spec.
    - escrow: The spec's token account.
    - author_token: A token account of the author, where the stake goes back to.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join((DISCRIMINATORS["withdraw_spec"],))
    return Instruction(
        program_id,
        data,
        [
            AccountMeta(author, is_signer=True, is_writable=False),
            AccountMeta(config, is_signer=False, is_writable=False),
            AccountMeta(thread, is_signer=False, is_writable=True),
            AccountMeta(spec, is_signer=False, is_writable=True),
            AccountMeta(escrow, is_signer=False, is_writable=True),
            AccountMeta(author_token, is_signer=False, is_writable=True),
            AccountMeta(stake_mint, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
            AccountMeta(
                event_authority_pda(program_id=program_id), is_signer=False, is_writable=False
            ),
            AccountMeta(program_id, is_signer=False, is_writable=False),
        ],
    )

"""Generated from the program's IDL by scripts/generate-python. Do not edit.

Every account is an argument here; `choir.instructions` derives them."""

from __future__ import annotations

from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from choir._borsh import fixed, integer, pubkeys, string
from choir._program.types import Decision, Params, PrivacyLevel
from choir.ids import PROGRAM_ID, event_authority_pda

__all__ = [
    "claim",
    "create_thread",
    "deposit",
    "divest",
    "expire_spec",
    "initialize",
    "post_message",
    "process_approval",
    "set_privacy",
    "submit_spec",
]

DISCRIMINATORS: Final[dict[str, bytes]] = {
    "claim": bytes.fromhex("3ec6d6c1d59f6cd2"),
    "create_thread": bytes.fromhex("b6df40038521cc1a"),
    "deposit": bytes.fromhex("f223c68952e1f2b6"),
    "divest": bytes.fromhex("c413f56806526d4d"),
    "expire_spec": bytes.fromhex("22c4f73fef33e79d"),
    "initialize": bytes.fromhex("afaf6d1f0d989bed"),
    "post_message": bytes.fromhex("d63264d12622074c"),
    "process_approval": bytes.fromhex("4d850bc8395b779e"),
    "set_privacy": bytes.fromhex("784d09cf958c8a81"),
    "submit_spec": bytes.fromhex("869c0c2b4b5ee4e8"),
}


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
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Adds to a co-author's stake (base units) and mints shares at the present price, rounded
    down.

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
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Takes an amount (base units) out of a thread and burns shares for it, rounded up. After the
    cooldown since the owner's last deposit or divestment, and never below the thread's minimum.

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


def post_message(
    *,
    author: Pubkey,
    config: Pubkey,
    thread: Pubkey,
    position: Pubkey,
    message: Pubkey,
    content_hash: bytes,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Records a co-author's message by the sha256 of its content, within the hourly rate.

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
    decision: Decision,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """A co-author's decision on a spec, bound to its content hash and to the thread's author
    epoch. The last decision settles it: all approve, and the stake is shared among the
    approvers, the message recorded, and the author joins; all deny, and the stake goes to the
    thread; else it is split between the treasury and the thread.

    Accounts:

    - approver: The co-author who decides.
    - config: The settings.
    - thread: The thread.
    - spec: The spec. It also pays, from what its author put in, for the message an approval
      records.
    - approver_position: The approver's position.
    - author_position: The position of the spec's author.
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
    position: Pubkey,
    author_token: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey,
    content_hash: bytes,
    stake: int,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Submits a message (by the sha256 of its content) with a stake on it (base units) and asks to
    join. Not for co-authors; refused when the thread has no free seat.

    Accounts:

    - author: Submits, stakes, and pays the rent of the accounts, that of the message to come
      included.
    - config: The settings.
    - thread: The thread.
    - spec: The spec, created here.
    - escrow: The spec's token account, created here.
    - position: The author's position, created here unless an earlier spec of theirs did.
    - author_token: Where the stake comes from.
    - stake_mint: The mint of all stakes.
    - token_program: The token program that owns the mint.
    """
    data = b"".join(
        (
            DISCRIMINATORS["submit_spec"],
            fixed(content_hash, 32, "content_hash"),
            integer("Q", stake, "stake"),
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
            AccountMeta(position, is_signer=False, is_writable=True),
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

"""One pure function for each instruction of the program, returning solders' `Instruction`.

Addresses that follow from others are derived here; what cannot be known without the chain (the
stake mint, the number of the next message) is an argument. Amounts are base units of the stake
mint. A token account defaults to the signer's associated one. Nothing here touches the network:
`choir.client` fetches and sends.

Raises InvalidInput for values that do not fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from choir._governing import (
    accept_authority,
    apply_config,
    approve_treasury,
    cancel_config,
    cancel_treasury,
    cleanup_treasury,
    execute_treasury,
    pause,
    propose_config,
    propose_treasury,
    transfer_authority,
    unpause,
)
from choir._program import instructions as raw
from choir._program.types import Decision, Params, PrivacyLevel
from choir.ids import (
    PROGRAM_ID,
    as_hash,
    config_pda,
    escrow_pda,
    message_pda,
    position_pda,
    program_data_pda,
    spec_pda,
    thread_pda,
    treasury_pda,
    treasury_vault_pda,
    vault_pda,
)
from choir.tokens import TOKEN_PROGRAM_ID, associated_token_address

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


def initialize(
    *,
    authority: Pubkey,
    stake_mint: Pubkey,
    params: Params,
    guardian: Pubkey,
    treasury_signers: Sequence[Pubkey],
    treasury_threshold: int,
    parameter_timelock: int,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Set the program up, once. `authority` is its upgrade authority; spans in seconds."""
    return raw.initialize(
        authority=authority,
        program_data=program_data_pda(program_id=program_id),
        config=config_pda(program_id=program_id),
        treasury=treasury_pda(program_id=program_id),
        treasury_vault=treasury_vault_pda(program_id=program_id),
        stake_mint=stake_mint,
        token_program=token_program,
        params=params,
        guardian=guardian,
        treasury_signers=tuple(treasury_signers),
        treasury_threshold=treasury_threshold,
        parameter_timelock=parameter_timelock,
        program_id=program_id,
    )


def create_thread(
    *,
    creator: Pubkey,
    thread_id: str,
    deposit: int,
    stake_mint: Pubkey,
    privacy: PrivacyLevel = PrivacyLevel.PUBLIC,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    creator_token: Pubkey | None = None,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Open a thread with a first deposit. Its id is 1 to 64 bytes of UTF-8."""
    thread = thread_pda(thread_id, program_id=program_id)
    return raw.create_thread(
        creator=creator,
        config=config_pda(program_id=program_id),
        thread=thread,
        vault=vault_pda(thread, program_id=program_id),
        position=position_pda(thread, creator, program_id=program_id),
        creator_token=creator_token or _associated(creator, stake_mint, token_program),
        stake_mint=stake_mint,
        token_program=token_program,
        thread_id=thread_id,
        deposit=deposit,
        privacy=privacy,
        program_id=program_id,
    )


def deposit(
    *,
    owner: Pubkey,
    thread: Pubkey,
    amount: int,
    min_shares: int,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    owner_token: Pubkey | None = None,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Add to a co-author's stake; refused when it would buy fewer than `min_shares`."""
    return raw.deposit(
        owner=owner,
        config=config_pda(program_id=program_id),
        thread=thread,
        vault=vault_pda(thread, program_id=program_id),
        position=position_pda(thread, owner, program_id=program_id),
        owner_token=owner_token or _associated(owner, stake_mint, token_program),
        stake_mint=stake_mint,
        token_program=token_program,
        amount=amount,
        min_shares=min_shares,
        program_id=program_id,
    )


def post_message(
    *,
    author: Pubkey,
    thread: Pubkey,
    content_hash: bytes,
    privacy: PrivacyLevel,
    message_index: int,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Record a co-author's message; `message_index` is the thread's `message_count`.

    Refused when the thread's level is not `privacy`.
    """
    return raw.post_message(
        author=author,
        config=config_pda(program_id=program_id),
        thread=thread,
        position=position_pda(thread, author, program_id=program_id),
        message=message_pda(thread, message_index, program_id=program_id),
        content_hash=as_hash(content_hash),
        privacy=privacy,
        program_id=program_id,
    )


def submit_spec(
    *,
    author: Pubkey,
    thread: Pubkey,
    content_hash: bytes,
    stake: int,
    privacy: PrivacyLevel,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    author_token: Pubkey | None = None,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Submit a message with a stake and ask to join.

    Refused when the thread's level is not `privacy`; when approved, the message gets that or the
    thread's level by then, whichever is stricter.
    """
    spec = spec_pda(thread, author, content_hash, program_id=program_id)
    return raw.submit_spec(
        author=author,
        config=config_pda(program_id=program_id),
        thread=thread,
        spec=spec,
        escrow=escrow_pda(spec, program_id=program_id),
        author_token=author_token or _associated(author, stake_mint, token_program),
        stake_mint=stake_mint,
        token_program=token_program,
        content_hash=as_hash(content_hash),
        stake=stake,
        privacy=privacy,
        program_id=program_id,
    )


def process_approval(
    *,
    approver: Pubkey,
    thread: Pubkey,
    spec_author: Pubkey,
    content_hash: bytes,
    author_epoch: int,
    sequence: int,
    decision: Decision,
    message_index: int,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Decide on a spec, bound to its content, to the set of co-authors (`author_epoch`) and to the
    submission (`sequence`, which the spec holds).

    `message_index` is the thread's `message_count`: the last approval records the message there.
    """
    spec = spec_pda(thread, spec_author, content_hash, program_id=program_id)
    return raw.process_approval(
        approver=approver,
        config=config_pda(program_id=program_id),
        thread=thread,
        spec=spec,
        approver_position=position_pda(thread, approver, program_id=program_id),
        author_position=position_pda(thread, spec_author, program_id=program_id),
        escrow=escrow_pda(spec, program_id=program_id),
        vault=vault_pda(thread, program_id=program_id),
        treasury_vault=treasury_vault_pda(program_id=program_id),
        message=message_pda(thread, message_index, program_id=program_id),
        stake_mint=stake_mint,
        token_program=token_program,
        content_hash=as_hash(content_hash),
        author_epoch=author_epoch,
        sequence=sequence,
        decision=decision,
        program_id=program_id,
    )


def expire_spec(
    *,
    thread: Pubkey,
    spec_author: Pubkey,
    content_hash: bytes,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    author_token: Pubkey | None = None,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Give the stake of a spec whose window has ended back to its author. Anybody may."""
    spec = spec_pda(thread, spec_author, content_hash, program_id=program_id)
    return raw.expire_spec(
        config=config_pda(program_id=program_id),
        thread=thread,
        spec=spec,
        escrow=escrow_pda(spec, program_id=program_id),
        author_token=author_token or _associated(spec_author, stake_mint, token_program),
        stake_mint=stake_mint,
        token_program=token_program,
        program_id=program_id,
    )


def claim(
    *,
    owner: Pubkey,
    thread: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    owner_token: Pubkey | None = None,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Pay out all of a position's rewards."""
    return raw.claim(
        owner=owner,
        config=config_pda(program_id=program_id),
        thread=thread,
        vault=vault_pda(thread, program_id=program_id),
        position=position_pda(thread, owner, program_id=program_id),
        owner_token=owner_token or _associated(owner, stake_mint, token_program),
        stake_mint=stake_mint,
        token_program=token_program,
        program_id=program_id,
    )


def divest(
    *,
    owner: Pubkey,
    thread: Pubkey,
    amount: int,
    max_shares: int,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    owner_token: Pubkey | None = None,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Take an amount out of a thread, for shares; refused when it would take over `max_shares`."""
    return raw.divest(
        owner=owner,
        config=config_pda(program_id=program_id),
        thread=thread,
        vault=vault_pda(thread, program_id=program_id),
        position=position_pda(thread, owner, program_id=program_id),
        owner_token=owner_token or _associated(owner, stake_mint, token_program),
        stake_mint=stake_mint,
        token_program=token_program,
        amount=amount,
        max_shares=max_shares,
        program_id=program_id,
    )


def set_privacy(
    *, author: Pubkey, thread: Pubkey, level: PrivacyLevel, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Set who may read the messages to come."""
    return raw.set_privacy(
        author=author,
        config=config_pda(program_id=program_id),
        thread=thread,
        position=position_pda(thread, author, program_id=program_id),
        level=level,
        program_id=program_id,
    )


def withdraw_spec(
    *,
    author: Pubkey,
    thread: Pubkey,
    content_hash: bytes,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    author_token: Pubkey | None = None,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Take one's spec and its whole stake back, while no present co-author has decided."""
    spec = spec_pda(thread, author, content_hash, program_id=program_id)
    return raw.withdraw_spec(
        author=author,
        config=config_pda(program_id=program_id),
        thread=thread,
        spec=spec,
        escrow=escrow_pda(spec, program_id=program_id),
        author_token=author_token or _associated(author, stake_mint, token_program),
        stake_mint=stake_mint,
        token_program=token_program,
        program_id=program_id,
    )


def cleanup_spec(
    *,
    thread: Pubkey,
    spec_author: Pubkey,
    content_hash: bytes,
    rent_payer: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Close a settled spec; its rent goes back to `rent_payer`, whom it names. Anybody may."""
    spec = spec_pda(thread, spec_author, content_hash, program_id=program_id)
    return raw.cleanup_spec(
        config=config_pda(program_id=program_id),
        spec=spec,
        escrow=escrow_pda(spec, program_id=program_id),
        treasury_vault=treasury_vault_pda(program_id=program_id),
        rent_payer=rent_payer,
        stake_mint=stake_mint,
        token_program=token_program,
        program_id=program_id,
    )


def leave_thread(*, author: Pubkey, thread: Pubkey, program_id: Pubkey = PROGRAM_ID) -> Instruction:
    """Stop being a co-author; one's shares must be divested before."""
    return raw.leave_thread(
        author=author,
        config=config_pda(program_id=program_id),
        thread=thread,
        position=position_pda(thread, author, program_id=program_id),
        program_id=program_id,
    )


def retire_author(
    *, author: Pubkey, thread: Pubkey, retiree: Pubkey, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Take a co-author who has done nothing for long out of the set, by another one."""
    return raw.retire_author(
        author=author,
        config=config_pda(program_id=program_id),
        thread=thread,
        position=position_pda(thread, author, program_id=program_id),
        retiree_position=position_pda(thread, retiree, program_id=program_id),
        program_id=program_id,
    )


def wind_down_thread(
    *, author: Pubkey, thread: Pubkey, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Wind a thread down for good, by its sole co-author: only divest, claim and close remain."""
    return raw.wind_down_thread(
        author=author,
        config=config_pda(program_id=program_id),
        thread=thread,
        program_id=program_id,
    )


def close_thread(
    *,
    author: Pubkey,
    thread: Pubkey,
    creator: Pubkey,
    rent_payer: Pubkey,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    author_token: Pubkey | None = None,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Close a thread for good and take out everything, by its sole co-author.

    The vault's rent goes to the thread's `creator`, that of the author's position to its
    `rent_payer`.
    """
    return raw.close_thread(
        author=author,
        config=config_pda(program_id=program_id),
        thread=thread,
        vault=vault_pda(thread, program_id=program_id),
        position=position_pda(thread, author, program_id=program_id),
        author_token=author_token or _associated(author, stake_mint, token_program),
        creator=creator,
        rent_payer=rent_payer,
        stake_mint=stake_mint,
        token_program=token_program,
        program_id=program_id,
    )


def cleanup_position(
    *, thread: Pubkey, owner: Pubkey, rent_payer: Pubkey, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Close an empty position of somebody who is no co-author; its rent goes to `rent_payer`."""
    return raw.cleanup_position(
        thread=thread,
        position=position_pda(thread, owner, program_id=program_id),
        rent_payer=rent_payer,
        program_id=program_id,
    )


def _associated(owner: Pubkey, mint: Pubkey, token_program: Pubkey) -> Pubkey:
    return associated_token_address(owner, mint, token_program=token_program)

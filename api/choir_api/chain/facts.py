"""What must be known of the chain before a transaction is built, fetched in one request.

Read from the node and not from the mirror: a wallet that has just seen its own transaction
confirmed must be able to build the next one at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from solders.pubkey import Pubkey

from choir.accounts import Config, Position, Spec, Thread, ThreadStatus, decode_owned
from choir.ids import config_pda, position_pda, spec_pda, thread_pda
from choir.rpc import Account, Commitment, Rpc
from choir.tokens import TokenAccount, associated_token_address
from choir_api.chain.failures import translated
from choir_api.errors import Conflict, Forbidden, NotFound, Unavailable

A = TypeVar("A", Position, Spec, Thread)


@dataclass(frozen=True)
class Facts:
    """The chain around one wallet and one thread, at one slot. Amounts in base units.

    Attributes:
        config: the program's configuration.
        wallet: who wants to act.
        thread_id: the thread's name.
        thread: its account, or None when there is none.
        position: the wallet's position in it, or None.
        spec: the spec that was asked for, or None.
    """

    config: Config
    wallet: Pubkey
    thread_id: str
    thread: Thread | None
    position: Position | None
    spec: Spec | None

    @property
    def address(self) -> Pubkey:
        """The thread's address."""
        return thread_pda(self.thread_id)

    def the_thread(self) -> Thread:
        """The thread, which must be there and open.

        Raises:
            NotFound, Conflict: it is not.
        """
        thread = self.a_thread()
        if thread.status is ThreadStatus.CLOSING:
            raise Conflict(
                f"the thread {self.thread_id!r} is being wound down; what is in it can be taken "
                "out, nothing else",
                code="thread_closing",
            )
        return thread

    def a_thread(self) -> Thread:
        """The thread, which must be there and not closed; it may be being wound down.

        Raises:
            NotFound, Conflict: it is not.
        """
        if self.thread is None:
            raise unknown_thread(self.thread_id)
        if self.thread.status is ThreadStatus.CLOSED:
            raise Conflict(f"the thread {self.thread_id!r} is closed", code="thread_closed")
        return self.thread

    def as_co_author(self) -> Thread:
        """The thread, of which the wallet must be a co-author.

        Raises:
            Forbidden: it is not.
        """
        thread = self.the_thread()
        if self.wallet not in thread.co_authors:
            raise Forbidden(
                f"{self.wallet} is not a co-author of {self.thread_id!r}", code="not_co_author"
            )
        return thread


def unknown_thread(thread_id: str) -> NotFound:
    """The refusal for a thread that is not there."""
    return NotFound(f"there is no thread {thread_id!r}", code="unknown_thread")


async def gather(
    rpc: Rpc,
    wallet: Pubkey,
    thread_id: str,
    *,
    spec: tuple[Pubkey, bytes] | None = None,
    commitment: Commitment = "confirmed",
) -> Facts:
    """Fetch config, thread, position and, where asked for, a spec (its author and hash).

    Raises:
        Unavailable: the node does not answer, or the program is not initialized there.
    """
    thread = thread_pda(thread_id)
    addresses = [config_pda(), thread, position_pda(thread, wallet)]
    if spec is not None:
        addresses.append(spec_pda(thread, *spec))
    with translated():
        found = (await rpc.get_accounts(addresses, commitment=commitment)).value
        if found[0] is None:
            raise Unavailable(
                "the program is not initialized on this chain; its upgrade authority has to "
                "call initialize",
                code="not_initialized",
            )
        return Facts(
            config=decode_owned(Config, found[0].data, owner=found[0].owner),
            wallet=wallet,
            thread_id=thread_id,
            thread=_decoded(Thread, found[1]),
            position=_decoded(Position, found[2]),
            spec=_decoded(Spec, found[3]) if spec is not None else None,
        )


async def require_balance(
    rpc: Rpc, facts: Facts, amount: int, what: str, *, commitment: Commitment = "confirmed"
) -> None:
    """Refuse unless the wallet's associated token account holds `amount` base units.

    Raises:
        Conflict: it holds less, or does not exist.
    """
    config = facts.config
    account = associated_token_address(
        facts.wallet, config.stake_mint, token_program=config.token_program
    )
    with translated():
        found = (await rpc.get_account(account, commitment=commitment)).value
        has = TokenAccount.decode(found.data).amount if found is not None else 0
    if has < amount:
        raise Conflict(
            f"{what} is {amount} base units, and the wallet's token account {account} holds {has}",
            code="insufficient_balance",
            details={
                "needed": str(amount),
                "held": str(has),
                "mint": str(config.stake_mint),
                "token_account": str(account),
            },
        )


def _decoded(kind: type[A], account: Account | None) -> A | None:
    if account is None:
        return None
    return decode_owned(kind, account.data, owner=account.owner)

"""The verbs that end something in a thread: leave, retire, wind down, close, clean up."""

from __future__ import annotations

from typing import TypeVar

from solders.pubkey import Pubkey

from choir import _checks as check
from choir import instructions as build
from choir._acting import Acting
from choir._reading import ThreadRef
from choir.accounts import PauseFamily
from choir.errors import NotFound
from choir.ids import as_hash

__all__ = ["ThreadVerbs"]

R = TypeVar("R")


class ThreadVerbs(Acting[R]):
    """See the module."""

    async def withdraw_spec(self, thread: ThreadRef, content_hash: bytes) -> R:
        """Take one's spec back with its whole stake.

        While no present co-author has decided on it, and in any case after its window.
        """
        view = await self._view(thread, spec=(self.wallet, as_hash(content_hash)))
        found = self._existing(view, thread)
        spec = self._spec_of(view, self.wallet, content_hash)
        check.running(view.config, PauseFamily.EXITS, view.now)
        check.can_withdraw(found, spec, view.now)
        return await self._finish(
            [
                *await self._token_account(self.wallet, view.stake),
                build.withdraw_spec(
                    author=self.wallet,
                    thread=self.address_of(thread),
                    content_hash=content_hash,
                    stake_mint=view.stake.mint,
                    token_program=view.stake.token_program,
                    program_id=self.program_id,
                ),
            ]
        )

    async def cleanup_spec(self, thread: ThreadRef, author: Pubkey, content_hash: bytes) -> R:
        """Close a settled spec, so that its rent goes back to who paid it. Anybody may."""
        stake, spec = await self.stake(), await self.spec(thread, author, as_hash(content_hash))
        check.settled(spec)
        return await self._finish(
            [
                build.cleanup_spec(
                    thread=self.address_of(thread),
                    spec_author=author,
                    content_hash=content_hash,
                    rent_payer=spec.rent_payer,
                    stake_mint=stake.mint,
                    token_program=stake.token_program,
                    program_id=self.program_id,
                )
            ]
        )

    async def leave_thread(self, thread: ThreadRef) -> R:
        """Stop being a co-author. Shares must be divested before; rewards can be claimed after."""
        view = await self._view(thread)
        found = self._existing(view, thread)
        check.running(view.config, PauseFamily.EXITS, view.now)
        check.co_author(found, self.wallet)
        check.can_leave(found, self._held(view, thread))
        return await self._finish(
            [
                build.leave_thread(
                    author=self.wallet,
                    thread=self.address_of(thread),
                    program_id=self.program_id,
                )
            ]
        )

    async def retire_author(self, thread: ThreadRef, author: Pubkey) -> R:
        """Take a co-author who has done nothing for the inactivity window out of the set.

        Their shares and rewards stay theirs to take out.
        """
        view = await self._view(thread)
        found = self._existing(view, thread)
        check.running(view.config, PauseFamily.SETTINGS, view.now)
        theirs = await self.find_position(thread, author)
        check.can_retire(view.config, found, self.wallet, author, theirs, view.now)
        return await self._finish(
            [
                build.retire_author(
                    author=self.wallet,
                    thread=self.address_of(thread),
                    retiree=author,
                    program_id=self.program_id,
                )
            ]
        )

    async def wind_down_thread(self, thread: ThreadRef) -> R:
        """Wind a thread down for good, as its only co-author.

        From then on everybody can divest to the last unit at once, and claim; nothing else. For a
        thread in which former co-authors still have shares, so that it cannot be closed.
        """
        view = await self._view(thread)
        found = self._existing(view, thread)
        check.running(view.config, PauseFamily.EXITS, view.now)
        check.is_open(found)
        check.sole_co_author(found, self.wallet)
        return await self._finish(
            [
                build.wind_down_thread(
                    author=self.wallet,
                    thread=self.address_of(thread),
                    program_id=self.program_id,
                )
            ]
        )

    async def close_thread(self, thread: ThreadRef) -> R:
        """Close a thread for good and take out everything, as its only co-author."""
        view = await self._view(thread)
        found = self._existing(view, thread)
        check.running(view.config, PauseFamily.EXITS, view.now)
        check.sole_co_author(found, self.wallet)
        position = self._held(view, thread)
        check.can_close(found, position)
        return await self._finish(
            [
                *await self._token_account(self.wallet, view.stake),
                build.close_thread(
                    author=self.wallet,
                    thread=self.address_of(thread),
                    creator=found.creator,
                    rent_payer=position.rent_payer,
                    stake_mint=view.stake.mint,
                    token_program=view.stake.token_program,
                    program_id=self.program_id,
                ),
            ]
        )

    async def cleanup_position(self, thread: ThreadRef, owner: Pubkey) -> R:
        """Close an empty position of one who is no co-author; its rent goes to who paid it."""
        found = await self.thread(thread)
        position = await self.find_position(thread, owner)
        if position is None:
            raise NotFound(f"{owner} has no position in thread {thread}")
        check.can_clean_position(found, position)
        return await self._finish(
            [
                build.cleanup_position(
                    thread=self.address_of(thread),
                    owner=owner,
                    rent_payer=position.rent_payer,
                    program_id=self.program_id,
                )
            ]
        )

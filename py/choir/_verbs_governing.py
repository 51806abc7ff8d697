"""The verbs on the settings and the treasury."""

from __future__ import annotations

from typing import TypeVar

from solders.pubkey import Pubkey

from choir import _checks as check
from choir import _checks_governing as govern
from choir import instructions as build
from choir import program_errors as refused
from choir._acting import Acting
from choir.accounts import (
    ConfigChange,
    Params,
    PauseFamily,
    TreasuryAction,
)
from choir.tokens import TokenAccount

__all__ = ["GoverningVerbs"]

R = TypeVar("R")
_ATTEMPTS_AT_A_NUMBER = 4


class GoverningVerbs(Acting[R]):
    """See the module. Only the authority, the guardian or signers of the treasury can use them."""

    async def propose_config(
        self,
        *,
        params: Params | None = None,
        guardian: Pubkey | None = None,
        parameter_timelock: int | None = None,
    ) -> R:
        """Propose a change of the settings; what is not given stays as it is now.

        It can be applied once the present timelock has passed. `parameter_timelock` in seconds.
        """
        config, _ = await self._settings()
        govern.can_propose_change(config, self.wallet)
        timelock = config.parameter_timelock
        change = ConfigChange(
            params=params or config.params,
            guardian=guardian or config.guardian,
            parameter_timelock=timelock if parameter_timelock is None else parameter_timelock,
        )
        return await self._finish(
            [build.propose_config(authority=self.wallet, change=change, program_id=self.program_id)]
        )

    async def apply_config(self) -> R:
        """Bring the proposed change of the settings into force."""
        config, now = await self._settings()
        govern.can_apply(config, self.wallet, now)
        return await self._finish(
            [build.apply_config(authority=self.wallet, program_id=self.program_id)]
        )

    async def cancel_config(self) -> R:
        """Take the proposed change of the settings back."""
        config, _ = await self._settings()
        govern.change_proposed(config, self.wallet)
        return await self._finish(
            [build.cancel_config(authority=self.wallet, program_id=self.program_id)]
        )

    async def transfer_authority(self, new_authority: Pubkey) -> R:
        """Offer the authority to another account, which must accept.

        Naming the present authority takes an offer back.
        """
        config, _ = await self._settings()
        govern.authority(config, self.wallet)
        if new_authority == Pubkey.default():
            raise refused.AuthorityInvalid
        return await self._finish(
            [
                build.transfer_authority(
                    authority=self.wallet,
                    new_authority=new_authority,
                    program_id=self.program_id,
                )
            ]
        )

    async def accept_authority(self) -> R:
        """Take the authority the wallet was offered; a proposed change of the settings is void."""
        config, _ = await self._settings()
        if self.wallet != config.pending_authority:
            raise refused.NotPendingAuthority
        return await self._finish(
            [build.accept_authority(new_authority=self.wallet, program_id=self.program_id)]
        )

    async def pause(self, families: PauseFamily, *, seconds: int) -> R:
        """Pause families of instructions for at most seven days, as guardian or authority."""
        config, now = await self._settings()
        govern.can_pause(config, self.wallet, families, seconds, now)
        return await self._finish(
            [
                build.pause(
                    guardian=self.wallet,
                    families=families,
                    seconds=seconds,
                    program_id=self.program_id,
                )
            ]
        )

    async def unpause(self, families: PauseFamily) -> R:
        """End the pause of families of instructions, as guardian or authority."""
        config, now = await self._settings()
        govern.can_unpause(config, self.wallet, families, now)
        return await self._finish(
            [build.unpause(guardian=self.wallet, families=families, program_id=self.program_id)]
        )

    async def propose_treasury(self, action: TreasuryAction) -> R:
        """Propose something to the signers of the treasury, whose approvals it then needs.

        `TreasuryProposed` in the transaction's events tells its number.
        """
        stake = await self.stake()
        for attempts_left in reversed(range(_ATTEMPTS_AT_A_NUMBER)):
            config, now = await self._settings()
            treasury = await self.treasury()
            check.running(config, PauseFamily.TREASURY, now)
            govern.signer(treasury, self.wallet)
            govern.worth_proposing(action, config)
            try:
                return await self._finish(
                    [
                        build.propose_treasury(
                            proposer=self.wallet,
                            index=treasury.proposal_count,
                            action=action,
                            stake_mint=stake.mint,
                            program_id=self.program_id,
                        )
                    ]
                )
            except refused.WrongProposal:  # somebody else's took the number; nothing had effect
                if not attempts_left:
                    raise
        raise AssertionError("unreachable")

    async def approve_treasury(self, index: int) -> R:
        """Approve a proposal, as a signer of the treasury."""
        config, now = await self._settings()
        check.running(config, PauseFamily.TREASURY, now)
        govern.can_approve(await self.treasury(), await self.proposal(index), self.wallet, now)
        return await self._finish(
            [build.approve_treasury(signer=self.wallet, index=index, program_id=self.program_id)]
        )

    async def execute_treasury(self, index: int) -> R:
        """Do what an approved proposal says, as any signer of the treasury."""
        stake = await self.stake()
        config, now = await self._settings()
        check.running(config, PauseFamily.TREASURY, now)
        treasury, proposal = await self.treasury(), await self.proposal(index)
        vault = await self._fetch(config.treasury_vault)
        held = 0 if vault is None else TokenAccount.decode(vault.data).amount
        govern.can_execute(treasury, proposal, self.wallet, held, now)
        return await self._finish(
            [
                build.execute_treasury(
                    signer=self.wallet,
                    index=index,
                    action=proposal.action,
                    stake_mint=stake.mint,
                    token_program=stake.token_program,
                    program_id=self.program_id,
                )
            ]
        )

    async def cancel_treasury(self, index: int) -> R:
        """Take one's own proposal back; its rent comes back too."""
        govern.can_cancel(await self.proposal(index), self.wallet)
        return await self._finish(
            [build.cancel_treasury(proposer=self.wallet, index=index, program_id=self.program_id)]
        )

    async def cleanup_treasury(self, index: int) -> R:
        """Close a proposal that is executed or expired; its rent goes to its proposer."""
        proposal = await self.proposal(index)
        govern.can_clean(proposal, await self.chain_time())
        return await self._finish(
            [
                build.cleanup_treasury(
                    index=index, proposer=proposal.proposer, program_id=self.program_id
                )
            ]
        )

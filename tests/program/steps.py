"""Steps on a mirror, by the model's names: what an honest client would send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.program import model
from tests.program.mirror import Mirror
from tests.program.model_state import (
    TREASURY_VAULT,
    U64,
    Action,
    ConfigChange,
    Key,
    Name,
    Params,
    SetSigners,
    SpecId,
)

PARAMS = Params(
    min_stake=1_000,
    min_thread_balance=10_000,
    approval_window=7 * model.DAY,
    divest_cooldown=model.DAY,
    inactivity_window=30 * model.DAY,
    messages_per_hour=3,
)
DUST = Params(
    min_stake=1,
    min_thread_balance=1_000,
    approval_window=2 * model.HOUR,
    divest_cooldown=0,
    inactivity_window=8 * model.DAY,
    messages_per_hour=1,
)
PRESENT: Any = object()
"""A destination: the one the proposal names."""


class Steps(Mirror):
    """A mirror, with a method for each instruction."""

    # ---- settings

    def initialize(self, signer: Key, **changes: Any) -> str:
        arguments: dict[str, Any] = {
            "params": PARAMS,
            "guardian": self.wallets[0],
            "treasury_signers": tuple(self.wallets[:3]),
            "treasury_threshold": 2,
            "parameter_timelock": model.DAY,
        } | changes
        return self.act(
            "initialize",
            lambda state: model.initialize(state, signer, **arguments),
            signer,
            {"authority": ("wallet", signer), "program_data": ("program_data",)},
            **arguments,
        )

    def propose_config(self, authority: Key, change: ConfigChange) -> str:
        return self.act(
            "propose_config",
            lambda state: model.propose_config(state, authority, change),
            authority,
            {"authority": ("wallet", authority)},
            change=change,
        )

    def apply_config(self, authority: Key) -> str:
        return self.act(
            "apply_config",
            lambda state: model.apply_config(state, authority),
            authority,
            {"authority": ("wallet", authority)},
        )

    def change_settings(self, **changes: Any) -> None:
        """Brings the smallest settings into force, but for some changes, after the timelock."""
        authority = self.state.upgrade_authority
        change = ConfigChange(replace(DUST, **changes), self.wallets[0], model.DAY)
        assert self.propose_config(authority, change) == "done"
        self.set_time(self.state.now + model.DAY)
        assert self.apply_config(authority) == "done"

    def cancel_config(self, authority: Key) -> str:
        return self.act(
            "cancel_config",
            lambda state: model.cancel_config(state, authority),
            authority,
            {"authority": ("wallet", authority)},
        )

    def transfer_authority(self, authority: Key, new_authority: Key) -> str:
        return self.act(
            "transfer_authority",
            lambda state: model.transfer_authority(state, authority, new_authority),
            authority,
            {"authority": ("wallet", authority)},
            new_authority=new_authority,
        )

    def accept_authority(self, new_authority: Key) -> str:
        return self.act(
            "accept_authority",
            lambda state: model.accept_authority(state, new_authority),
            new_authority,
            {"new_authority": ("wallet", new_authority)},
        )

    def pause(self, guardian: Key, families: int, seconds: int) -> str:
        return self.act(
            "pause",
            lambda state: model.pause(state, guardian, families, seconds),
            guardian,
            {"guardian": ("wallet", guardian)},
            families=families,
            seconds=seconds,
        )

    def unpause(self, guardian: Key, families: int) -> str:
        return self.act(
            "unpause",
            lambda state: model.unpause(state, guardian, families),
            guardian,
            {"guardian": ("wallet", guardian)},
            families=families,
        )

    # ---- the treasury

    def propose_treasury(
        self, proposer: Key, action: Action, destination: Name | None = PRESENT
    ) -> str:
        if destination is PRESENT:
            destination = None if isinstance(action, SetSigners) else action.destination
        treasury = self.state.treasury
        index = treasury.proposal_count if treasury else 0
        return self.act(
            "propose_treasury",
            lambda state: model.propose_treasury(state, proposer, action, destination),
            proposer,
            {
                "proposer": ("wallet", proposer),
                "proposal": ("proposal", index),
                "destination": destination,
            },
            action=action,
        )

    def approve_treasury(self, signer: Key, index: int) -> str:
        return self.act(
            "approve_treasury",
            lambda state: model.approve_treasury(state, signer, index),
            signer,
            {"signer": ("wallet", signer), "proposal": ("proposal", index)},
        )

    def execute_treasury(self, signer: Key, index: int, destination: Name | None = PRESENT) -> str:
        if destination is PRESENT:
            proposal = self.state.proposals.get(index)
            action = proposal.action if proposal else None
            destination = getattr(action, "destination", None)
        return self.act(
            "execute_treasury",
            lambda state: model.execute_treasury(state, signer, index, destination),
            signer,
            {
                "signer": ("wallet", signer),
                "proposal": ("proposal", index),
                "destination": destination,
            },
        )

    def cancel_treasury(self, proposer: Key, index: int) -> str:
        return self.act(
            "cancel_treasury",
            lambda state: model.cancel_treasury(state, proposer, index),
            proposer,
            {"proposer": ("wallet", proposer), "proposal": ("proposal", index)},
        )

    def cleanup_treasury(self, index: int) -> str:
        proposal = self.state.proposals.get(index)
        receiver = proposal.proposer if proposal else self.wallets[0]
        return self.act(
            "cleanup_treasury",
            lambda state: model.cleanup_treasury(state, index),
            None,
            {"proposal": ("proposal", index), "proposer": ("wallet", receiver)},
        )

    # ---- threads

    def create_thread(self, creator: Key, thread_id: str, deposit: int, privacy: str) -> str:
        return self.act(
            "create_thread",
            lambda state: model.create_thread(state, creator, thread_id, deposit, privacy),
            creator,
            {
                "creator": ("wallet", creator),
                "thread": ("thread", thread_id),
                "vault": ("vault", thread_id),
                "position": ("position", thread_id, creator),
                "creator_token": ("token", creator),
            },
            thread_id=thread_id,
            deposit=deposit,
            privacy=privacy,
        )

    def _own(self, owner: Key, thread_id: str) -> dict[str, Name | None]:
        return {
            "owner": ("wallet", owner),
            "thread": ("thread", thread_id),
            "vault": ("vault", thread_id),
            "position": ("position", thread_id, owner),
            "owner_token": ("token", owner),
        }

    def deposit(self, owner: Key, thread_id: str, amount: int, min_shares: int = 0) -> str:
        return self.act(
            "deposit",
            lambda state: model.deposit(state, owner, thread_id, amount, min_shares),
            owner,
            self._own(owner, thread_id),
            amount=amount,
            min_shares=min_shares,
        )

    def divest(self, owner: Key, thread_id: str, amount: int, max_shares: int = U64) -> str:
        thread = self.state.threads.get(thread_id)
        position = self.state.positions.get((thread_id, owner))
        result = self.act(
            "divest",
            lambda state: model.divest(state, owner, thread_id, amount, max_shares),
            owner,
            self._own(owner, thread_id),
            amount=amount,
            max_shares=max_shares,
        )
        # However the settings have changed since, an exit is never harder than at the opening.
        if result == "BalanceBelowMinimum":
            assert thread is not None
            assert thread.balance - amount < thread.min_balance
        elif result == "DivestCooldown":
            assert thread is not None
            assert position is not None
            assert self.state.now - position.last_stake_at < thread.divest_cooldown
        return result

    def claim(self, owner: Key, thread_id: str) -> str:
        return self.act(
            "claim",
            lambda state: model.claim(state, owner, thread_id),
            owner,
            self._own(owner, thread_id),
        )

    def _next_message(self, thread_id: str) -> Name:
        thread = self.state.threads.get(thread_id)
        return ("message", thread_id, thread.message_count if thread else 0)

    def _privacy(self, thread_id: str) -> str:
        thread = self.state.threads.get(thread_id)
        return thread.privacy if thread else "Public"

    def post_message(
        self, author: Key, thread_id: str, content_hash: bytes, privacy: str = ""
    ) -> str:
        level = privacy or self._privacy(thread_id)
        return self.act(
            "post_message",
            lambda state: model.post_message(state, author, thread_id, content_hash, level),
            author,
            {
                "author": ("wallet", author),
                "thread": ("thread", thread_id),
                "position": ("position", thread_id, author),
                "message": self._next_message(thread_id),
            },
            content_hash=content_hash,
            privacy=level,
        )

    def _as_author(self, author: Key, thread_id: str) -> dict[str, Name | None]:
        return {
            "author": ("wallet", author),
            "thread": ("thread", thread_id),
            "position": ("position", thread_id, author),
        }

    def set_privacy(self, author: Key, thread_id: str, level: str) -> str:
        return self.act(
            "set_privacy",
            lambda state: model.set_privacy(state, author, thread_id, level),
            author,
            self._as_author(author, thread_id),
            level=level,
        )

    def leave_thread(self, author: Key, thread_id: str) -> str:
        return self.act(
            "leave_thread",
            lambda state: model.leave_thread(state, author, thread_id),
            author,
            self._as_author(author, thread_id),
        )

    def retire_author(self, author: Key, thread_id: str, retiree: Key) -> str:
        return self.act(
            "retire_author",
            lambda state: model.retire_author(state, author, thread_id, retiree),
            author,
            {
                **self._as_author(author, thread_id),
                "retiree_position": ("position", thread_id, retiree),
            },
        )

    def wind_down_thread(self, author: Key, thread_id: str) -> str:
        return self.act(
            "wind_down_thread",
            lambda state: model.wind_down_thread(state, author, thread_id),
            author,
            {"author": ("wallet", author), "thread": ("thread", thread_id)},
        )

    def _rent_payer(self, thread_id: str, owner: Key) -> Name:
        position = self.state.positions.get((thread_id, owner))
        return ("wallet", position.rent_payer if position else owner)

    def close_thread(self, author: Key, thread_id: str) -> str:
        thread = self.state.threads.get(thread_id)
        return self.act(
            "close_thread",
            lambda state: model.close_thread(state, author, thread_id),
            author,
            {
                **self._as_author(author, thread_id),
                "vault": ("vault", thread_id),
                "author_token": ("token", author),
                "creator": ("wallet", thread.creator if thread else author),
                "rent_payer": self._rent_payer(thread_id, author),
            },
        )

    def cleanup_position(self, thread_id: str, owner: Key) -> str:
        return self.act(
            "cleanup_position",
            lambda state: model.cleanup_position(state, thread_id, owner),
            None,
            {
                "thread": ("thread", thread_id),
                "position": ("position", thread_id, owner),
                "rent_payer": self._rent_payer(thread_id, owner),
            },
        )

    # ---- specs

    def submit_spec(
        self, author: Key, thread_id: str, content_hash: bytes, stake: int, privacy: str = ""
    ) -> str:
        spec_id = (thread_id, author, content_hash)
        level = privacy or self._privacy(thread_id)
        return self.act(
            "submit_spec",
            lambda state: model.submit_spec(state, author, thread_id, content_hash, stake, level),
            author,
            {
                "author": ("wallet", author),
                "thread": ("thread", thread_id),
                "spec": ("spec", *spec_id),
                "escrow": ("escrow", *spec_id),
                "author_token": ("token", author),
            },
            content_hash=content_hash,
            stake=stake,
            privacy=level,
        )

    def process_approval(
        self,
        approver: Key,
        spec_id: SpecId,
        decision: str,
        *,
        epochs_off: int = 0,
        sequences_off: int = 0,
        content_hash: bytes | None = None,
    ) -> str:
        thread_id, author, content = spec_id
        thread, spec = self.state.threads.get(thread_id), self.state.specs.get(spec_id)
        epoch = max(0, (thread.author_epoch if thread else 0) + epochs_off)
        sequence = max(0, (spec.sequence if spec else 0) + sequences_off)
        named = content if content_hash is None else content_hash
        return self.act(
            "process_approval",
            lambda state: model.process_approval(
                state, approver, spec_id, named, epoch, sequence, decision
            ),
            approver,
            {
                "approver": ("wallet", approver),
                "thread": ("thread", thread_id),
                "spec": ("spec", *spec_id),
                "approver_position": ("position", thread_id, approver),
                "author_position": ("position", thread_id, author),
                "escrow": ("escrow", *spec_id),
                "vault": ("vault", thread_id),
                "message": self._next_message(thread_id),
            },
            content_hash=named,
            author_epoch=epoch,
            sequence=sequence,
            decision=decision,
        )

    def expire_spec(self, spec_id: SpecId) -> str:
        thread_id, author, _ = spec_id
        return self.act(
            "expire_spec",
            lambda state: model.expire_spec(state, spec_id),
            None,
            {
                "thread": ("thread", thread_id),
                "spec": ("spec", *spec_id),
                "escrow": ("escrow", *spec_id),
                "author_token": ("token", author),
            },
        )

    def withdraw_spec(self, author: Key, spec_id: SpecId) -> str:
        return self.act(
            "withdraw_spec",
            lambda state: model.withdraw_spec(state, author, spec_id),
            author,
            {
                "author": ("wallet", author),
                "thread": ("thread", spec_id[0]),
                "spec": ("spec", *spec_id),
                "escrow": ("escrow", *spec_id),
                "author_token": ("token", spec_id[1]),
            },
        )

    def cleanup_spec(self, spec_id: SpecId) -> str:
        spec = self.state.specs.get(spec_id)
        receiver = spec.rent_payer if spec else spec_id[1]
        return self.act(
            "cleanup_spec",
            lambda state: model.cleanup_spec(state, spec_id),
            None,
            {
                "spec": ("spec", *spec_id),
                "escrow": ("escrow", *spec_id),
                "treasury_vault": TREASURY_VAULT,
                "rent_payer": ("wallet", receiver),
            },
        )

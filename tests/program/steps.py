"""Steps on a mirror, by the model's names: what an honest client would send."""

from __future__ import annotations

from typing import Any

from tests.program import model, model_specs
from tests.program.mirror import Mirror
from tests.program.model_state import CONFIG, TREASURY, TREASURY_VAULT, Key, Name, Params, SpecId

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
    inactivity_window=model.DAY,
    messages_per_hour=1,
)


class Steps(Mirror):
    """A mirror, with a method for each instruction."""

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
            {
                "authority": ("wallet", signer),
                "program_data": ("program_data",),
                "config": CONFIG,
                "treasury": TREASURY,
                "treasury_vault": TREASURY_VAULT,
            },
            **arguments,
        )

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

    def _own(self, owner: Key, thread_id: str) -> dict[str, Name]:
        return {
            "owner": ("wallet", owner),
            "thread": ("thread", thread_id),
            "vault": ("vault", thread_id),
            "position": ("position", thread_id, owner),
            "owner_token": ("token", owner),
        }

    def deposit(self, owner: Key, thread_id: str, amount: int) -> str:
        return self.act(
            "deposit",
            lambda state: model.deposit(state, owner, thread_id, amount),
            owner,
            self._own(owner, thread_id),
            amount=amount,
        )

    def divest(self, owner: Key, thread_id: str, amount: int) -> str:
        return self.act(
            "divest",
            lambda state: model.divest(state, owner, thread_id, amount),
            owner,
            self._own(owner, thread_id),
            amount=amount,
        )

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

    def post_message(self, author: Key, thread_id: str, content_hash: bytes) -> str:
        return self.act(
            "post_message",
            lambda state: model.post_message(state, author, thread_id, content_hash),
            author,
            {
                "author": ("wallet", author),
                "thread": ("thread", thread_id),
                "position": ("position", thread_id, author),
                "message": self._next_message(thread_id),
            },
            content_hash=content_hash,
        )

    def set_privacy(self, author: Key, thread_id: str, level: str) -> str:
        return self.act(
            "set_privacy",
            lambda state: model.set_privacy(state, author, thread_id, level),
            author,
            {
                "author": ("wallet", author),
                "thread": ("thread", thread_id),
                "position": ("position", thread_id, author),
            },
            level=level,
        )

    def submit_spec(self, author: Key, thread_id: str, content_hash: bytes, stake: int) -> str:
        spec_id = (thread_id, author, content_hash)
        return self.act(
            "submit_spec",
            lambda state: model_specs.submit_spec(state, author, thread_id, content_hash, stake),
            author,
            {
                "author": ("wallet", author),
                "thread": ("thread", thread_id),
                "spec": ("spec", *spec_id),
                "escrow": ("escrow", *spec_id),
                "position": ("position", thread_id, author),
                "author_token": ("token", author),
            },
            content_hash=content_hash,
            stake=stake,
        )

    def process_approval(
        self,
        approver: Key,
        spec_id: SpecId,
        decision: str,
        *,
        epochs_off: int = 0,
        content_hash: bytes | None = None,
    ) -> str:
        thread_id, author, content = spec_id
        thread = self.state.threads.get(thread_id)
        epoch = max(0, (thread.author_epoch if thread else 0) + epochs_off)
        named = content if content_hash is None else content_hash
        return self.act(
            "process_approval",
            lambda state: model_specs.process_approval(
                state, approver, spec_id, named, epoch, decision
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
            decision=decision,
        )

    def expire_spec(self, spec_id: SpecId) -> str:
        thread_id, author, _ = spec_id
        return self.act(
            "expire_spec",
            lambda state: model_specs.expire_spec(state, spec_id),
            None,
            {
                "thread": ("thread", thread_id),
                "spec": ("spec", *spec_id),
                "escrow": ("escrow", *spec_id),
                "author_token": ("token", author),
            },
        )

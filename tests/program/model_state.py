"""What the model knows: accounts as plain values, and a draft of the state an instruction leaves.

Accounts go by names, tuples such as ``("position", thread_id, owner)``, not by addresses; wallets
by the 32 bytes of their key. Amounts are base units, times Unix seconds, lamports lamports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Key = bytes
Name = tuple[Any, ...]
SpecId = tuple[str, Key, bytes]
"""A thread's id, an author, a content hash."""

U16, U32, U64 = (1 << 16) - 1, (1 << 32) - 1, (1 << 64) - 1
NOBODY = bytes(32)

CONFIG: Name = ("config",)
TREASURY: Name = ("treasury",)
TREASURY_VAULT: Name = ("treasury_vault",)

BYTES = {
    "Config": 495,
    "Treasury": 476,
    "proposal to pay": 8 + 1 + 1 + 8 + 32 + 4 + 2 + 3 * 8 + 32 + (1 + 8 + 32),
    **{
        f"proposal of {count} signers": 8 + 1 + 1 + 8 + 32 + 4 + 2 + 3 * 8 + 32 + (6 + 32 * count)
        for count in range(1, 12)
    },
    "Thread": 845,
    "Position": 188,
    "Spec": 221,
    "Message": 227,
    "token": 165,
}
"""Size of each kind of account, in bytes."""


class Refusal(Exception):
    """An instruction refuses; the state stays as it was."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def require(condition: bool, name: str) -> None:
    """Refuses with an error unless a condition holds."""
    if not condition:
        raise Refusal(name)


def sha256(*parts: bytes) -> bytes:
    """sha256 of parts one after another."""
    return hashlib.sha256(b"".join(parts)).digest()


def u64(value: int) -> int:
    """A value that fits into 64 bits; refuses any other."""
    require(0 <= value <= U64, "ArithmeticOverflow")
    return value


@dataclass(frozen=True)
class Params:
    """What the authority may tune."""

    min_stake: int
    min_thread_balance: int
    approval_window: int
    divest_cooldown: int
    inactivity_window: int
    messages_per_hour: int


@dataclass(frozen=True)
class ConfigChange:
    """What the authority may change after the timelock."""

    params: Params
    guardian: Key
    parameter_timelock: int


NO_CHANGE = ConfigChange(Params(0, 0, 0, 0, 0, 0), NOBODY, 0)


@dataclass(frozen=True)
class Config:
    """The settings; ``paused_until`` has a time for each family of instructions."""

    authority: Key
    guardian: Key
    params: Params
    parameter_timelock: int
    pending_authority: Key = NOBODY
    pending: ConfigChange = NO_CHANGE
    pending_at: int = 0
    paused_until: tuple[int, ...] = (0,) * 7


@dataclass(frozen=True)
class Treasury:
    """Who may spend what split stakes pay."""

    threshold: int
    signers: tuple[Key, ...]
    signer_epoch: int = 0
    proposal_count: int = 0


@dataclass(frozen=True)
class Spend:
    """Pays out of the treasury."""

    amount: int
    destination: Name


@dataclass(frozen=True)
class Mint:
    """Makes new tokens."""

    amount: int
    destination: Name


@dataclass(frozen=True)
class SetSigners:
    """Replaces who decides about the treasury."""

    signers: tuple[Key, ...]
    threshold: int


Action = Spend | Mint | SetSigners


def proposal_kind(action: Action) -> str:
    """Kind of account a proposal of an action takes: it is as large as the action needs."""
    if isinstance(action, SetSigners):
        return f"proposal of {len(action.signers)} signers"
    return "proposal to pay"


@dataclass(frozen=True)
class TreasuryProposal:
    """What signers of the treasury vote on; ``approvals`` goes by the signers of the epoch."""

    index: int
    proposer: Key
    action: Action
    signer_epoch: int
    created_at: int
    expires_at: int
    approvals: int = 0
    executed_at: int = 0


@dataclass(frozen=True)
class Thread:
    """A thread; ``reward_per_author`` is what each co-author was ever awarded."""

    thread_id: str
    creator: Key
    privacy: str
    created_at: int
    updated_at: int
    head: bytes
    co_authors: tuple[Key, ...]
    min_balance: int
    divest_cooldown: int
    status: str = "Open"
    author_epoch: int = 0
    pending_specs: int = 0
    balance: int = 0
    total_claimable: int = 0
    total_shares: int = 0
    reward_per_author: int = 0
    message_count: int = 0
    spec_count: int = 0


@dataclass(frozen=True)
class Position:
    """What one wallet has in one thread."""

    thread_id: str
    owner: Key
    rent_payer: Key
    last_action_at: int
    shares: int = 0
    claimable: int = 0
    reward_checkpoint: int = 0
    last_stake_at: int = 0
    window_start: int = 0
    window_count: int = 0


@dataclass(frozen=True)
class Spec:
    """A spec; the bitmaps go by the thread's co-authors of ``author_epoch``.

    ``sequence`` tells one submission of a content from the next.
    """

    thread_id: str
    author: Key
    content_hash: bytes
    stake: int
    author_epoch: int
    submitted_at: int
    expires_at: int
    rent_payer: Key
    sequence: int
    privacy: str
    status: str = "Pending"
    approvals: int = 0
    denials: int = 0
    resolved_at: int = 0

    @property
    def id(self) -> SpecId:
        return self.thread_id, self.author, self.content_hash


@dataclass(frozen=True)
class Message:
    """A recorded message."""

    thread_id: str
    index: int
    author: Key
    rent_payer: Key
    content_hash: bytes
    previous_head: bytes
    privacy: str
    slot: int
    created_at: int


@dataclass(frozen=True)
class State:
    """Everything: never changed, only replaced."""

    now: int
    slot: int
    upgrade_authority: Key
    rent_overhead: int = 128
    lamports_per_byte: int = 6_960
    treasury_mints: bool = False
    """Whether the treasury is the authority of the stake mint."""
    supply: int = 0
    """What the treasury has minted, on top of what there was, base units."""
    config: Config | None = None
    treasury: Treasury | None = None
    threads: Mapping[str, Thread] = field(default_factory=dict)
    positions: Mapping[tuple[str, Key], Position] = field(default_factory=dict)
    specs: Mapping[SpecId, Spec] = field(default_factory=dict)
    messages: Mapping[tuple[str, int], Message] = field(default_factory=dict)
    proposals: Mapping[int, TreasuryProposal] = field(default_factory=dict)
    tokens: Mapping[Name, int] = field(default_factory=dict)
    """What each token account holds; ``("token", owner)`` is a wallet's."""
    lamports: Mapping[Name, int] = field(default_factory=dict)

    def rent(self, size: int) -> int:
        """Lamports that keep an account of a size."""
        return (size + self.rent_overhead) * self.lamports_per_byte


@dataclass(frozen=True)
class Outcome:
    """What an instruction leaves: the state after it, and its events in order."""

    state: State
    events: tuple[tuple[str, dict[str, Any]], ...]


class Draft:
    """The state an instruction is making. Nothing of it counts when the instruction refuses."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.config = state.config
        self.treasury = state.treasury
        self.threads = dict(state.threads)
        self.positions = dict(state.positions)
        self.specs = dict(state.specs)
        self.messages = dict(state.messages)
        self.proposals = dict(state.proposals)
        self.supply = state.supply
        self.tokens = dict(state.tokens)
        self.lamports = dict(state.lamports)
        self.events: list[tuple[str, dict[str, Any]]] = []

    # ---- accounts by type, as Anchor reads them

    def given(self, found: Any, name: Name) -> Any:
        """An account that must exist; refuses as Anchor does when it does not."""
        if found is None:
            empty = not self.lamports.get(name)
            raise Refusal("AccountNotInitialized" if empty else "AccountOwnedByWrongProgram")
        return found

    def settings(self) -> Config:
        """The settings."""
        config: Config = self.given(self.config, CONFIG)
        return config

    def thread(self, thread_id: str) -> Thread:
        """A thread."""
        thread: Thread = self.given(self.threads.get(thread_id), ("thread", thread_id))
        return thread

    def position(self, thread_id: str, owner: Key) -> Position:
        """A position."""
        found = self.positions.get((thread_id, owner))
        position: Position = self.given(found, ("position", thread_id, owner))
        return position

    def spec(self, spec_id: SpecId) -> Spec:
        """A spec."""
        spec: Spec = self.given(self.specs.get(spec_id), ("spec", *spec_id))
        return spec

    def signers(self) -> Treasury:
        """The treasury."""
        treasury: Treasury = self.given(self.treasury, TREASURY)
        return treasury

    def proposal(self, index: int) -> TreasuryProposal:
        """A proposal."""
        found = self.proposals.get(index)
        proposal: TreasuryProposal = self.given(found, ("proposal", index))
        return proposal

    def put(self, *accounts: Thread | Position | Spec | TreasuryProposal) -> None:
        """Writes accounts."""
        for account in accounts:
            if isinstance(account, Thread):
                self.threads[account.thread_id] = account
            elif isinstance(account, Position):
                self.positions[account.thread_id, account.owner] = account
            elif isinstance(account, Spec):
                self.specs[account.id] = account
            else:
                self.proposals[account.index] = account

    # ---- lamports and tokens

    def create(
        self, payer: Name, name: Name, kind: str, exists: bool, taken: str, *reserve: str
    ) -> None:
        """Pays the rent of a new account, as far as nobody has paid it yet.

        ``reserve`` are the kinds of accounts whose rent is put into it besides.
        """
        require(not exists, taken)
        needed = sum(self.state.rent(BYTES[each]) for each in (kind, *reserve))
        self.move_lamports(payer, name, max(0, needed - self.lamports.get(name, 0)))

    def close(self, name: Name, receiver: Key) -> None:
        """Closes an account; all its lamports go to a wallet."""
        kind, key = name[0], name[1:]
        if kind in ("vault", "escrow"):
            require(self.tokens.pop(name) == 0, "TokenNotEmpty")
        elif kind == "spec":
            del self.specs[key]
        elif kind == "position":
            del self.positions[key]
        else:
            del self.proposals[key[0]]
        self.move_lamports(name, ("wallet", receiver), self.lamports[name])

    def move_lamports(self, source: Name, target: Name, amount: int) -> None:
        """Moves lamports; refuses as the system program does."""
        have = self.lamports.get(source, 0)
        require(have >= amount, "InsufficientLamports")
        self.lamports[source] = have - amount
        self.lamports[target] = self.lamports.get(target, 0) + amount

    def create_token(self, payer: Name, name: Name, taken: str) -> None:
        """Makes a token account."""
        self.create(payer, name, "token", name in self.tokens, taken)
        self.tokens[name] = 0

    def own_token(self, owner: Key) -> Name:
        """A wallet's token account."""
        return ("token", owner)

    def require_funds(self, token: Name, amount: int) -> None:
        """Refuses when a token account holds less."""
        require(self.tokens[token] >= amount, "InsufficientFunds")

    def transfer(self, source: Name, target: Name, amount: int) -> None:
        """Moves tokens; refuses as the token program does."""
        if amount == 0:
            return
        require(self.tokens[source] >= amount, "TokenInsufficientFunds")
        require(self.tokens[target] + amount <= U64, "TokenOverflow")
        self.tokens[source] -= amount
        self.tokens[target] += amount

    # ---- the end

    def emit(self, event: str, **fields: Any) -> None:
        """Notes an event; the time is added."""
        self.events.append(
            (event, {**fields, "slot": self.state.slot, "timestamp": self.state.now})
        )

    def done(self) -> Outcome:
        """The state made, and the events."""
        state = replace(
            self.state,
            config=self.config,
            treasury=self.treasury,
            threads=self.threads,
            positions=self.positions,
            specs=self.specs,
            messages=self.messages,
            proposals=self.proposals,
            supply=self.supply,
            tokens=self.tokens,
            lamports=self.lamports,
        )
        return Outcome(state, tuple(self.events))

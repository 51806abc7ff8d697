"""The chain beside the model: runs the same step on both and compares every byte.

An instruction that succeeds must leave exactly the accounts the model says, bit for bit, with the
model's events in order; one that is refused must be refused with the model's error and leave
everything as it was.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from tests.program import model_invariants
from tests.program import model_state as ms
from tests.program.borsh import IDL, decode_account, encode
from tests.program.harness import (
    ERRORS,
    PROGRAM_ID,
    START,
    TOKEN_2022_PROGRAM,
    UPGRADEABLE_LOADER,
    Done,
    Refused,
    World,
    sha256,
)
from tests.program.model_rules import MOST_AUTHORS, MOST_SIGNERS
from tests.program.model_state import Name, Outcome, Refusal, State

FOREIGN = {
    "AccountNotInitialized": 3012,
    "AccountOwnedByWrongProgram": 3007,
    "TokenInsufficientFunds": 1,
    "TokenOverflow": 14,
    "InsufficientLamports": 1,
}
"""Refusals that are not the program's own: Anchor's, the token programs', the system program's."""

CODES = {**FOREIGN, **ERRORS}

_INSTRUCTIONS: dict[str, Any] = {entry["name"]: entry for entry in IDL["instructions"]}
_DISCRIMINATORS = {entry["name"]: bytes(entry["discriminator"]) for entry in IDL["accounts"]}
_NUMBERS = tuple(sorted(ERRORS.items()))

USUAL: dict[str, Name] = {
    "config": ms.CONFIG,
    "treasury": ms.TREASURY,
    "treasury_vault": ms.TREASURY_VAULT,
    "stake_mint": ("mint",),
    "token_program": ("token_program",),
}
"""Accounts that are the same in every instruction."""


@cache
def derived(name: Name) -> tuple[Pubkey, int]:
    """Address and bump of an account of the program."""
    kind = name[0]
    if kind == "program_data":
        return Pubkey.find_program_address([bytes(PROGRAM_ID)], UPGRADEABLE_LOADER)
    seeds: list[bytes] = [b"treasury" if kind == "proposal" else kind.encode()]
    match name:
        case ("thread", thread_id):
            seeds.append(sha256(thread_id))
        case ("vault", thread_id):
            seeds.append(bytes(derived(("thread", thread_id))[0]))
        case ("position", thread_id, owner):
            seeds += [bytes(derived(("thread", thread_id))[0]), owner]
        case ("spec", thread_id, author, content_hash):
            seeds += [bytes(derived(("thread", thread_id))[0]), author, content_hash]
        case ("escrow", *spec_id):
            seeds.append(bytes(derived(("spec", *spec_id))[0]))
        case ("message", thread_id, index):
            seeds += [bytes(derived(("thread", thread_id))[0]), struct.pack("<Q", index)]
        case ("proposal", index):
            seeds.append(struct.pack("<Q", index))
    return Pubkey.find_program_address(seeds, PROGRAM_ID)


@cache
def keypair(number: int) -> Keypair:
    """Key of a numbered wallet."""
    return Keypair.from_seed(sha256(f"wallet {number}"))


UNTRIED = "untried"
"""Of an instruction behind one that was refused in the same transaction."""


@dataclass
class Batch:
    """Instructions of one transaction, and what the model makes of them."""

    before: State
    instructions: list[Instruction]
    signers: dict[bytes, None]
    names: dict[Name, None]
    events: list[tuple[str, dict[str, Any]]]
    done: list[str]
    """Names of the instructions the model did."""
    refused: tuple[str, str] | None = None
    """The first one it refused, and how."""


class Mirror:
    """A chain and a model of it, from the moment the program is deployed."""

    def __init__(
        self,
        token_program: Pubkey,
        holdings: list[int],
        *,
        treasury_mints: bool = False,
        world: World | None = None,
    ) -> None:
        """Deploys the program; wallet ``i`` holds ``holdings[i]`` base units of the stake mint.

        ``treasury_mints`` gives the treasury the mint. ``world`` is the chain to do it on, new.
        """
        # The harness's default keeps every transaction; thousands of steps need none of them.
        self.world = world or World(token_program, svm=LiteSVM().with_transaction_history(0))
        self.world.set_time(START)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.settled: Counter[tuple[str, int]] = Counter()
        """How often specs were settled, by outcome and number of co-authors."""
        self.steps = 0
        self.keys: dict[bytes, Keypair] = {}
        self.minted = 0
        self.ledger = model_invariants.Ledger()
        self._batch: Batch | None = None
        self._seen: dict[Name, tuple[object, bytes]] = {}
        lamports, tokens = {}, {}
        everybody = [self.world.authority, *(keypair(i) for i in range(len(holdings)))]
        for signer, amount in zip(everybody, [0, *holdings], strict=True):
            key = bytes(signer.pubkey())
            self.keys[key] = signer
            self.world.svm.airdrop(signer.pubkey(), 10**11)
            name: Name = ("token", key)
            self.world.put(self.address(name), self._token_bytes(name, amount), token_program)
            lamports["wallet", key] = self.world.lamports(signer.pubkey())
            tokens[name] = amount
            self.minted += amount
            lamports[name] = self.world.lamports(self.address(name))
        self.wallets = list(self.keys)[1:]
        clock = self.world.svm.get_clock()
        self.state = State(
            now=clock.unix_timestamp,
            slot=clock.slot,
            upgrade_authority=bytes(self.world.authority.pubkey()),
            tokens=tokens,
            lamports=lamports,
            treasury_mints=treasury_mints,
        )
        if treasury_mints:
            mint = bytearray(self.world.data(self.world.mint))
            mint[4:36] = bytes(derived(ms.TREASURY)[0])
            self.world.put(self.world.mint, bytes(mint), token_program)
        assert self.state.rent(1) == self.world.svm.minimum_balance_for_rent_exemption(1)
        self.compare()

    # ---- names and bytes

    def address(self, name: Name) -> Pubkey:
        """Address of anything the model names."""
        match name:
            case ("wallet", key):
                return Pubkey.from_bytes(key)
            case ("token", key):
                return Pubkey.from_bytes(sha256(b"token of " + key))
            case ("mint",):
                return self.world.mint
            case ("token_program",):
                return self.world.token_program
            case ("system_program",):
                return SYSTEM_PROGRAM
            case ("program",):
                return PROGRAM_ID
            case ("event_authority",):
                return derived(("__event_authority",))[0]
        return derived(name)[0]

    def _plain(self, value: Any) -> Any:
        """A model's value in the chain's terms: names become addresses."""
        if isinstance(value, (ms.Params, ms.ConfigChange)):
            return asdict(value)
        if isinstance(value, (ms.Spend, ms.Mint, ms.SetSigners)):
            fields = {key: self._plain(item) for key, item in vars(value).items()}
            return {type(value).__name__: fields}
        if isinstance(value, tuple) and value and isinstance(value[0], str):
            return bytes(self.address(value))
        return value

    def _token_bytes(self, name: Name, amount: int) -> bytes:
        owner: Name
        match name:
            case ("token", key):
                owner = ("wallet", key)
            case ("vault", thread_id):
                owner = ("thread", thread_id)
            case ("escrow", *spec_id):
                owner = ("spec", *spec_id)
            case _:
                owner = ms.TREASURY
        head = bytes(self.world.mint) + bytes(self.address(owner)) + struct.pack("<Q", amount)
        data = head + bytes(36) + b"\x01" + bytes(56)
        if name[0] == "token" and self.world.token_program == TOKEN_2022_PROGRAM:
            # as every associated account of Token-2022: an account whose owner never changes
            data += struct.pack("<BHH", 2, 7, 0)
        return data

    def fields(self, name: Name, value: Any) -> tuple[str, dict[str, Any]]:
        """Kind and fields of an account as the IDL has them."""
        kind = type(value).__name__
        fields = {key: self._plain(item) for key, item in vars(value).items()}
        fields |= {"version": 1, "bump": derived(name)[1], "reserved": bytes(64)}
        thread_id = fields.get("thread_id", "")
        if kind in ("Position", "Spec", "Message", "TreasuryProposal"):
            fields["thread"] = bytes(derived(("thread", thread_id))[0])
            fields["reserved"] = bytes(32)
        if kind == "Thread":
            vault, bump = derived(("vault", thread_id))
            fields |= {"vault": bytes(vault), "vault_bump": bump}
        elif kind == "Spec":
            fields["escrow_bump"] = derived(("escrow", *value.id))[1]
        elif kind == "Treasury":
            vault, bump = derived(ms.TREASURY_VAULT)
            fields |= {"vault": bytes(vault), "vault_bump": bump}
        elif kind == "Config":
            fields |= {
                "stake_mint": bytes(self.world.mint),
                "token_program": bytes(self.world.token_program),
                "treasury": bytes(derived(ms.TREASURY)[0]),
                "treasury_vault": bytes(derived(ms.TREASURY_VAULT)[0]),
                "mint_decimals": 6,
            }
        return kind, fields

    def account_bytes(self, name: Name, value: Any) -> bytes:
        """An account's data as the chain must have it."""
        seen = self._seen.get(name)
        if seen is not None and seen[0] is value:
            return seen[1]
        kind, fields = self.fields(name, value)
        data = _DISCRIMINATORS[kind] + encode({"defined": {"name": kind}}, fields)
        if isinstance(value, ms.TreasuryProposal):
            kind = ms.proposal_kind(value.action)
        data += bytes(ms.BYTES[kind] - len(data))
        self._seen[name] = (value, data)
        return data

    @staticmethod
    def accounts(state: State) -> dict[Name, Any]:
        """Every account of the program in a state."""
        found: dict[Name, Any] = {}
        if state.config is not None:
            found[ms.CONFIG] = state.config
        if state.treasury is not None:
            found[ms.TREASURY] = state.treasury
        found |= {("thread", key): value for key, value in state.threads.items()}
        found |= {("position", *key): value for key, value in state.positions.items()}
        found |= {("spec", *key): value for key, value in state.specs.items()}
        found |= {("message", *key): value for key, value in state.messages.items()}
        found |= {("proposal", key): value for key, value in state.proposals.items()}
        return found

    # ---- comparing

    def compare(self) -> None:
        """Every account, balance and lamport of the chain against the model's, and the sums."""
        model_invariants.check(self.state)
        self._compare_sums()
        known = self.accounts(self.state)
        for name in self.state.lamports:
            self._compare_account(name, known.get(name))
        missing = (known.keys() | self.state.tokens.keys()) - self.state.lamports.keys()
        assert not missing, f"accounts without lamports: {missing}"

    def _compare_sums(self) -> None:
        held = sum(self.state.tokens.values())
        minted = self.minted + self.state.supply
        assert held == minted, f"{held - minted} base units too many"
        self.ledger.check(self.state)

    def _compare_account(self, name: Name, value: Any) -> None:
        """One account, what it holds, whose it is, and its lamports."""
        state = self.state
        if name[0] in ("wallet", "program_data") and name not in state.lamports:
            return
        account = self.world.svm.get_account(self.address(name))
        found, lamports = account.lamports if account else 0, state.lamports.get(name, 0)
        # The upgrade authority pays every fee: of it, the data alone is compared.
        if name != ("wallet", state.upgrade_authority):
            assert found == lamports, f"{name} has {found} lamports, not {lamports}"
        data, owner = b"", SYSTEM_PROGRAM
        if value is not None:
            data, owner = self.account_bytes(name, value), PROGRAM_ID
        elif name in state.tokens:
            data, owner = self._token_bytes(name, state.tokens[name]), self.world.token_program
        have = bytes(account.data) if account else b""
        assert len(have) == len(data), f"{name} has {len(have)} bytes, not {len(data)}"
        assert have[: self._meaning(value, data)] == data[: self._meaning(value, data)], (
            self._difference(name, have)
        )
        assert account is None or account.owner == owner, f"{name} belongs to {account.owner}"

    def _compare_step(self, before: State, names: dict[Name, None]) -> None:
        """The accounts a transaction names, and those the model changed.

        A transaction changes nothing but accounts it names: with those compared, all are.
        """
        after = self.state
        known, old = self.accounts(after), self.accounts(before)
        changed = dict(names)
        changed |= {name: None for name in known if old.get(name) is not known[name]}
        changed |= {name: None for name in old if name not in known}
        for was, now in ((before.tokens, after.tokens), (before.lamports, after.lamports)):
            if was is not now:
                changed |= {name: None for name in now if was.get(name) != now[name]}
        for name in changed:
            if name not in (("mint",), ("token_program",)):
                self._compare_account(name, known.get(name))
        threads = {
            name[1]: None for name in changed if name[0] in ("thread", "vault", "position", "spec")
        }
        model_invariants.check(after, [name for name in threads if name in after.threads])
        self._compare_sums()
        if ("mint",) in names:
            (supply,) = struct.unpack_from("<Q", self.world.data(self.world.mint), 36)
            assert supply == after.supply, f"the supply is {supply}, not {after.supply}"

    @staticmethod
    def _meaning(value: Any, data: bytes) -> int:
        """How many bytes of an account mean something: a list at its end may have been longer."""
        if isinstance(value, ms.Thread):
            id_length = len(value.thread_id.encode())
            return len(data) - 32 * (MOST_AUTHORS - len(value.co_authors)) - (64 - id_length)
        if isinstance(value, ms.Treasury):
            return len(data) - 32 * (MOST_SIGNERS - len(value.signers))
        return len(data)

    def _difference(self, name: Name, have: bytes) -> str:
        value = self.accounts(self.state).get(name)
        if value is None or not have:
            return f"{name} is {have.hex() or 'missing'}, the model says {value}"
        kind, fields = self.fields(name, value)
        chain = decode_account(kind, have)
        wrong = {
            key: (item, fields[key])
            for key, item in chain.items()
            if _comparable(item) != _comparable(fields[key])
        }
        return f"{name} differs, chain and model: {wrong}"

    # ---- stepping

    def instruction(
        self, name: str, accounts: dict[str, Name | None], arguments: dict[str, Any]
    ) -> Instruction:
        """An instruction of the IDL, with accounts by the model's names; None leaves one out."""
        entry = _INSTRUCTIONS[name]
        assert accounts.keys() <= {slot["name"] for slot in entry["accounts"]}, (name, accounts)
        metas = []
        for slot in entry["accounts"]:
            account = accounts.get(slot["name"], USUAL.get(slot["name"], (slot["name"],)))
            key = PROGRAM_ID if account is None else self.address(account)
            writable = slot.get("writable", False) and account is not None
            metas.append(AccountMeta(key, slot.get("signer", False), writable))
        data = b"".join(
            encode(argument["type"], self._plain(arguments[argument["name"]]))
            for argument in entry["args"]
        )
        return Instruction(PROGRAM_ID, bytes(entry["discriminator"]) + data, metas)

    def act(
        self,
        name: str,
        transition: Callable[[State], Outcome],
        signer: bytes | None,
        accounts: dict[str, Name | None],
        **arguments: Any,
    ) -> str:
        """Runs an instruction on both sides; returns ``"done"``, the name of the refusal, or
        :data:`UNTRIED` behind a refused one of the same transaction."""
        instruction = self.instruction(name, accounts, arguments)
        named = {
            account: None
            for slot in _INSTRUCTIONS[name]["accounts"]
            if (account := accounts.get(slot["name"], USUAL.get(slot["name"]))) is not None
        }
        return self._act(name, transition, signer, instruction, named)

    def pay_lamports(self, payer: bytes, name: Name, amount: int) -> str:
        """A wallet sends lamports to an address, in use or not."""

        def transition(state: State) -> Outcome:
            draft = ms.Draft(state)
            draft.move_lamports(("wallet", payer), name, amount)
            return draft.done()

        source: Name = ("wallet", payer)
        instruction = transfer(
            TransferParams(
                from_pubkey=self.address(source), to_pubkey=self.address(name), lamports=amount
            )
        )
        return self._act("pay", transition, payer, instruction, {source: None, name: None})

    @property
    def busy(self) -> bool:
        """Whether a transaction is being made."""
        return self._batch is not None

    def together(self, *steps: Callable[[], object]) -> str:
        """Steps as instructions of one transaction, which succeed together or not at all.

        Each is made when those before it have changed the model. Returns ``"done"`` or the first
        refusal.
        """
        assert self._batch is None
        batch = self._batch = Batch(self.state, [], {}, {}, [], [])
        try:
            for step in steps:
                step()
        finally:
            self._batch = None
        after, self.state = self.state, batch.before
        return self._send(f"together ({len(steps)})", batch, after)

    def _act(
        self,
        name: str,
        transition: Callable[[State], Outcome],
        signer: bytes | None,
        instruction: Instruction,
        named: dict[Name, None],
    ) -> str:
        self.steps += 1
        alone = self._batch is None
        batch = self._batch or Batch(self.state, [], {}, {}, [], [])
        batch.instructions.append(instruction)
        batch.names |= named
        if signer is not None:
            batch.signers[signer] = None
        if batch.refused is not None:
            return UNTRIED
        after = self.state
        try:
            outcome = transition(self.state)
            model_invariants.check_step(self.state, outcome)
            after = outcome.state
            batch.events += outcome.events
            batch.done.append(name)
        except Refusal as refusal:
            batch.refused = (name, refusal.name)
        if alone:
            return self._send(name, batch, after)
        self.state = after
        return "done" if batch.refused is None else batch.refused[1]

    def _send(self, what: str, batch: Batch, after: State) -> str:
        """Sends a transaction of which the model says the result and the state after it."""
        expected = "done" if batch.refused is None else batch.refused[1]
        found = self._attempt(batch)
        if isinstance(found, Refused):
            assert expected != "done", f"{what}: the model does it, the program refuses: {found}"
            assert found.code == CODES[expected], (
                f"{what}: the model refuses with {expected}, the program with {_named(found.code)}:"
                f" {found}"
            )
        else:
            assert expected == "done", f"{what}: the model refuses with {expected}; it went through"
            self._note(batch, found)
            self.state = after
            self.counts.update((name, "done") for name in batch.done)
        if batch.refused is not None:
            self.counts[batch.refused] += 1
        self._compare_step(batch.before, batch.names)
        return expected

    def _attempt(self, batch: Batch) -> Done | Refused:
        signers = tuple(self.keys[signer] for signer in batch.signers)
        try:
            return self.world.send(*batch.instructions, signers=signers)
        except Refused as refused:
            return refused

    def _note(self, batch: Batch, done: Done) -> None:
        """Compares the events of a transaction, and counts what they say."""
        assert [(kind, _comparable(fields)) for kind, fields in done.events] == [
            (kind, {key: _comparable(self._plain(item)) for key, item in fields.items()})
            for kind, fields in batch.events
        ]
        for kind, fields in batch.events:
            self.ledger.note(kind, fields)
            if kind == "SpecSettled":
                seats = len(batch.before.threads[fields["thread"][1]].co_authors)
                self.settled[fields["outcome"], seats] += 1

    # ---- the world around

    def set_time(self, now: int) -> None:
        """Moves both clocks."""
        self.steps += 1
        self.world.set_time(now)
        self.state = replace(self.state, now=now, slot=self.world.svm.get_clock().slot)

    def donate(self, token: Name, amount: int) -> None:
        """A stranger sends tokens to a token account."""
        self.steps += 1
        self.minted += amount
        self.ledger.sent += amount
        held = self.state.tokens[token] + amount
        self._set(token, self._token_bytes(token, held), self.world.token_program)
        self.state = replace(self.state, tokens={**self.state.tokens, token: held})
        self._compare_account(token, None)
        self._compare_sums()

    def send_lamports(self, name: Name, amount: int) -> None:
        """A stranger sends lamports to an address, whether it is in use or not."""
        self.steps += 1
        lamports = self.state.lamports.get(name, 0) + amount
        key = self.address(name)
        account = self.world.svm.get_account(key)
        data = bytes(account.data) if account else b""
        owner = account.owner if account else SYSTEM_PROGRAM
        self.world.svm.set_account(key, Account(lamports, data, owner))
        self.state = replace(self.state, lamports={**self.state.lamports, name: lamports})
        self._compare_account(name, self.accounts(self.state).get(name))

    def leave_lamports(self, key: bytes, amount: int) -> None:
        """A wallet spends its lamports elsewhere, but for an amount."""
        name: Name = ("wallet", key)
        self.world.svm.set_account(self.address(name), Account(amount, b"", SYSTEM_PROGRAM))
        self.state = replace(self.state, lamports={**self.state.lamports, name: amount})
        self._compare_account(name, None)

    def _set(self, name: Name, data: bytes, owner: Pubkey) -> None:
        lamports = self.state.lamports[name]
        self.world.svm.set_account(self.address(name), Account(lamports, data, owner))


def _comparable(value: Any) -> Any:
    """A value with keys and byte arrays as bytes, and sequences as lists."""
    if isinstance(value, Pubkey):
        return bytes(value)
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_comparable(item) for item in value]
    return value


def _named(code: int | None) -> str:
    names = [name for name, number in _NUMBERS if number == code]
    return names[0] if names else str(code)

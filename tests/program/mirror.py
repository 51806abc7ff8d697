"""The chain beside the model: runs the same step on both and compares every byte.

An instruction that succeeds must leave exactly the accounts the model says, bit for bit, with the
model's events in order; one that is refused must be refused with the model's error and leave
everything as it was.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
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


@cache
def derived(name: Name) -> tuple[Pubkey, int]:
    """Address and bump of an account of the program."""
    kind = name[0]
    if kind == "program_data":
        return Pubkey.find_program_address([bytes(PROGRAM_ID)], UPGRADEABLE_LOADER)
    seeds: list[bytes] = [kind.encode()]
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
    return Pubkey.find_program_address(seeds, PROGRAM_ID)


@cache
def keypair(number: int) -> Keypair:
    """Key of a numbered wallet."""
    return Keypair.from_seed(sha256(f"wallet {number}"))


class Mirror:
    """A chain and a model of it, from the moment the program is deployed."""

    def __init__(self, token_program: Pubkey, holdings: list[int]) -> None:
        """Deploys the program; wallet ``i`` holds ``holdings[i]`` base units of the stake mint."""
        # The harness's default keeps every transaction; thousands of steps need none of them.
        self.world = World(token_program, svm=LiteSVM().with_transaction_history(0))
        self.world.set_time(START)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.settled: Counter[tuple[str, int]] = Counter()
        """How often specs were settled, by outcome and number of co-authors."""
        self.steps = 0
        self.keys: dict[bytes, Keypair] = {}
        self.minted = 0
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
        )
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
        if isinstance(value, ms.Params):
            return asdict(value)
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
        if kind in ("Position", "Spec", "Message"):
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
        return found

    # ---- comparing

    def compare(self) -> None:
        """Every account, balance and lamport of the chain against the model's, and the sums."""
        state, held = self.state, 0
        model_invariants.check(state)
        expected: dict[Name, tuple[bytes, Pubkey]] = {
            name: (self.account_bytes(name, value), PROGRAM_ID)
            for name, value in self.accounts(state).items()
        }
        for name, amount in state.tokens.items():
            expected[name] = (self._token_bytes(name, amount), self.world.token_program)
            held += amount
        assert held == self.minted, f"{held - self.minted} base units too many"
        payer = ("wallet", state.upgrade_authority)
        for name, lamports in state.lamports.items():
            if name == payer:  # pays every fee; compared as data only
                continue
            account = self.world.svm.get_account(self.address(name))
            found = account.lamports if account else 0
            assert found == lamports, f"{name} has {found} lamports, not {lamports}"
            data, owner = expected.pop(name, (b"", SYSTEM_PROGRAM))
            have = bytes(account.data) if account else b""
            assert have == data, self._difference(name, have)
            assert account is None or account.owner == owner, f"{name} belongs to {account.owner}"
        assert not expected, f"accounts without lamports: {list(expected)}"

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
        self, name: str, accounts: dict[str, Name], arguments: dict[str, Any]
    ) -> Instruction:
        """An instruction of the IDL, with accounts by the model's names."""
        entry = _INSTRUCTIONS[name]
        usual: dict[str, Name] = {"stake_mint": ("mint",)}
        metas = [
            AccountMeta(
                self.address(accounts.get(slot["name"], usual.get(slot["name"], (slot["name"],)))),
                slot.get("signer", False),
                slot.get("writable", False),
            )
            for slot in entry["accounts"]
        ]
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
        accounts: dict[str, Name],
        **arguments: Any,
    ) -> str:
        """Runs an instruction on both sides; returns ``"done"`` or the name of the refusal."""
        self.steps += 1
        instruction = self.instruction(name, accounts, arguments)
        try:
            outcome: Outcome | None = transition(self.state)
            result = "done"
        except Refusal as refusal:
            outcome, result = None, refusal.name
        found = self._send(instruction, signer)
        if isinstance(found, Refused):
            assert outcome is None, f"{name}: the model does it, the program refuses: {found}"
            assert found.code == CODES[result], (
                f"{name}: the model refuses with {result}, the program with {_named(found.code)}:"
                f" {found}"
            )
        else:
            assert outcome is not None, f"{name}: the model refuses with {result}; it went through"
            for kind, fields in outcome.events:
                if kind == "SpecSettled":
                    seats = len(self.state.threads[fields["thread"][1]].co_authors)
                    self.settled[fields["outcome"], seats] += 1
            self.state = outcome.state
            assert [(kind, _comparable(fields)) for kind, fields in found.events] == [
                (kind, {key: _comparable(self._plain(item)) for key, item in fields.items()})
                for kind, fields in outcome.events
            ]
        self.counts[name, result] += 1
        self.compare()
        self._require_absent(accounts)
        return result

    def _send(self, instruction: Instruction, signer: bytes | None) -> Done | Refused:
        try:
            return self.world.send(instruction, signers=(self.keys[signer],) if signer else ())
        except Refused as refused:
            return refused

    def _require_absent(self, accounts: dict[str, Name]) -> None:
        """Accounts that a step named and the model does not know must not exist."""
        for name in accounts.values():
            if name not in self.state.lamports and name[0] not in ("wallet", "program_data"):
                account = self.world.svm.get_account(self.address(name))
                assert account is None or account.lamports == 0, f"{name} was made"

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
        held = self.state.tokens[token] + amount
        self._set(token, self._token_bytes(token, held), self.world.token_program)
        self.state = replace(self.state, tokens={**self.state.tokens, token: held})
        self.compare()

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
        self.compare()

    def leave_lamports(self, key: bytes, amount: int) -> None:
        """A wallet spends its lamports elsewhere, but for an amount."""
        name: Name = ("wallet", key)
        self.world.svm.set_account(self.address(name), Account(amount, b"", SYSTEM_PROGRAM))
        self.state = replace(self.state, lamports={**self.state.lamports, name: amount})
        self.compare()

    def pause(self, bits: int, until: int) -> None:
        """Pauses families of instructions until a time."""
        assert self.state.config is not None
        config = replace(self.state.config, pause_bits=bits, paused_until=until)
        self.world.pause(bits, until)
        self.steps += 1
        lamports = {**self.state.lamports, ms.CONFIG: self.world.lamports(self.world.config)}
        self.state = replace(self.state, config=config, lamports=lamports)
        self.compare()

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

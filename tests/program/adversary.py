"""Wrong accounts for every slot of an instruction, from the IDL and from what is on the chain.

An honest instruction is taken apart into its slots; each is then filled with what an attacker
might give instead. All attacks on one instruction meet the same chain: a refused one changes
nothing, and what one that is let through did is undone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata
from tests.program.borsh import IDL
from tests.program.harness import (
    PROGRAM_ID,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    UPGRADEABLE_LOADER,
    Wallet,
    World,
    sha256,
)

_SLOTS: dict[str, list[dict[str, Any]]] = {
    entry["name"]: entry["accounts"] for entry in IDL["instructions"]
}
_KINDS = {bytes(entry["discriminator"]): entry["name"] for entry in IDL["accounts"]}
_PROGRAMS = (PROGRAM_ID, SYSTEM_PROGRAM, TOKEN_PROGRAM, TOKEN_2022_PROGRAM)


class Captured(Exception):
    """An instruction was about to be sent by a world that captures."""

    def __init__(self, instruction: Instruction) -> None:
        super().__init__()
        self.instruction = instruction


class CapturingWorld(World):
    """A world that can hand out what it would send, and knows every account it has met."""

    capturing = False
    payer: Keypair
    known: dict[Pubkey, None]
    signers: dict[Pubkey, Keypair]

    def __post_init__(self) -> None:
        self.known, self.signers = {}, {}
        self.payer = Keypair.from_seed(sha256("the adversary's payer"))
        super().__post_init__()
        self.svm.airdrop(self.payer.pubkey(), 10**12)
        self.signers[self.authority.pubkey()] = self.authority

    def send(self, *instructions: Instruction, signers: tuple[Keypair, ...] = ()) -> Any:
        self.signers |= {signer.pubkey(): signer for signer in signers}
        if self.capturing:
            raise Captured(instructions[0])
        self.known |= dict.fromkeys(meta.pubkey for call in instructions for meta in call.accounts)
        return super().send(*instructions, signers=signers)

    def wallet(self, amount: int = 10**9) -> Wallet:
        made = super().wallet(amount)
        self.signers[made.key] = made.keypair
        self.known |= {made.key: None, made.token: None}
        return made

    def captured(self, send: Callable[[], object]) -> Instruction:
        """The instruction that would be sent."""
        self.capturing = True
        try:
            send()
        except Captured as captured:
            return captured.instruction
        finally:
            self.capturing = False
        raise AssertionError("nothing was sent")

    def attempt(self, *instructions: Instruction) -> bool:
        """Sends one transaction, with the signatures it asks for; whether it went through."""
        message = Message(list(instructions), self.payer.pubkey())
        needed = message.account_keys[: message.header.num_required_signatures]
        keys = [self.payer, *(self.signers[key] for key in needed[1:])]
        result = self.svm.send_transaction(Transaction(keys, message, self.svm.latest_blockhash()))
        self.svm.expire_blockhash()
        return not isinstance(result, FailedTransactionMetadata)

    def snapshot(self, instruction: Instruction) -> dict[Pubkey, tuple[int, bytes, Pubkey]]:
        """Every account met so far, and those of an instruction."""
        keys = {**self.known, **dict.fromkeys(meta.pubkey for meta in instruction.accounts)}
        accounts = {key: self.svm.get_account(key) for key in keys}
        return {
            key: (account.lamports, bytes(account.data), account.owner)
            for key, account in accounts.items()
            if account is not None and account.lamports > 0
        }

    def restore(self, before: dict[Pubkey, tuple[int, bytes, Pubkey]], call: Instruction) -> None:
        """Undoes an instruction."""
        for key in {**before, **self.snapshot(call)}:
            account = self.svm.get_account(key)
            if account is None or not account.executable:
                lamports, data, owner = before.get(key, (0, b"", SYSTEM_PROGRAM))
                self.svm.set_account(key, Account(lamports, data, owner))


@dataclass(frozen=True)
class Attack:
    """One way to fill one slot wrongly."""

    slot: str
    what: str
    instruction: Instruction

    def __str__(self) -> str:
        return f"{self.slot}: {self.what}"


@dataclass
class Adversary:
    """Makes the attacks on one honest instruction."""

    world: CapturingWorld
    name: str
    honest: Instruction
    _fresh: int = field(default=0)

    @cached_property
    def _seeds(self) -> dict[Pubkey, list[bytes]]:
        """Seeds of the program's addresses, of all that what is known can be put into."""
        known = {*self.world.known, *(meta.pubkey for meta in self.honest.accounts)}
        by_kind: dict[str | None, list[bytes]] = {}
        for key in known:
            by_kind.setdefault(self._kind(key), []).append(bytes(key))
        wallets, threads = by_kind.get("wallet", []), by_kind.get("Thread", [])
        absent = by_kind.get(None, [])
        numbers = [struct.pack("<Q", number) for number in range(12)]
        hashes = [sha256("new"), bytes(self.honest.data)[8:40].ljust(32)]
        for key in known:
            if self._kind(key) == "Spec":
                hashes.append(self.world.read("Spec", key)["content_hash"])
            elif self._kind(key) == "Thread":
                hashes.append(sha256(self.world.read("Thread", key)["thread_id"]))
        seeds = [[b"config"], [b"treasury"], [b"treasury_vault"], [b"__event_authority"]]
        seeds += [[b"treasury", number] for number in numbers]
        seeds += [[b"thread", name] for name in hashes]
        seeds += [[b"vault", thread] for thread in threads + absent]
        seeds += [[b"escrow", spec] for spec in by_kind.get("Spec", []) + absent]
        for thread in threads + absent:
            seeds += [[b"message", thread, number] for number in numbers]
            seeds += [[b"position", thread, wallet] for wallet in wallets]
        for thread in threads:
            for wallet in wallets:
                seeds += [[b"spec", thread, wallet, content] for content in set(hashes)]
        found = {Pubkey.find_program_address(each, PROGRAM_ID)[0]: each for each in seeds}
        return {key: each for key, each in found.items() if key in known}

    @staticmethod
    def _under_another_bump(seeds: list[bytes]) -> Pubkey:
        bump = Pubkey.find_program_address(seeds, PROGRAM_ID)[1]
        while True:
            bump -= 1
            with suppress(Exception):  # no public name: the address is on the curve
                return Pubkey.create_program_address([*seeds, bytes([bump])], PROGRAM_ID)

    def attacks(self) -> Iterator[Attack]:
        """All of them."""
        for place, slot in enumerate(_SLOTS[self.name]):
            for what, meta in self._wrong(place, slot):
                metas = list(self.honest.accounts)
                metas[place] = meta
                call = Instruction(PROGRAM_ID, self.honest.data, metas)
                yield Attack(slot["name"], what, call)

    def _wrong(self, place: int, slot: dict[str, Any]) -> Iterator[tuple[str, AccountMeta]]:
        honest = self.honest.accounts[place]
        key, signs, writes = honest.pubkey, honest.is_signer, honest.is_writable
        if slot.get("signer"):
            yield "missing signature", AccountMeta(key, False, writes)
        if slot.get("writable"):
            yield "not writable", AccountMeta(key, signs, False)
        for what, other in self._others(key):
            if other != key and (not signs or other in self.world.signers):
                yield what, AccountMeta(other, signs, writes)
        if slot["name"] in ("vault", "escrow", "treasury_vault") and self._kind(key) is not None:
            # Anybody can make a token account for any owner, also for an address of the program.
            account = self.world.svm.get_account(key)
            assert account is not None
            twin = self._put(bytes(account.data), account.owner)
            yield "another token account of the same owner", AccountMeta(twin, signs, writes)
        if key in self._seeds:
            twin = self._under_another_bump(self._seeds[key])
            yield "the same seeds under another bump", AccountMeta(twin, signs, writes)

    def _others(self, key: Pubkey) -> Iterator[tuple[str, Pubkey]]:
        """What else the slot may be filled with."""
        for meta, slot in zip(self.honest.accounts, _SLOTS[self.name], strict=True):
            yield f"duplicate of {slot['name']}", meta.pubkey
        yield "an address without an account", self._address()
        kind = self._kind(key)
        for other in list(self.world.known):
            if kind is not None and self._kind(other) == kind:
                yield f"another {kind}: {other}", other
        if kind == "program":
            for program in (*_PROGRAMS, self._program_impostor()):
                yield f"another program: {program}", program
        elif kind not in (None, "wallet"):
            yield from self._copies(key)

    def _copies(self, key: Pubkey) -> Iterator[tuple[str, Pubkey]]:
        """Accounts with the same data that other programs own, and of other mints."""
        account = self.world.svm.get_account(key)
        assert account is not None
        stranger = Pubkey.from_bytes(sha256("a stranger's program"))
        for owner in (SYSTEM_PROGRAM, stranger, TOKEN_PROGRAM, TOKEN_2022_PROGRAM, PROGRAM_ID):
            real = owner == account.owner
            if real:  # only the owner writes such data, so that a copy of it cannot be
                continue
            yield f"a copy owned by {owner}", self._put(bytes(account.data), owner)
        if self._kind(key) == "token account":
            data = bytearray(account.data)
            data[:32] = bytes(self.world.create_mint())
            yield "of another mint", self._put(bytes(data), account.owner)
            data[:32], data[32:64] = bytes(self.world.mint), bytes(self.world.payer.pubkey())
            yield "of another owner", self._put(bytes(data), account.owner)
        elif self._kind(key) == "mint":
            yield "another mint", self.world.create_mint()

    def _kind(self, key: Pubkey) -> str | None:
        """What an account is; None when there is none."""
        account = self.world.svm.get_account(key)
        if account is None or account.lamports == 0:
            return None
        if account.executable or key in _PROGRAMS:
            return "program"
        if account.owner == PROGRAM_ID:
            return _KINDS.get(bytes(account.data)[:8])
        if account.owner == UPGRADEABLE_LOADER:
            return "program data"
        if account.owner in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
            return "token account" if len(account.data) == 165 else "mint"
        return "wallet"

    def _address(self) -> Pubkey:
        self._fresh += 1
        return Pubkey.from_bytes(sha256(f"{self.name} impostor {self._fresh}"))

    def _put(self, data: bytes, owner: Pubkey) -> Pubkey:
        key = self._address()
        self.world.put(key, data, owner)
        return key

    def _program_impostor(self) -> Pubkey:
        """A program of the attacker's: this one's object at another address."""
        key = self._address()
        account = self.world.svm.get_account(PROGRAM_ID)
        assert account is not None
        self.world.svm.set_account(
            key, Account(account.lamports, account.data, account.owner, True)
        )
        return key

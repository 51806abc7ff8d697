"""What a new localnet starts with: keys, programs, the stake mint, accounts loaded from files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from choir.localnet import tokens
from choir.localnet.model import (
    LAMPORTS_PER_SOL,
    SYSTEM_PROGRAM,
    TOKEN_PROGRAM,
    UPGRADEABLE_LOADER,
    AccountState,
)
from choir.localnet.settings import ProgramFile, Settings, SettingsError

# Tag, slot, option tag and authority come before the object in a program data account.
PROGRAM_DATA_HEADER = 45
NATIVE_MINT = Pubkey.from_string("So11111111111111111111111111111111111111112")
FAUCET_LAMPORTS = 500_000_000 * LAMPORTS_PER_SOL

SYSVARS = frozenset(
    Pubkey.from_string(address)
    for address in (
        "SysvarC1ock11111111111111111111111111111111",
        "SysvarRent111111111111111111111111111111111",
        "SysvarS1otHashes111111111111111111111111111",
        "SysvarS1otHistory11111111111111111111111111",
        "SysvarRecentB1ockHashes11111111111111111111",
        "SysvarEpochSchedu1e111111111111111111111111",
        "SysvarEpochRewards1111111111111111111111111",
        "SysvarStakeHistory1111111111111111111111111",
        "SysvarLastRestartS1ot1111111111111111111111",
        "SysvarFees111111111111111111111111111111111",
        "Sysvar1nstructions1111111111111111111111111",
    )
)
# What LiteSVM itself brings along: native programs and the bundled SPL programs.
RUNTIME_ACCOUNTS = tuple(
    Pubkey.from_string(address)
    for address in (
        "11111111111111111111111111111111",
        "Vote111111111111111111111111111111111111111",
        "Stake11111111111111111111111111111111111111",
        "Config1111111111111111111111111111111111111",
        "BPFLoader1111111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
        "LoaderV411111111111111111111111111111111111",
        "ComputeBudget111111111111111111111111111111",
        "AddressLookupTab1e1111111111111111111111111",
        "ZkTokenProof1111111111111111111111111111111",
        "ZkE1Gama1Proof11111111111111111111111111111",
        "Ed25519SigVerify111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "Secp256r1SigVerify1111111111111111111111111",
        "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
        "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
        "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL",
        "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
        "Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo",
    )
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keypairs a localnet holds: they sign nothing but test money and test upgrades."""

    identity: Keypair
    faucet: Keypair
    mint_authority: Keypair
    stake_mint: Keypair
    upgrade_authority: Keypair

    def addresses(self) -> dict[str, str]:
        """The public keys, by name."""
        return {name: str(getattr(self, name).pubkey()) for name in _KEY_FILES}


_KEY_FILES = {
    "identity": "identity.json",
    "faucet": "faucet.json",
    "mint_authority": "mint-authority.json",
    "stake_mint": "stake-mint.json",
    "upgrade_authority": "upgrade-authority.json",
}


def load_keys(state_dir: Path | None) -> Keys:
    """The keys in `state_dir` (made there with mode 0600 when missing), or fresh ones."""
    if state_dir is None:
        return Keys(**{name: Keypair() for name in _KEY_FILES})
    folder = state_dir / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Keys(**{name: _key(folder / file) for name, file in _KEY_FILES.items()})


def _key(path: Path) -> Keypair:
    try:
        text = path.read_text()
    except FileNotFoundError:
        keypair = Keypair()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(keypair.to_json())
        return keypair
    try:
        return Keypair.from_json(text)
    except Exception as error:
        raise SettingsError(
            f"{path} is not a keypair file (a JSON list of 64 numbers); restore it, or start"
            f" over with --reset"
        ) from error


def program_data_address(program_id: Pubkey) -> Pubkey:
    """Where the upgradeable loader keeps the code of `program_id`."""
    return Pubkey.find_program_address([bytes(program_id)], UPGRADEABLE_LOADER)[0]


def upgradeable_program(
    program_id: Pubkey, elf: bytes, authority: Pubkey, rent: Any, slot: int = 0
) -> list[tuple[Pubkey, AccountState]]:
    """The two accounts of a deployed upgradeable program, program data first.

    `rent` answers the rent-exempt minimum in lamports for a size in bytes.
    """
    address = program_data_address(program_id)
    data = b"\x03\x00\x00\x00" + slot.to_bytes(8, "little") + b"\x01" + bytes(authority) + elf
    program = b"\x02\x00\x00\x00" + bytes(address)
    return [
        (address, AccountState(rent(len(data)), data, UPGRADEABLE_LOADER)),
        (program_id, AccountState(rent(len(program)), program, UPGRADEABLE_LOADER, True)),
    ]


def choir_program() -> ProgramFile:
    """The Choir program as it comes with this package. Raises SettingsError when it is missing."""
    from choir.artifact import program_so
    from choir.ids import PROGRAM_ID

    path = program_so()
    if not path.exists():
        raise SettingsError(
            f"the Choir program's object is missing ({path}); build it with scripts/build-program,"
            " or start without it (--no-choir)"
        )
    return ProgramFile(PROGRAM_ID, path)


def read_elf(program: ProgramFile) -> bytes:
    """The program's object file. Raises SettingsError."""
    try:
        elf = program.path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"the object of program {program.program_id} cannot be read from {program.path}:"
            f" {error.strerror}"
        ) from error
    if elf[:4] != b"\x7fELF":
        raise SettingsError(f"{program.path} is not an ELF object; build the program first")
    return elf


def genesis_accounts(
    settings: Settings, keys: Keys, rent: Any
) -> Iterator[tuple[Pubkey, AccountState]]:
    """Every account a new chain starts with, in an order LiteSVM accepts. Raises SettingsError."""
    yield keys.faucet.pubkey(), AccountState(FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM)
    yield (
        keys.stake_mint.pubkey(),
        AccountState(
            rent(tokens.MINT_SIZE),
            tokens.pack_mint(keys.mint_authority.pubkey(), settings.stake_decimals),
            TOKEN_PROGRAM,
        ),
    )
    yield NATIVE_MINT, AccountState(rent(tokens.MINT_SIZE), tokens.NATIVE_MINT, TOKEN_PROGRAM)
    for program in settings.programs:
        yield from upgradeable_program(
            program.program_id, read_elf(program), keys.upgrade_authority.pubkey(), rent
        )
    for path in settings.accounts:
        yield read_account_file(path)


def read_account_file(path: Path) -> tuple[Pubkey, AccountState]:
    """An account in the form `solana account --output json` writes. Raises SettingsError."""
    try:
        document = orjson.loads(path.read_bytes())
        pubkey = Pubkey.from_string(document["pubkey"])
        return pubkey, account_from_json(document["account"])
    except OSError as error:
        raise SettingsError(f"account file {path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"account file {path} is not in the form of `solana account --output json`"
            f' ({{"pubkey", "account": {{"lamports", "data": [base64, "base64"], "owner"}}}}):'
            f" {error}"
        ) from error


def account_from_json(account: dict[str, Any]) -> AccountState:
    """An account object with base64 data. Raises KeyError, TypeError or ValueError."""
    data, encoding = account["data"]
    if encoding != "base64":
        raise ValueError(f"data must be base64, not {encoding}")
    try:
        raw = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ValueError(f"data is not base64: {error}") from error
    return AccountState(
        lamports=int(account["lamports"]),
        data=raw,
        owner=Pubkey.from_string(account["owner"]),
        executable=bool(account.get("executable", False)),
        rent_epoch=int(account.get("rentEpoch", 2**64 - 1)),
    )


def genesis_hash(keys: Keys, entropy: bytes) -> bytes:
    """32 bytes that name this chain and no other."""
    return hashlib.sha256(bytes(keys.identity.pubkey()) + entropy).digest()

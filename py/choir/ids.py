"""Addresses of the program and of everything it owns, and the hash of a content.

Seeds are the program's; every function takes `program_id` for a copy deployed elsewhere.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final

from solders.pubkey import Pubkey

from choir._program.address import PROGRAM_ADDRESS
from choir.errors import InvalidInput

__all__ = [
    "MAX_THREAD_ID_BYTES",
    "PROGRAM_ID",
    "as_hash",
    "as_pubkey",
    "config_pda",
    "content_hash",
    "escrow_pda",
    "event_authority_pda",
    "genesis_head",
    "message_pda",
    "next_head",
    "position_pda",
    "program_data_pda",
    "proposal_pda",
    "spec_pda",
    "thread_pda",
    "treasury_pda",
    "treasury_vault_pda",
    "vault_pda",
]

PROGRAM_ID: Final = Pubkey.from_string(PROGRAM_ADDRESS)
UPGRADEABLE_LOADER: Final = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
MAX_THREAD_ID_BYTES: Final = 64
_U64: Final = 1 << 64


def content_hash(content: str | bytes) -> bytes:
    """sha256 of a content's UTF-8 bytes: 32 bytes, what the chain holds in its place."""
    return sha256(content.encode() if isinstance(content, str) else content).digest()


def as_hash(value: bytes | str) -> bytes:
    """32 bytes from themselves or from 64 hexadecimal digits.

    Raises InvalidInput for anything else.
    """
    if isinstance(value, str):
        try:
            value = bytes.fromhex(value)
        except ValueError:
            raise InvalidInput(f"a content hash is 64 hexadecimal digits, not {value!r}") from None
    if len(value) != 32:
        raise InvalidInput(f"a content hash is 32 bytes, not {len(value)}")
    return value


def as_pubkey(value: Pubkey | str) -> Pubkey:
    """A public key from itself or from its base58 text. Raises InvalidInput."""
    if isinstance(value, Pubkey):
        return value
    try:
        return Pubkey.from_string(value)
    except ValueError:
        raise InvalidInput(f"{value!r} is not an address (base58 of 32 bytes)") from None


def thread_id_bytes(thread_id: str) -> bytes:
    """The UTF-8 bytes of a thread id, checked: 1 to 64 of them. Raises InvalidInput."""
    try:
        raw = thread_id.encode()
    except UnicodeEncodeError:
        raise InvalidInput("a thread id must be text that UTF-8 can hold") from None
    if not raw:
        raise InvalidInput("a thread id must not be empty")
    if len(raw) > MAX_THREAD_ID_BYTES:
        raise InvalidInput(
            f"a thread id is at most {MAX_THREAD_ID_BYTES} bytes of UTF-8; this one has {len(raw)}"
        )
    return raw


@lru_cache(maxsize=4096)
def _pda(program_id: Pubkey, *seeds: bytes) -> Pubkey:
    return Pubkey.find_program_address(seeds, program_id)[0]


def config_pda(*, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The one Config account."""
    return _pda(program_id, b"config")


def treasury_pda(*, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The one Treasury account."""
    return _pda(program_id, b"treasury")


def treasury_vault_pda(*, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The treasury's token account."""
    return _pda(program_id, b"treasury_vault")


def proposal_pda(index: int, *, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The TreasuryProposal of a number (from 0). Raises InvalidInput outside u64."""
    if not 0 <= index < _U64:
        raise InvalidInput(f"a proposal's number is from 0 to 2^64 - 1, not {index}")
    return _pda(program_id, b"treasury", index.to_bytes(8, "little"))


def thread_pda(thread_id: str, *, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The Thread account of an id of 1 to 64 bytes of UTF-8. Raises InvalidInput."""
    return _pda(program_id, b"thread", sha256(thread_id_bytes(thread_id)).digest())


def vault_pda(thread: Pubkey, *, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """A thread's token account."""
    return _pda(program_id, b"vault", bytes(thread))


def position_pda(thread: Pubkey, owner: Pubkey, *, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The Position of one owner in one thread."""
    return _pda(program_id, b"position", bytes(thread), bytes(owner))


def spec_pda(
    thread: Pubkey, author: Pubkey, content_hash: bytes, *, program_id: Pubkey = PROGRAM_ID
) -> Pubkey:
    """The Spec of one author for one content in one thread."""
    return _pda(program_id, b"spec", bytes(thread), bytes(author), as_hash(content_hash))


def escrow_pda(spec: Pubkey, *, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The token account that holds a pending spec's stake."""
    return _pda(program_id, b"escrow", bytes(spec))


def message_pda(thread: Pubkey, index: int, *, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The Message at `index` (from 0) of a thread. Raises InvalidInput outside u64."""
    if not 0 <= index < _U64:
        raise InvalidInput(f"a message's index is from 0 to 2^64 - 1, not {index}")
    return _pda(program_id, b"message", bytes(thread), index.to_bytes(8, "little"))


def event_authority_pda(*, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The signer of the program's own event instructions (Anchor's `emit_cpi!`)."""
    return _pda(program_id, b"__event_authority")


def program_data_pda(*, program_id: Pubkey = PROGRAM_ID) -> Pubkey:
    """The upgradeable loader's account with the program's code and upgrade authority."""
    return Pubkey.find_program_address([bytes(program_id)], UPGRADEABLE_LOADER)[0]


def genesis_head(thread_id: str) -> bytes:
    """The head of a thread's hash chain before its first message."""
    return sha256(b"choir:thread" + sha256(thread_id_bytes(thread_id)).digest()).digest()


def next_head(head: bytes, index: int, author: Pubkey, content_hash: bytes) -> bytes:
    """The head after the message at `index`: sha256(head ‖ index LE ‖ author ‖ content hash)."""
    return sha256(
        head + index.to_bytes(8, "little") + bytes(author) + as_hash(content_hash)
    ).digest()

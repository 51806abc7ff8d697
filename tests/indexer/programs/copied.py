"""Our program at another address, as a stranger's: its object with the addresses in it replaced.

An Anchor program knows its own address and, where it emits by calls, its event authority's; both
stand in the object as constants and as the immediates of instructions, eight bytes at a time.
"""

from __future__ import annotations

from hashlib import sha256

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from choir.artifact import program_so
from choir.ids import PROGRAM_ID, event_authority_pda

LOAD_64 = 0x18  # an instruction of two slots: half of the immediate in each


def an_address(number: int = 0) -> Pubkey:
    """One whose event authority has our own's bump, which is in the object too."""
    wanted = _bump(PROGRAM_ID)
    while True:
        found = Keypair.from_seed(sha256(b"a stranger's program %d" % number).digest()).pubkey()
        if _bump(found) == wanted:
            return found
        number += 1000


def object_at(address: Pubkey) -> bytes:
    """The object as it would have been built for `address`."""
    code = bytearray(program_so().read_bytes())
    for ours, theirs in (
        (bytes(PROGRAM_ID), bytes(address)),
        (bytes(event_authority_pda()), bytes(event_authority_pda(program_id=address))),
    ):
        assert code.count(ours) == 1
        code = code.replace(ours, theirs)
        for at in range(0, 32, 8):
            _replace_immediate(code, ours[at : at + 8], theirs[at : at + 8])
    return bytes(code)


def _replace_immediate(code: bytearray, ours: bytes, theirs: bytes) -> None:
    at = code.find(ours[:4])
    while at >= 0:
        if code[at - 4] == LOAD_64 and code[at + 8 : at + 12] == ours[4:]:
            code[at : at + 4] = theirs[:4]
            code[at + 8 : at + 12] = theirs[4:]
        at = code.find(ours[:4], at + 1)


def _bump(program: Pubkey) -> int:
    return Pubkey.find_program_address([b"__event_authority"], program)[1]
